"""The command line: one command per step of the pipeline, and the user's own. Parses, calls, prints.

Steps are run by Snakemake, which hands each its configuration (as JSON, only the sections it may read), its input and
output folders, and the machine's settings. Modules are imported inside the commands, so that `--help` is quick and the
tables, figures and report never load torch.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from semiproto import params
from semiproto.errors import Interrupted, UserError, of_memory, of_system
from semiproto.process.parent import end_with_caller

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Semi-supervised semantic segmentation with prototype-based consistency.",
)

Config = Annotated[str, typer.Option(help="The step's sections of params.yaml, as JSON.")]
ComputeJson = Annotated[str, typer.Option("--compute", help="The section compute of params.yaml, as JSON.")]
Data = Annotated[Path, typer.Option(help="Prepared set, data/raw/<dataset>.")]
Split = Annotated[Path, typer.Option(help="Lists of the split, data/splits/<dataset>/<split>.")]
Out = Annotated[Path, typer.Option(help="Folder to write to.")]
Checkpoints = Annotated[Path, typer.Option(help="Folder of the resume checkpoints.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the run.")]


# ---------------------------------------------------------------------------------------------------- steps


def _list_sets(asked: bool) -> None:
    if asked:
        from semiproto.data.published import catalog

        for line in catalog.describe():
            typer.echo(line)
        raise typer.Exit


@app.command(rich_help_panel="Steps of the pipeline")
def data(
    config: Config,
    out: Out,
    compute_json: ComputeJson,
    catalogue: Annotated[
        bool,
        typer.Option("--list", is_eager=True, callback=_list_sets, help="What can be downloaded, and its licence."),
    ] = False,
) -> None:
    """Prepare the set: make it, check and copy the user's folder, or download and convert a published one.

    Example: semiproto data --list
    semiproto data --config '{"dataset": {...}}' --out data/raw/digits --compute '{...}'
    """
    from semiproto.steps import inputs as steps

    steps.prepare(params.parse(config, params.DataConfig), out, _compute(compute_json))


@app.command(rich_help_panel="Steps of the pipeline")
def split(config: Config, data: Data, labels: Annotated[str, typer.Option(help="A number, or all.")], out: Out) -> None:
    """Draw the labelled images and list the unlabelled and validation ones.

    Example: semiproto split --config '{...}' --data data/raw/digits --labels 30 --out data/splits/digits/30
    """
    from semiproto.steps import inputs as steps

    steps.split(params.parse(config, params.SplitConfig), data, labels, out)


@app.command(rich_help_panel="Steps of the pipeline")
def folds(config: Config, data: Data, split: Split, out: Out) -> None:
    """Divide the labelled images into the folds of the forecast: lists fold0, fold1, ...

    Example: semiproto folds --config '{...}' --data data/raw/digits --split data/splits/digits/30
    --out data/folds/digits/30
    """
    from semiproto.steps import inputs as steps

    steps.folds(params.parse(config, params.FoldsConfig), data, split, out)


@app.command(rich_help_panel="Steps of the pipeline")
def pretrain(
    config: Config, data: Data, split: Split, seed: Seed, out: Out, checkpoints: Checkpoints, compute_json: ComputeJson
) -> None:
    """Train on the labelled images alone.

    Example: semiproto pretrain --config '{...}' --data data/raw/digits --split data/splits/digits/30 --seed 0
    --out models/pretrain/digits/30/seed0 --checkpoints checkpoints/pretrain/digits/30/seed0 --compute '{...}'
    """
    from semiproto.process import distributed
    from semiproto.steps import training as runs

    step_config, compute = params.parse(config, params.PretrainConfig), _compute(compute_json)
    inputs = runs.Inputs(data, split)
    validate = _validator(inputs.data, split, inputs.classes)
    work = partial(runs.pretrain, step_config, inputs, seed, out, checkpoints, compute, validate)
    distributed.run(compute, step_config.pretrain.batch, work)


@app.command(rich_help_panel="Steps of the pipeline")
def features(
    config: Config,
    data: Data,
    split: Split,
    pretrained: Annotated[Path, typer.Option(help="Model folder of the pretrain step.")],
    out: Out,
    compute_json: ComputeJson,
) -> None:
    """Sample pixel features of each class from the labelled images.

    Example: semiproto features --config '{...}' --data data/raw/digits --split data/splits/digits/30
    --pretrained models/pretrain/digits/30/seed0 --out models/features/digits/30/seed0 --compute '{...}'
    """
    from semiproto.process.distributed import device_of
    from semiproto.steps import scores as steps

    step_config = params.parse(config, params.FeaturesConfig)
    steps.features(step_config, data, split, pretrained, out, device_of(_compute(compute_json)))


@app.command(rich_help_panel="Steps of the pipeline")
def prototypes(
    config: Config,
    data: Data,
    features: Annotated[Path, typer.Option(help="Folder of the features step.")],
    out: Out,
) -> None:
    """Cluster the features of each class into its prototypes.

    Example: semiproto prototypes --config '{...}' --data data/raw/digits --features models/features/digits/30/seed0
    --out models/prototypes/digits/30/seed0
    """
    from semiproto.steps import scores as steps

    steps.prototypes(params.parse(config, params.PrototypesConfig), data, features, out)


@app.command(rich_help_panel="Steps of the pipeline")
def forecast(
    config: Config,
    data: Data,
    split: Split,
    unseen: Annotated[list[Path], typer.Option(help="Lists whose val.txt is measured, one per model.")],
    model: Annotated[list[Path], typer.Option(help="Model folders of the pretrain step, in the same order.")],
    dataset: Annotated[str, typer.Option(help="Name of the set, for the tables.")],
    labels: Annotated[str, typer.Option(help="Name of the split, for the tables.")],
    seed: Seed,
    out: Out,
    compute_json: ComputeJson,
) -> None:
    """Say before the long run what the pseudo-labels will be worth: how many are confident, and how many are right.

    Example: semiproto forecast --config '{...}' --data data/raw/digits --split data/splits/digits/30
    --unseen data/folds/digits/30/fold0 --model models/folds/digits/30/seed0/fold0
    --unseen data/folds/digits/30/fold1 --model models/folds/digits/30/seed0/fold1
    --dataset digits --labels 30 --seed 0 --out results/forecast/digits/30/seed0 --compute '{...}'
    """
    from semiproto.measure import forecast as measure
    from semiproto.process.distributed import device_of

    step_config = params.parse(config, params.ForecastConfig)
    run = {"dataset": dataset, "split": labels, "seed": seed}
    parts = list(zip(unseen, model, strict=True))
    typer.echo(measure.forecast(step_config, data, split, parts, run, out, device_of(_compute(compute_json))))


@app.command(rich_help_panel="Steps of the pipeline")
def train(
    config: Config,
    data: Data,
    split: Split,
    seed: Seed,
    out: Out,
    checkpoints: Checkpoints,
    compute_json: ComputeJson,
    pretrained: Annotated[
        Path | None, typer.Option(help="Model folder to start from; none: the encoder's own.")
    ] = None,
    prototypes: Annotated[
        Path | None, typer.Option(help="Folder of the prototypes step; for the prototype head.")
    ] = None,
) -> None:
    """Train one variant: student, teacher, and for the full method the prototype head.

    Example: semiproto train --config '{...}' --data data/raw/digits --split data/splits/digits/30 --seed 0
    --pretrained models/pretrain/digits/30/seed0 --prototypes models/prototypes/digits/30/seed0
    --out models/semi/digits/30/prototype/seed0 --checkpoints checkpoints/semi/digits/30/prototype/seed0
    --compute '{...}'
    """
    from semiproto.process import distributed
    from semiproto.steps import training as runs

    step_config, compute = params.parse(config, params.TrainConfig), _compute(compute_json)
    inputs = runs.Inputs(data, split, *(folder for folder in (pretrained, prototypes) if folder is not None))
    validate = _validator(inputs.data, split, inputs.classes, step_config.semi.tau)
    work = partial(runs.train, step_config, inputs, pretrained, prototypes, seed, out, checkpoints, compute, validate)
    distributed.run(compute, step_config.semi.batch, work)


@app.command(rich_help_panel="Steps of the pipeline")
def evaluate(
    config: Config,
    data: Data,
    split: Split,
    model: Annotated[Path, typer.Option(help="Model folder of the train step.")],
    dataset: Annotated[str, typer.Option(help="Name of the set, for the tables.")],
    labels: Annotated[str, typer.Option(help="Name of the split, for the tables.")],
    variant: Annotated[str, typer.Option(help="Name of the variant, for the tables.")],
    seed: Seed,
    out: Out,
    compute_json: ComputeJson,
    pretrained: Annotated[Path | None, typer.Option(help="Model folder that the run started from.")] = None,
) -> None:
    """Score a run on the validation images with all its heads.

    Example: semiproto evaluate --config '{...}' --data data/raw/digits --split data/splits/digits/30
    --model models/semi/digits/30/prototype/seed0 --dataset digits --labels 30 --variant prototype --seed 0
    --out results/eval/digits/30/prototype/seed0 --compute '{...}'
    """
    from semiproto.process import distributed
    from semiproto.steps import scores as steps

    step_config, compute = params.parse(config, params.EvaluateConfig), _compute(compute_json)
    run = {"dataset": dataset, "split": labels, "variant": variant, "seed": seed}
    work = partial(steps.evaluate, step_config, data, split, model, pretrained, run, out, compute)
    distributed.run(compute, distributed.NO_BATCH, work)


@app.command(rich_help_panel="Steps of the pipeline")
def tsne(
    config: Config,
    data: Data,
    split: Split,
    variant: Annotated[list[str], typer.Option(help="Names of the variants, one panel each.")],
    model: Annotated[list[Path], typer.Option(help="Their model folders, in the same order.")],
    seed: Seed,
    out: Out,
    compute_json: ComputeJson,
) -> None:
    """Project the features of the variants into the plane and measure how compact the classes are.

    Example: semiproto tsne --config '{...}' --data data/raw/digits --split data/splits/digits/30
    --variant supervised --model models/semi/digits/30/supervised/seed0 --seed 0 --out results/tsne/digits/30/seed0
    --compute '{...}'
    """
    from semiproto.measure import tsne as projection
    from semiproto.process.distributed import device_of

    step_config = params.parse(config, params.TsneConfig)
    models = dict(zip(variant, model, strict=True))
    projection.tsne(step_config, data, split, models, seed, out, device_of(_compute(compute_json)))


@app.command(rich_help_panel="Steps of the pipeline")
def patches(
    config: Config,
    data: Data,
    split: Split,
    model: Annotated[Path, typer.Option(help="Model folder of a run with prototypes.")],
    out: Out,
    compute_json: ComputeJson,
) -> None:
    """Find what each prototype stands for: the training images' patches nearest to it, and its share of the pixels.

    Example: semiproto patches --config '{...}' --data data/raw/digits --split data/splits/digits/30
    --model models/semi/digits/30/prototype/seed0 --out results/patches/digits/30/prototype/seed0 --compute '{...}'
    """
    from semiproto.measure import patches as nearest
    from semiproto.process.distributed import device_of

    step_config = params.parse(config, params.PatchesConfig)
    nearest.patches(step_config, data, split, model, out, device_of(_compute(compute_json)))


Evaluations = Annotated[list[Path], typer.Option("--evaluation", help="Folders of the evaluate step.")]


@app.command(rich_help_panel="Steps of the pipeline")
def tables(
    evaluation: Evaluations,
    out: Out,
    machine: Annotated[Path, typer.Option(help="Folder for what was measured of the machine, kept out of git.")],
) -> None:
    """Write the tables: runs, means and spreads, the verdict, published numbers; apart from them, seconds and memory.

    Example: semiproto tables --evaluation results/eval/digits/30/prototype/seed0 --out results/tables
    --machine results/machine
    """
    from semiproto.provenance import artifacts
    from semiproto.report import machine as measured
    from semiproto.report import tables as writing
    from semiproto.report.evaluations import METRICS

    watch = artifacts.Stopwatch()
    inputs = artifacts.checked_inputs(folder for folder in evaluation if (folder / METRICS).is_file())
    names = writing.tables(evaluation, out)
    artifacts.write_receipt(
        out, "tables", outputs=artifacts.digests(out, names), config={}, inputs=inputs, seed=None, seconds=None
    )
    records = artifacts.digests(machine, measured.tables(evaluation, machine))
    artifacts.write_receipt(
        machine,
        "machine",
        outputs={},
        records=records,
        config={},
        inputs=inputs,
        seed=None,
        seconds=watch.seconds(),
    )


@app.command(rich_help_panel="Steps of the pipeline")
def outcome(
    tables: Annotated[Path, typer.Option(help="Folder of the tables step.")],
    forecast: Annotated[list[Path], typer.Option(help="Folders of the forecast step.")],
    out: Annotated[Path, typer.Option(help="The CSV file to write.")],
) -> None:
    """Set what was forecast beside what then happened.

    Example: semiproto outcome --tables results/tables --forecast results/forecast/digits/30/seed0
    --out results/tables/forecast.csv
    """
    from semiproto.provenance import artifacts
    from semiproto.report import forecast as advice

    inputs = artifacts.checked_inputs([tables, *forecast])
    advice.outcome(tables, forecast, out)
    outputs = {out.name: artifacts.sha256_file(out)}
    artifacts.write_receipt(out, "outcome", outputs=outputs, config={}, inputs=inputs, seed=None, seconds=None)


@app.command(rich_help_panel="Steps of the pipeline")
def figures(
    tables: Annotated[Path, typer.Option(help="Folder of the tables step.")],
    evaluation: Evaluations,
    data: Data,
    out: Out,
    health: Annotated[list[Path] | None, typer.Option(help="health.csv files of the train step.")] = None,
    tsne: Annotated[list[Path] | None, typer.Option(help="Folders of the tsne step.")] = None,
    patches: Annotated[list[Path] | None, typer.Option(help="Folders of the patches step.")] = None,
    forecast: Annotated[list[Path] | None, typer.Option(help="Folders of the forecast step.")] = None,
) -> None:
    """Draw the figures from the tables, the predictions, the patches and the forecasts.

    Example: semiproto figures --tables results/tables --evaluation results/eval/digits/30/prototype/seed0
    --data data/raw/digits --tsne results/tsne/digits/30/seed0 --out results/figures
    """
    from semiproto.data.layout import FILES
    from semiproto.provenance import artifacts
    from semiproto.report.figures import registry as drawing

    watch = artifacts.Stopwatch()
    steps = [tsne or [], patches or [], forecast or []]
    inputs = artifacts.checked_inputs([data, tables, *evaluation, *(folder for folders in steps for folder in folders)])
    with artifacts.atomic_directory(out) as drawn:
        sources = drawing.Sources(tables, evaluation, data / FILES, health or [], *steps)
        drawing.figures(sources, drawn)
    artifacts.write_receipt(
        out,
        "figures",
        outputs=artifacts.digests(out),
        config={},
        inputs=inputs,
        seed=None,
        seconds=watch.seconds(),
    )


@app.command(rich_help_panel="Steps of the pipeline")
def report(
    tables: Annotated[Path, typer.Option(help="Folder of the tables step.")],
    figures: Annotated[Path, typer.Option(help="Folder of the figures step.")],
    receipt: Annotated[list[Path], typer.Option(help="Receipts of the runs and of what they came from.")],
    paper: Annotated[Path, typer.Option(help="The parameter file with the paper's values.")],
    out: Annotated[Path, typer.Option(help="The HTML file to write.")],
    machine: Annotated[
        Path | None, typer.Option(help="Folder of what was measured of the machine; none: no seconds are shown.")
    ] = None,
) -> None:
    """Write the report: one HTML file with the verdict, the tables, the figures and the receipts.

    Example: semiproto report --tables results/tables --figures results/figures
    --receipt models/semi/digits/30/prototype/seed0/receipt.json --paper experiments/voc-classic.yaml
    --machine results/machine --out results/report.html
    """
    from semiproto.provenance import artifacts
    from semiproto.report import page

    watch = artifacts.Stopwatch()
    forecasts = tables.glob("forecast.csv")  # none where no forecast was made
    measured = [] if machine is None else [machine]
    inputs = artifacts.checked_inputs([tables, *measured, *forecasts, figures, *(path.parent for path in receipt)])
    page.report(tables, figures, receipt, paper, out, machine)
    artifacts.write_receipt(
        out,
        "report",
        outputs={out.name: artifacts.sha256_file(out)},
        config={},
        inputs=[*inputs, paper],
        seed=None,
        seconds=watch.seconds(),
    )


# ----------------------------------------------------------------------------------------------- the user's


@app.command(rich_help_panel="Your own data")
def init(
    folder: Annotated[Path, typer.Argument(help="Your folder of images, with masks for some.")],
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
    template: Annotated[Path, typer.Option(help="The experiment to start from.")] = Path("experiments/my-data.yaml"),
    out: Annotated[Path, typer.Option(help="The parameter file to write.")] = Path("params.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite a parameter file that was edited.")] = False,
) -> None:
    """Write params.yaml for your own folder, and say what was assumed.

    Example: semiproto init ~/photos --labels 50 --set semi.steps=4000
    """
    from semiproto.data.own import init as initialise

    for line in initialise.write_params(folder, name, labels, change or [], template, out, force):
        typer.echo(line)


@app.command("check-data", rich_help_panel="Your own data")
def check_data(
    what: Annotated[Path, typer.Argument(help="The parameter file, or a folder of images.")] = Path("params.yaml"),
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write what was found as JSON; - for standard output alone.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Also draw the class balance, a PNG.")] = None,
) -> None:
    """List every fault of your own data: file, value, remedy. Exits with 1 if there is an error, 0 with warnings only.

    Example: semiproto check-data my-photos --json faults.json --picture classes.png
    """
    import json

    from semiproto.data.own import check, contents, discover
    from semiproto.provenance.artifacts import write_json

    parameters, source = (None, discover.discover(what, "check")[0]) if what.is_dir() else _own_data(what)
    findings = check.check(source, contents.read(source), parameters)
    if json_file == Path("-"):
        typer.echo(json.dumps(findings.as_json(), indent=2, allow_nan=False))
    else:
        for line in findings.lines():
            typer.echo(line)
        if json_file is not None:
            write_json(json_file, findings.as_json())
    if picture is not None:
        from semiproto.report import class_balance as balance

        balance.picture(findings, picture)
    counts = ", ".join(f"{number} {part}" for part, number in findings.images.items())
    warnings = len(findings.faults) - findings.errors()
    if findings.errors():
        raise UserError(f"{source.path}: faults found: {findings.errors()}; warnings: {warnings} ({counts})")
    typer.echo(f"{source.path}: no fault; warnings: {warnings} ({counts})", err=json_file == Path("-"))


@app.command(rich_help_panel="Your own data")
def predict(
    model: Annotated[Path, typer.Argument(help="A model folder, e.g. models/semi/digits/30/prototype/seed0.")],
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the masks.")],
    window: Annotated[int, typer.Option(min=64, help="Side of the sliding window for larger images, pixels.")] = 1024,
    index: Annotated[bool, typer.Option("--index", help="Grey PNGs of class indices, without a palette.")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Also OUT/overlay: masks laid over images.")] = False,
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Also OUT/confidence: probability of the class, 255 is certain.")
    ] = False,
) -> None:
    """Write a mask of class indices for each image; masks of the same model and options are kept.

    Example: semiproto predict models/semi/digits/30/prototype/seed0 data/raw/digits/files/JPEGImages -o masks
    """
    import signal

    from semiproto.deploy import predict as prediction

    options = prediction.Options(window, not index, overlay, confidence)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        outcome = prediction.predict_files(model, images, out, options)
    except KeyboardInterrupt:
        raise Interrupted(f"{out}: stopped; the same command goes on") from None
    for line in outcome.unreadable:
        typer.echo(f"skipped: {line}", err=True)
    typer.echo(f"{out}: masks written: {outcome.written}, already there: {outcome.kept}")
    if outcome.unreadable:
        raise UserError(
            f"images that could not be read: {len(outcome.unreadable)}; the masks of the others are in {out}"
        )


@app.command(rich_help_panel="Your own data")
def compare(
    minuend: Annotated[str, typer.Argument(metavar="A", help="A variant, or a folder of its evaluations.")],
    subtrahend: Annotated[str, typer.Argument(metavar="B", help="What it is compared with, likewise.")],
    results: Annotated[Path, typer.Option(help="Where the evaluations of variants are.")] = Path("results/eval"),
) -> None:
    """Say whether A did better than B: the gain over images and seeds, by class, and what it does not show.

    Example: semiproto compare prototype supervised
    """
    from semiproto.report import verdict

    for line in verdict.lines(minuend, subtrahend, results):
        typer.echo(line)


@app.command("splits", rich_help_panel="Your own data")
def show_splits(file: Annotated[Path, typer.Argument(help="The parameter file.")] = Path("params.yaml")) -> None:
    """Print the images, pixels and classes of each split that was made.

    Example: semiproto splits params.yaml
    """
    from semiproto.data import splits
    from semiproto.data.layout import FILES

    name = params.load(file).dataset.name
    made = sorted(path.parent for path in Path("data/splits", name).glob("*/receipt.json"))
    if not made:
        raise UserError(f"data/splits/{name}: no split was made yet; run `snakemake --cores all stage_data`")
    for split in made:
        for line in splits.describe(Path("data/raw", name, FILES), split):
            typer.echo(line)


@app.command("params", rich_help_panel="Your own data")
def explain_params() -> None:
    """Print every parameter with its unit, bounds, reason and source.

    Example: semiproto params | less
    """
    for line in params.explain():
        typer.echo(line)


@app.command(rich_help_panel="Trust and repair")
def explain(
    path: Annotated[str, typer.Argument(help="A file or folder of the pipeline, or TABLE.csv:ROW.")],
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON, with the whole receipts.")] = False,
) -> None:
    """Say where a result comes from, back to the data, and check it. Exits with 1 unless all of it is sound.

    Example: semiproto explain results/tables/summary.csv:3
    """
    import json

    from semiproto.provenance import explain as explaining

    explanation = explaining.explain(path)
    for line in [json.dumps(explanation.as_json(), indent=2)] if as_json else explanation.lines():
        typer.echo(line)
    raise typer.Exit(0 if explanation.sound else 1)


@app.command(rich_help_panel="Trust and repair")
def reproduced(
    committed: Annotated[str, typer.Option(metavar="REVISION", help="The git revision to compare with.")] = "HEAD",
) -> None:
    """Compare the tables made here with the committed ones: identical, within the seeds' spread, or different.

    Exits with 1 if a number is different or missing, with 0 otherwise.

    Example: make run && semiproto reproduced
    """
    from semiproto.report import reproduced as comparing

    comparison = comparing.compare(committed)
    for line in comparison.lines():
        typer.echo(line)
    raise typer.Exit(0 if comparison.reproduced else 1)


@app.command(rich_help_panel="Trust and repair")
def unlock() -> None:
    """Say what killed processes left locked or half written, and remove it; refuse while one is at work.

    Example: semiproto unlock
    """
    from semiproto.process import locks

    for line in locks.unlock(Path()):
        typer.echo(line)


# -------------------------------------------------------------------------------------------------- helpers


def _own_data(file: Path) -> tuple[params.Params, params.FolderSource]:
    """A parameter file and its section of the user's own folder."""
    parameters = params.load(file)
    source = parameters.dataset
    if not isinstance(source, params.FolderSource):
        raise UserError(f"{file}: dataset.source is {source.source}, which has no folder to check")
    return parameters, source


def _compute(text: str) -> params.Compute:
    compute: params.Compute = params.parse(text, params.Compute, "--compute")
    return compute


def _validator(data: Path, split: Path, classes: list[str], tau: float | None = None):  # type: ignore[no-untyped-def]
    """A function that says what a network is worth on the split's validation images. Its type would import torch."""
    from functools import partial

    from semiproto.data import layout
    from semiproto.data.dataset import Images
    from semiproto.measure.inference import validate

    return partial(validate, images=Images(data, layout.read_list(split / "val.txt")), names=classes, tau=tau)


def main() -> None:
    """Runs a command; bad input ends with one line and status 1, an interruption with status 130."""
    end_with_caller()
    try:
        app()
    except UserError as error:
        _stop(str(error), 1)
    except Interrupted as error:
        _stop(str(error), 130)
    except OSError as error:
        _stop(str(of_system(error)), 1)
    except (MemoryError, RuntimeError) as error:
        _stop(str(of_memory(error)), 1)


def _stop(message: str, status: int) -> NoReturn:
    print(f"semiproto: {message}", file=sys.stderr)
    raise SystemExit(status)
