"""The forecast: before the long run, how many pseudo-labels will be confident, and how many of those will be right.

Measured on images with masks that the measured model did not train on, whole and un-augmented: the pseudo-labels that
training uses are of weak views of unlabelled images, which is why this is a forecast. What the numbers mean for the
run is in advice.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.layout import FILES
from semiproto.measure.inference import batches
from semiproto.measure.pseudo_labels import PseudoLabels
from semiproto.model import folder as model_folder
from semiproto.model.network import SegmentationNetwork
from semiproto.model.teacher import Teacher
from semiproto.params import ForecastConfig
from semiproto.process.progress import Progress
from semiproto.provenance.artifacts import Stopwatch, atomic_write, read_receipt, sha256_file, write_json, write_receipt
from semiproto.report import forecast as advice
from semiproto.report.figures import forecast as outlook

TAUS = [round(0.5 + 0.01 * n, 2) for n in range(50)]
"""Thresholds that are looked at: 0.5 to 0.99. The one in use is added."""

CURVE, SUMMARY = "forecast.csv", "forecast.json"


def forecast(
    config: ForecastConfig,
    data: Path,
    split: Path,
    parts: list[tuple[Path, Path]],
    run: dict[str, Any],
    out: Path,
    device: torch.device,
) -> str:
    """Writes forecast.csv (by tau and class), forecast.json and their figure; returns the sentence that says it.

    parts: (lists, model folder); the images of the lists' val.txt are new to the model. run: dataset, split and seed,
    for the tables.
    """
    watch = Stopwatch()
    names = layout.read_classes(data / FILES)
    taus = sorted({*TAUS, config.tau})
    what = f"forecast {run['split']}/seed{run['seed']}"
    found = PseudoLabels(names, taus)
    for lists, folder in parts:
        images = Images(data / FILES, layout.read_list(lists / "val.txt"))
        count(found, model_folder.load_model(folder), images, device, what)
    table = found.table()
    with atomic_write(out / CURVE) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")
    run = run | {"labels": len(layout.read_list(split / "labeled.txt")), "images": config.images}
    summary = run | advice.summary(table, config.tau, advice.read_evidence(config.images))
    write_json(out / SUMMARY, summary)
    outlook.draw(out)
    write_receipt(
        out,
        "forecast",
        outputs={name: sha256_file(out / name) for name in (CURVE, SUMMARY)},
        config=config.model_dump(mode="json"),
        inputs=[data, split, *(folder for part in parts for folder in part)],
        seed=run["seed"],
        seconds=watch.seconds(),
        device=str(device),
        facts={"training_seconds": round(sum(read_receipt(folder)["facts"]["seconds"] for _, folder in parts), 1)},
    )
    return str(summary["sentence"])


def count(found: PseudoLabels, model: SegmentationNetwork, images: Images, device: torch.device, what: str) -> None:
    """Adds the labelled pixels of `images`, as the model labels them."""
    teacher = Teacher(model, decay=0).to(device)
    progress = Progress(what, len(images), "images")
    for _, batch, masks in batches(images, device):
        for label, sure, mask in zip(*(x.cpu() for x in teacher.pseudo_labels(batch)), masks, strict=True):
            found.update(label, sure, mask)
        progress.update(len(batch))
