"""One command per step of the pipeline. Snakemake runs them.

Each is handed its configuration (as JSON, only the sections that it may read), its input and output folders, and the
machine's settings. The names of a run (data set, split, variant, seed) are those in the path of its output folder.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from semiproto import params, paths
from semiproto.cli.app import app, say
from semiproto.cli.given import existing_file, existing_folder, new_file, new_folder
from semiproto.errors import UserError
from semiproto.provenance.artifacts import RECEIPT
from semiproto.steps.job import Inputs, Job, NoConfig

PANEL = "Steps of the pipeline"

Config = Annotated[str, typer.Option(help="The step's sections of params.yaml, as JSON.")]
ComputeJson = Annotated[str, typer.Option("--compute", help="The section compute of params.yaml, as JSON.")]
Data = Annotated[Path, typer.Option(callback=existing_folder, help="Prepared set, data/raw/<dataset>.")]
Split = Annotated[
    Path,
    typer.Option("--split-dir", callback=existing_folder, help="Lists of the split, data/splits/<dataset>/<split>."),
]
Out = Annotated[Path, typer.Option(callback=new_folder, help="Folder to write to.")]
Checkpoints = Annotated[Path, typer.Option(callback=new_folder, help="Folder of the resume checkpoints.")]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the run.")]
Pretrained = Annotated[Path, typer.Option(callback=existing_folder, help="Model folder of the pretrain step.")]
Evaluations = Annotated[
    list[Path], typer.Option("--evaluation", callback=existing_folder, help="Folders of the evaluate step.")
]
Tables = Annotated[Path, typer.Option(callback=existing_folder, help="Folder of the tables step.")]
Forecasts = Annotated[
    list[Path], typer.Option("--forecast", callback=existing_folder, help="Folders of the forecast step.")
]


def _compute(text: str) -> params.ComputeParams:
    compute: params.ComputeParams = params.parse(text, params.ComputeParams, "--compute")
    return compute


def _seed_of(out: Path, names: int) -> int:
    """The seed in the name of an output folder whose path ends in so many names, the last of them seed{seed}."""
    try:
        if len(out.parts) >= names:
            return paths.seed_of(out)
    except ValueError:
        pass
    ending = "/".join(["dataset", "split", "variant"][: names - 1])
    raise UserError(f"--out {out}: names no run; end it in {ending}/seed0, or the number of another seed")


def _list_sets(asked: bool) -> None:
    if asked:
        from semiproto.data.published import catalog

        for line in catalog.describe():
            typer.echo(line)
        raise typer.Exit


@app.command(rich_help_panel=PANEL)
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
    semiproto data --config '{"dataset": {...}}' --out data/raw/digits \\
    --compute '{...}'
    """
    step_config = params.parse(config, params.DataConfig)
    job = Job(step_config, Inputs(), out, _compute(compute_json))
    if isinstance(step_config.dataset, params.DigitsSource):
        from semiproto.steps.data import digits

        digits.data(job)
    elif isinstance(step_config.dataset, params.FolderSource):
        from semiproto.steps.data import folder

        folder.data(job)
    else:
        from semiproto.steps.data import published

        published.data(job)


@app.command(rich_help_panel=PANEL)
def split(config: Config, data: Data, out: Out) -> None:
    """Draw the labelled images and list the unlabelled and validation ones; the folder's name says how many labels.

    Example: semiproto split --config '{...}' --data data/raw/digits \\
    --out data/splits/digits/30
    """
    from semiproto.steps.data.split import split

    step_config = params.parse(config, params.SplitConfig)
    split(Job(step_config, Inputs(data=data), out, seed=step_config.splits.seed))


@app.command(rich_help_panel=PANEL)
def folds(config: Config, data: Data, split: Split, out: Out) -> None:
    """Divide the labelled images into the folds of the forecast: lists fold0, fold1, ...

    Example: semiproto folds --config '{...}' --data data/raw/digits \\
    --split-dir data/splits/digits/30 --out data/folds/digits/30
    """
    from semiproto.steps.data.folds import folds

    step_config = params.parse(config, params.FoldsConfig)
    folds(Job(step_config, Inputs(data=data, split=split), out, seed=step_config.splits.seed))


