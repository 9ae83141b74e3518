"""Commands for your own data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semiproto import params, paths
from semiproto.cli.app import app, say
from semiproto.cli.given import Model, existing, existing_file, existing_folder, new_file, new_folder
from semiproto.deploy.exchange import ToolFormat
from semiproto.errors import Interrupted, UserError
from semiproto.params import AcquisitionKind, LabelFormat

if TYPE_CHECKING:
    from semiproto.data.own.account import Row

PANEL = "Your own data"


@app.command(rich_help_panel=PANEL)
def init(
    folder: Annotated[Path, typer.Argument(callback=existing, help="Folder of images, with masks for some.")],
    name: Annotated[str | None, typer.Option(help="Name of the set; the folder's name if not given.")] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="How many of the images with masks to label: a number, or all; as in the template if not given."
        ),
    ] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Another parameter, e.g. semi.steps=2000; may be repeated.")
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option(
            callback=existing_file,
            help="Experiment to start from, as it is; else experiments/my-data.yaml, fitted to images and machine.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(callback=new_file, help="Parameter file to write.")] = paths.PARAMETERS,
    label_format: Annotated[
        LabelFormat | None, typer.Option("--format", help="What the labels are; recognised if not given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a parameter file that was edited.")] = False,
) -> None:
    """Write params.yaml for your own folder, and say what was assumed.

    Example: semiproto init ~/photos --labels 50 --set semi.steps=4000
    """
    from semiproto.data.own import init as initialise

    wishes = initialise.Wishes(name, labels, change or [], label_format)
    for line in initialise.write_params(folder, wishes, template, out, force=force):
        say(line)


@app.command("check-data", rich_help_panel=PANEL)
def check_data(
    what: Annotated[
        Path, typer.Argument(callback=existing, help="Parameter file, or folder of images.")
    ] = paths.PARAMETERS,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", callback=new_file, help="JSON file of what was found, to write too; - for standard output alone."
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(callback=new_file, help="PNG of the class balance, to draw too.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read also what was found sound and has not changed since.")
    ] = False,
) -> None:
    """List every fault of your own data: file, value, remedy. Exits with 1 if there is an error, 0 with warnings only.

    Example: semiproto check-data my-photos --json faults.json \\
    --picture classes.png
    """
    import json

    from semiproto.data.own import check
    from semiproto.data.own.contents import contents
    from semiproto.data.own.layouts import discover, refusals
    from semiproto.provenance.artifacts import write_json
    from semiproto.provenance.integrity import Kept

    by_itself = what.is_dir() or refusals.archive(what) is not None  # the latter ends in how to unpack it
    parameters, source = (None, discover.section_of(what, "check")) if by_itself else _own_data(what)
    # What the pipeline would ask again is remembered where it runs.
    kept = Kept(paths.CHECKED, anew=verify) if what == paths.PARAMETERS else None
    findings = check.check(source, contents.read(source), parameters, kept)
    if json_file == Path("-"):
        typer.echo(json.dumps(findings.as_json(), indent=2, allow_nan=False))
    else:
        for line in findings.lines():
            say(line)
        if json_file is not None:
            write_json(json_file, findings.as_json())
    if picture is not None:
        from semiproto.report.drawing import class_balance

        class_balance.write(findings, picture)
    counts = ", ".join(f"{number} {part}" for part, number in findings.images.items())
    warnings = len(findings.faults) - findings.errors()
    if findings.errors():
        raise UserError(f"{source.path}: faults found: {findings.errors()}; warnings: {warnings} ({counts})")
    say(f"{source.path}: no fault; warnings: {warnings} ({counts})", err=json_file == Path("-"))


@app.command(rich_help_panel=PANEL)
def predict(
    model: Model,
    images: Annotated[list[Path], typer.Argument(callback=existing, help="Image files, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", callback=new_folder, help="Folder for the masks.")],
    window: Annotated[int, typer.Option(min=64, help="Side of the sliding window for larger images, pixels.")] = 1024,
    index: Annotated[bool, typer.Option("--index", help="Grey PNGs of class indices, without a palette.")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Also OUT/overlay: masks laid over images.")] = False,
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Also OUT/confidence: probability of the class, 255 is certain.")
    ] = False,
    tool: Annotated[
        ToolFormat | None, typer.Option("--format", help="For a labelling tool instead, to be corrected there.")
    ] = None,
) -> None:
    """Write a mask of class indices for each image; masks of the same model and options are kept.

    Example: semiproto predict models/semi/digits/30/prototype/seed0 \\
    data/raw/digits/files/JPEGImages -o masks
    """
    from semiproto.deploy import predict as prediction
    from semiproto.deploy.exchange import writing
    from semiproto.deploy.files import Options

    options = Options(window, not index, overlay, confidence)
    if tool is not None and options != Options(window):
        raise UserError(f"--format {tool}: takes none of --index, --overlay and --confidence; leave them out")
    with _resumable(out):
        if tool is None:
            outcome = prediction.predict_files(model, images, out, options)
        else:
            outcome = writing.predict_for(tool, model, images, out, window)
    _say_of_files(outcome.unreadable, outcome.files)
    say(f"{out}: masks written: {outcome.written}, already there: {outcome.kept}")
    for line in outcome.notes:
        say(line)
    if outcome.unreadable:
        raise UserError(
            f"images that could not be read: {len(outcome.unreadable)}; the masks of the others are in {out}"
        )


@contextmanager
def _resumable(out: Path) -> Iterator[None]:
    """Ctrl-C and SIGTERM end work on many images in one line; what is in `out` stays."""
    import signal

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"{out}: stopped; the same command goes on") from None


def _say_of_files(unreadable: list[str], files: list[Row]) -> None:
    """Which of the given images could not be read, and what every file was used as."""
    from semiproto.data.own import account

    for line in unreadable:
        say(f"skipped: {line}", err=True)
    for line in account.lines(files) if files else ():
        say(line)


@app.command(rich_help_panel=PANEL)
def suggest(
    model: Model,
    images: Annotated[list[Path], typer.Argument(callback=existing, help="Image files to choose from, or folders.")],
    by: Annotated[
        AcquisitionKind | None,
        typer.Option(help="Score; the last two need prototypes. If not given, coverage where the model has them."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many images to suggest.")] = 50,
    labelled: Annotated[
        list[Path] | None,
        typer.Option(
            callback=existing,
            help="Images that have labels, or folder of them; as the model's receipt says if not given.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", callback=new_folder, help="Folder for the list and the sheet.")
    ] = (Path("suggestions")),
    window: Annotated[int, typer.Option(min=64, help="Side of the sliding window for larger images, pixels.")] = 1024,
    tool: Annotated[
        ToolFormat | None, typer.Option("--format", help="Also OUT/for-FORMAT: predictions, to be corrected there.")
    ] = None,
) -> None:
    """Choose which images to label next, and say why: a list, and a sheet of pictures.

    Labelled images and near duplicates of them are left out. What was looked at is kept for the next command.

    Example: semiproto suggest models/semi/digits/30/prototype/seed0 \\
    new-photos --count 20
    """
    from semiproto.deploy import labelled as known
    from semiproto.deploy import suggest as suggesting

    with_labels = known.named(labelled) if labelled else known.of_model(model)
    with _resumable(out):
        outcome = suggesting.suggest(model, images, with_labels, out, suggesting.Wishes(by, count, window, tool))
    _say_of_files(outcome.unreadable, outcome.files)
    for number, one in enumerate(outcome.suggestions, start=1):
        say(f"{number}. {one.image}: {one.score:.4g}, {one.why}")
    for line in outcome.notes:
        say(line)
    say(f"{out}: suggestions by {outcome.by}: {len(outcome.suggestions)} ({suggesting.LIST}, {suggesting.SHEET})")
    if outcome.unreadable:
        raise UserError(f"images that could not be read: {len(outcome.unreadable)}; the others were looked at")


@app.command(rich_help_panel=PANEL)
def compare(
    minuend: Annotated[str, typer.Argument(metavar="A", help="A variant, or a folder of its evaluations.")],
    subtrahend: Annotated[str, typer.Argument(metavar="B", help="What it is compared with, likewise.")],
    results: Annotated[
        Path, typer.Option(callback=existing_folder, help="Folder of the evaluations of variants.")
    ] = Path(paths.EVALUATIONS),
) -> None:
    """Say whether A did better than B: the gain over images and seeds, by class, and what it does not show.

    In a checkout, variants are compared by the sound runs that params.yaml asks for. Folders count whatever they hold.

    Example: semiproto compare prototype supervised
    """
    from semiproto.provenance import explain as explaining
    from semiproto.report import verdict
    from semiproto.steps.experiment import Experiment

    left_out = {}
    if results.resolve() == Path(paths.EVALUATIONS).resolve() and Path(paths.PARAMETERS).is_file():
        results = Path(paths.EVALUATIONS)
        experiment = Experiment(params.load(paths.PARAMETERS))
        left_out = explaining.left_out(verdict.evaluated(results), experiment)
    elif results == Path(paths.EVALUATIONS):
        say(f"{paths.PARAMETERS}: no such file, so whatever is below {results} counts", err=True)
    for line in verdict.lines(minuend, subtrahend, results, left_out):
        say(line)


@app.command("splits", rich_help_panel=PANEL)
def show_splits(
    file: Annotated[Path, typer.Argument(callback=existing_file, help="Parameter file.")] = paths.PARAMETERS,
) -> None:
    """Print the images, pixels and classes of each split that was made, and what of them is out of date.

    Example: semiproto splits params.yaml
    """
    from semiproto.data import splits
    from semiproto.data.layout import FILES
    from semiproto.provenance import explain as explaining
    from semiproto.steps.experiment import Experiment

    parameters = params.load(file)
    name = parameters.dataset.name
    folder = Path(paths.SPLIT(dataset=name, split="any")).parent
    made = sorted(path.parent for path in folder.glob("*/receipt.json"))
    if not made:
        raise UserError(f"{folder}: no split was made yet; run `snakemake --cores all stage_data`")
    for split in made:
        for line in splits.describe(Path(paths.DATA(dataset=name), FILES), split):
            say(line)
    for why in explaining.outdated([Path(paths.DATA(dataset=name)), *made], Experiment(parameters)).values():
        say(f"out of date: {why}")


@app.command("params", rich_help_panel=PANEL)
def explain_params() -> None:
    """Print every parameter with its unit, bounds, reason and source.

    Example: semiproto params | less
    """
    for line in params.explain():
        typer.echo(line)


def _own_data(file: Path) -> tuple[params.Params, params.FolderSource]:
    """A parameter file and its section of the user's own folder."""
    parameters = params.load(file)
    source = parameters.dataset
    if not isinstance(source, params.FolderSource):
        raise UserError(f"{file}: dataset.source is {source.source}, which has no folder to check")
    return parameters, source
