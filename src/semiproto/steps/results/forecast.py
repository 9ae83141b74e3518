"""The rule `forecast`: what the pseudo-labels will be worth, measured before the long run."""

from __future__ import annotations

from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.layout import FILES
from semiproto.measure.forecast import TAUS, count
from semiproto.measure.pseudo_labels import PseudoLabels
from semiproto.model import folder as model_folder
from semiproto.params import ForecastConfig
from semiproto.process.distributed import device_of
from semiproto.provenance.artifacts import write_csv, write_json
from semiproto.provenance.receipts import read_receipt
from semiproto.report import forecast as words
from semiproto.report.figures import forecast as figure
from semiproto.steps.job import Job, Written, step

CURVE, SUMMARY = "forecast.csv", "forecast.json"


@step
def forecast(job: Job[ForecastConfig]) -> Written:
    """Writes forecast.csv (by tau and class), forecast.json and their figure.

    Inputs: data, split; unseen and model, of one order: lists whose val.txt has images that are new to the model.
    """
    config, device = job.config, device_of(job.machine)
    root, dataset, (split, seed) = job.inputs.one("data") / FILES, job.out.parts[-3], (job.out.parent.name, job.seed)
    found = PseudoLabels(layout.read_classes(root), sorted({*TAUS, config.tau}))
    models = job.inputs["model"]
    for lists, model in zip(job.inputs["unseen"], models, strict=True):
        images = Images(root, layout.read_list(lists / "val.txt"))
        count(found, model_folder.load_model(model), images, device, f"forecast {split}/seed{seed}")
    table = found.table()
    write_csv(job.out / CURVE, table)
    run = {"dataset": dataset, "split": split, "seed": seed, "images": config.images}
    run["labels"] = len(layout.read_list(job.inputs.one("split") / "labeled.txt"))
    write_json(job.out / SUMMARY, run | words.summary(table, config.tau, words.read_evidence(config.images)))
    figure.write(job.out)
    seconds = sum(read_receipt(model)["facts"]["seconds"] for model in models)
    return Written([CURVE, SUMMARY], facts={"training_seconds": round(seconds, 1)}, device=str(device))