@app.command(rich_help_panel=PANEL)
def pretrain(
    config: Config, data: Data, split: Split, seed: Seed, out: Out, checkpoints: Checkpoints, compute_json: ComputeJson
) -> None:
    """Train on the labelled images alone.

    Example: semiproto pretrain --config '{...}' --data data/raw/digits \\
    --split-dir data/splits/digits/30 --seed 0 \\
    --out models/pretrain/digits/30/seed0 \\
    --checkpoints checkpoints/pretrain/digits/30/seed0 --compute '{...}'
    """
    from semiproto.process import distributed
    from semiproto.steps.models.pretrain import pretrain
    from semiproto.steps.models.training import weights_file

    step_config, compute = params.parse(config, params.PretrainConfig), _compute(compute_json)
    inputs = Inputs(data=data, split=split, weights=weights_file(step_config))
    job = Job(step_config, inputs, out, compute, seed, checkpoints)
    distributed.run(compute, step_config.pretrain.at_once, partial(pretrain, job))


@app.command(rich_help_panel=PANEL)
def features(
    config: Config, data: Data, split: Split, pretrained: Pretrained, out: Out, compute_json: ComputeJson
) -> None:
    """Sample pixel features of each class from the labelled images.

    Example: semiproto features --config '{...}' --data data/raw/digits \\
    --split-dir data/splits/digits/30 \\
    --pretrained models/pretrain/digits/30/seed0 \\
    --out models/features/digits/30/seed0 --compute '{...}'
    """
    from semiproto.steps.models.features import features

    step_config = params.parse(config, params.FeaturesConfig)
    inputs = Inputs(data=data, split=split, pretrained=pretrained)
    features(Job(step_config, inputs, out, _compute(compute_json), step_config.features.seed))


@app.command(rich_help_panel=PANEL)
def prototypes(
    config: Config,
    data: Data,
    features: Annotated[Path, typer.Option(callback=existing_folder, help="Folder of the features step.")],
    out: Out,
) -> None:
    """Cluster the features of each class into its prototypes.

    Example: semiproto prototypes --config '{...}' --data data/raw/digits \\
    --features models/features/digits/30/seed0 \\
    --out models/prototypes/digits/30/seed0
    """
    from semiproto.steps.models.prototypes import prototypes

    step_config = params.parse(config, params.PrototypesConfig)
    prototypes(Job(step_config, Inputs(data=data, features=features), out, seed=step_config.prototypes.seed))


@app.command(rich_help_panel=PANEL)
def forecast(
    config: Config,
    data: Data,
    split: Split,
    unseen: Annotated[
        list[Path], typer.Option(callback=existing_folder, help="Lists whose val.txt is measured, one per model.")
    ],
    model: Annotated[
        list[Path],
        typer.Option(callback=existing_folder, help="Model folders of the pretrain step, in the same order."),
    ],
    out: Out,
    compute_json: ComputeJson,
) -> None:
    """Say before the long run what the pseudo-labels will be worth: how many are confident, and how many are right.

    Example: semiproto forecast --config '{...}' --data data/raw/digits \\
    --split-dir data/splits/digits/30 --unseen data/folds/digits/30/fold0 \\
    --model models/folds/digits/30/seed0/fold0 \\
    --unseen data/folds/digits/30/fold1 \\
    --model models/folds/digits/30/seed0/fold1 \\
    --out results/forecast/digits/30/seed0 --compute '{...}'
    """
    from semiproto.report.forecast import read_summary
    from semiproto.steps.results.forecast import forecast

    inputs = Inputs(data=data, split=split, unseen=unseen, model=model)
    step_config, compute = params.parse(config, params.ForecastConfig), _compute(compute_json)
    forecast(Job(step_config, inputs, out, compute, _seed_of(out, names=3)))
    typer.echo(read_summary(out, ["sentence"])["sentence"])


