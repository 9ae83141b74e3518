"""Commands that say whether a result can be trusted, and that repair."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semiproto.cli.app import app, say
from semiproto.cli.given import existing_file, require_checkout
from semiproto.paths import PARAMETERS

PANEL = "Trust and repair"


@app.command(rich_help_panel=PANEL)
def explain(
    path: Annotated[str, typer.Argument(help="A file or folder of the pipeline, or TABLE.csv:ROW.")],
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON, with the whole receipts.")] = False,
) -> None:
    """Say where a result comes from, back to the data, and check it. Exits with 1 unless all of it is sound.

    Example: semiproto explain results/tables/summary.csv:3
    """
    import json

    from semiproto import params, paths
    from semiproto.provenance import explain as explaining
    from semiproto.steps.experiment import Experiment

    require_checkout()
    explanation = explaining.explain(path, Experiment(params.load(paths.PARAMETERS)))
    if as_json:
        typer.echo(json.dumps(explanation.as_json(), indent=2))
    for line in () if as_json else explanation.lines():
        say(line)
    raise typer.Exit(0 if explanation.sound else 1)


@app.command(rich_help_panel=PANEL)
def plan(
    file: Annotated[
        Path, typer.Argument(metavar="[PARAMS.YAML]", callback=existing_file, help="Parameter file.")
    ] = PARAMETERS,
) -> None:
    """Say what the trainings of an experiment will cost, before anything runs: steps, memory, disk, hours here.

    Example: semiproto plan experiments/voc-classic.yaml
    """
    from semiproto import params
    from semiproto.steps.planning import plan as planning

    for line in planning.make(params.load(file)).lines():
        say(line)


@app.command(rich_help_panel=PANEL)
def reproduced(
    committed: Annotated[str, typer.Option(metavar="REVISION", help="The git revision to compare with.")] = "HEAD",
) -> None:
    """Compare the tables made here with the committed ones: identical, within the seeds' spread, or different.

    Exits with 1 if a number is different or missing, with 0 otherwise.

    Example: semiproto reproduced --committed HEAD
    """
    from semiproto.report import reproduced as comparing

    require_checkout()
    comparison = comparing.compare(committed)
    for line in comparison.lines():
        say(line)
    raise typer.Exit(0 if comparison.reproduced else 1)


@app.command(rich_help_panel=PANEL)
def unlock() -> None:
    """Say what killed processes left locked or half written, and remove it; refuse while one is at work.

    Example: semiproto unlock
    """
    from semiproto.process import locks

    require_checkout()
    for line in locks.unlock(Path()):
        say(line)


@app.command(rich_help_panel=PANEL)
def pull() -> None:
    """`dvc pull`, once the lists of files in the storage are those of dvc.lock: others could have it write anywhere.

    Example: semiproto pull
    """
    import os
    import sys

    from semiproto.provenance import storage

    require_checkout()
    storage.fetch_lists()
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "dvc", "pull"])  # signals and the status are DVC's own