@app.command(rich_help_panel=PANEL)
def train(
    config: Config,
    data: Data,
    split: Split,
    seed: Seed,
    out: Out,
    checkpoints: Checkpoints,
    compute_json: ComputeJson,
    pretrained: Annotated[
        Path | None, typer.Option(callback=existing_folder, help="Model folder to start from; none: the encoder's own.")
    ] = None,
    prototypes: Annotated[
        Path | None,
        typer.Option(callback=existing_folder, help="Folder of the prototypes step; for the prototype head."),
    ] = None,
) -> None:
    """Train one variant: student, teacher, and for the full method the prototype head.

    Example: semiproto train --config '{...}' --data data/raw/digits \\
    --split-dir data/splits/digits/30 --seed 0 \\
    --pretrained models/pretrain/digits/30/seed0 \\
    --prototypes models/prototypes/digits/30/seed0 \\
    --out models/semi/digits/30/prototype/seed0 \\
    --checkpoints checkpoints/semi/digits/30/prototype/seed0 \\
    --compute '{...}'
    """
    from semiproto.process import distributed
    from semiproto.steps.models.train import train
    from semiproto.steps.models.training import weights_file

    step_config, compute = params.parse(config, params.TrainConfig), _compute(compute_json)
    inputs = Inputs(
        data=data, split=split, pretrained=pretrained, prototypes=prototypes, weights=weights_file(step_config)
    )
    job = Job(step_config, inputs, out, compute, seed, checkpoints)
    distributed.run(compute, step_config.semi.at_once, partial(train, job))


@app.command(rich_help_panel=PANEL)
def evaluate(
    config: Config,
    data: Data,
    split: Split,
    model: Annotated[Path, typer.Option(callback=existing_folder, help="Model folder of the train step.")],
    out: Out,
    compute_json: ComputeJson,
    pretrained: Annotated[
        Path | None, typer.Option(callback=existing_folder, help="Model folder that the run started from.")
    ] = None,
) -> None:
    """Score a run on the validation images with all its heads.

    Example: semiproto evaluate --config '{...}' --data data/raw/digits \\
    --split-dir data/splits/digits/30 \\
    --model models/semi/digits/30/prototype/seed0 \\
    --out results/eval/digits/30/prototype/seed0 --compute '{...}'
    """
    from semiproto.process import distributed
    from semiproto.steps.results.evaluate import evaluate

    inputs = Inputs(data=data, split=split, model=model, pretrained=pretrained)
    step_config, compute = params.parse(config, params.EvaluateConfig), _compute(compute_json)
    job = Job(step_config, inputs, out, compute, _seed_of(out, names=4))
    distributed.run(compute, distributed.NO_BATCH, partial(evaluate, job))


@app.command(rich_help_panel=PANEL)
def tsne(
    config: Config,
    data: Data,
    split: Split,
    model: Annotated[
        list[Path], typer.Option(callback=existing_folder, help="Model folders of the variants, one panel each.")
    ],
    out: Out,
    compute_json: ComputeJson,
) -> None:
    """Project the features of the variants into the plane and measure how compact the classes are.

    Example: semiproto tsne --config '{...}' --data data/raw/digits \\
    --split-dir data/splits/digits/30 \\
    --model models/semi/digits/30/supervised/seed0 \\
    --out results/tsne/digits/30/seed0 --compute '{...}'
    """
    from semiproto.steps.results.tsne import tsne

    step_config, compute = params.parse(config, params.TsneConfig), _compute(compute_json)
    tsne(Job(step_config, Inputs(data=data, split=split, model=model), out, compute, _seed_of(out, names=3)))


@app.command(rich_help_panel=PANEL)
def patches(
    config: Config,
    data: Data,
    split: Split,
    model: Annotated[Path, typer.Option(callback=existing_folder, help="Model folder of a run with prototypes.")],
    out: Out,
    compute_json: ComputeJson,
) -> None:
    """Find what each prototype stands for: the training images' patches nearest to it, and its share of the pixels.

    Example: semiproto patches --config '{...}' --data data/raw/digits \\
    --split-dir data/splits/digits/30 \\
    --model models/semi/digits/30/prototype/seed0 \\
    --out results/patches/digits/30/prototype/seed0 --compute '{...}'
    """
    from semiproto.steps.results.patches import patches

    step_config, compute = params.parse(config, params.PatchesConfig), _compute(compute_json)
    patches(Job(step_config, Inputs(data=data, split=split, model=model), out, compute, step_config.patches.seed))


@app.command(rich_help_panel=PANEL)
def suggestions(
    config: Config,
    data: Data,
    split: Split,
    model: Annotated[Path, typer.Option(callback=existing_folder, help="Model folder of the train step.")],
    out: Out,
) -> None:
    """Choose which of a split's unlabelled images to label next, as `semiproto suggest` does of any images.

    Example: semiproto suggestions --config '{...}' --data data/raw/digits \\
    --split-dir data/splits/digits/30 \\
    --model models/semi/digits/30/prototype/seed0 \\
    --out results/suggest/digits/30/prototype/seed0
    """
    from semiproto.steps.results.suggestions import suggestions

    step_config = params.parse(config, params.SuggestConfig)
    suggestions(Job(step_config, Inputs(data=data, split=split, model=model), out))


@app.command("predict-shard", rich_help_panel=PANEL)
def predict_shard(
    config: Config,
    model: Annotated[Path, typer.Option(callback=existing_folder, help="Model folder of the train step.")],
    out: Out,
    compute_json: ComputeJson,
) -> None:
    """Predict the images of one part of a folder; the part's number is in the name of the folder to write to.

    Example: semiproto predict-shard --config '{...}' \\
    --model models/semi/digits/30/prototype/seed0 \\
    --out results/predict/digits/30/prototype/seed0/shard3 --compute '{...}'
    """
    from semiproto.steps.results.predictions import predict_shard

    step_config, compute = params.parse(config, params.PredictConfig), _compute(compute_json)
    predict_shard(Job(step_config, Inputs(model=model), out, compute))


@app.command("predict-folder", rich_help_panel=PANEL)
def predict_folder(
    config: Config,
    shard: Annotated[list[Path], typer.Option(callback=existing_folder, help="Folders of the predict-shard step.")],
    out: Out,
) -> None:
    """Put together what became of the images of all parts, and say how many have a mask.

    Example: semiproto predict-folder --config '{...}' \\
    --shard results/predict/digits/30/prototype/seed0/shard0 \\
    --out results/predict/digits/30/prototype/seed0
    """
    from semiproto.provenance.receipts import read_receipt
    from semiproto.steps.results.predictions import predict_folder

    predict_folder(Job(params.parse(config, params.PredictConfig), Inputs(shard=shard), out))
    facts = read_receipt(out)["facts"]
    say(f"{out}/masks: {facts['masks']} masks; could not be read: {facts['unreadable']} ({out}/images.csv)")


@app.command(rich_help_panel=PANEL)
def tables(evaluation: Evaluations, out: Out) -> None:
    """Write the tables: runs, means and spreads, the verdict, published numbers.

    Example: semiproto tables \\
    --evaluation results/eval/digits/30/prototype/seed0 --out results/tables
    """
    from semiproto.report.evaluations import is_finished
    from semiproto.steps.results.tables import tables

    finished = [folder for folder in evaluation if is_finished(folder)]
    unfinished = [folder for folder in evaluation if not is_finished(folder)]
    tables(Job(NoConfig(), Inputs(evaluation=finished, unfinished=unfinished), out))


@app.command(rich_help_panel=PANEL)
def machine(evaluation: Evaluations, out: Out) -> None:
    """Write what was measured of the machine: seconds of training, speed and memory. These tables are kept out of git.

    Example: semiproto machine \\
    --evaluation results/eval/digits/30/prototype/seed0 --out results/machine
    """
    from semiproto.report.evaluations import is_finished
    from semiproto.steps.results.machine import machine

    finished = [folder for folder in evaluation if is_finished(folder)]
    machine(Job(NoConfig(), Inputs(evaluation=finished or evaluation), out))


@app.command(rich_help_panel=PANEL)
def outcome(
    tables: Tables,
    forecast: Forecasts,
    out: Annotated[Path, typer.Option(callback=new_file, help="CSV file to write.")],
) -> None:
    """Set what was forecast beside what then happened.

    Example: semiproto outcome --tables results/tables \\
    --forecast results/forecast/digits/30/seed0 \\
    --out results/tables/forecast.csv
    """
    from semiproto.steps.results.outcome import outcome

    outcome(Job(NoConfig(), Inputs(tables=tables, forecast=forecast), out))


@app.command(rich_help_panel=PANEL)
def figures(
    tables: Tables,
    evaluation: Evaluations,
    data: Data,
    out: Out,
    health: Annotated[
        list[Path] | None, typer.Option(callback=existing_file, help="health.csv files of the train step.")
    ] = None,
    tsne: Annotated[list[Path] | None, typer.Option(callback=existing_folder, help="Folders of the tsne step.")] = None,
    patches: Annotated[
        list[Path] | None, typer.Option(callback=existing_folder, help="Folders of the patches step.")
    ] = None,
    forecast: Annotated[
        list[Path] | None, typer.Option(callback=existing_folder, help="Folders of the forecast step.")
    ] = None,
) -> None:
    """Draw the figures from the tables, the predictions, the patches and the forecasts.

    Example: semiproto figures --tables results/tables \\
    --evaluation results/eval/digits/30/prototype/seed0 \\
    --data data/raw/digits --tsne results/tsne/digits/30/seed0 \\
    --out results/figures
    """
    from semiproto.steps.results.figures import figures

    inputs = Inputs(
        data=data, tables=tables, evaluation=evaluation, health=health, tsne=tsne, patches=patches, forecast=forecast
    )
    figures(Job(NoConfig(), inputs, out))


@app.command(rich_help_panel=PANEL)
def report(
    tables: Tables,
    figures: Annotated[Path, typer.Option(callback=existing_folder, help="Folder of the figures step.")],
    receipt: Annotated[
        list[Path], typer.Option(callback=existing_file, help="Receipts of the runs and of what they came from.")
    ],
    paper: Annotated[Path, typer.Option(callback=existing_file, help="Parameter file with the paper's values.")],
    out: Annotated[Path, typer.Option(callback=new_file, help="HTML file to write.")],
    machine: Annotated[
        Path | None,
        typer.Option(callback=existing_folder, help="Folder of the machine step; none: no seconds are shown."),
    ] = None,
    evaluation: Annotated[
        list[Path] | None,
        typer.Option(callback=existing_folder, help="Folders of the evaluate step; none: no images are shown."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(callback=existing_folder, help="Prepared set that was evaluated on, data/raw/<dataset>."),
    ] = None,
) -> None:
    """Write the report: one HTML file with the verdict, the images, the tables, the figures and the receipts.

    Example: semiproto report --tables results/tables \\
    --figures results/figures \\
    --receipt models/semi/digits/30/prototype/seed0/receipt.json \\
    --paper experiments/voc-classic.yaml --machine results/machine \\
    --evaluation results/eval/digits/30/prototype/seed0 --data data/raw/digits \\
    --out results/report.html
    """
    from semiproto.steps.results.report import report

    for path in receipt:
        if path.name != RECEIPT:
            raise UserError(f"--receipt {path}: not called {RECEIPT}; give the receipt in the folder of a step")
    if bool(evaluation) != bool(data):
        raise UserError("--evaluation and --data: give both, or neither for a report without images")
    forecasts = tables.glob("forecast.csv")  # none where no forecast was made
    made = [path.parent for path in receipt]
    inputs = Inputs(
        tables=tables,
        machine=machine,
        outcome=forecasts,
        figures=figures,
        made=made,
        paper=paper,
        evaluation=evaluation,
        data=data,
    )
    report(Job(NoConfig(), inputs, out))
