"""The forecast: before the long run, how many pseudo-labels will be confident, and how many of those will be right.

Measured on images with masks that the measured model did not train on, whole and un-augmented: the pseudo-labels that
training uses are of weak views of unlabelled images, which is why this is a forecast. What the numbers mean for the
run is in advice.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from semiproto import model_folder
from semiproto.analysis import advice, outlook
from semiproto.analysis.evaluate import batches
from semiproto.artifacts import Stopwatch, atomic_write, read_receipt, sha256_file, write_json, write_receipt
from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.steps import FILES
from semiproto.model.deeplab import DeepLab
from semiproto.model.teacher import Teacher
from semiproto.params import ForecastConfig
from semiproto.progress import Progress

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
    of_parts = []
    for lists, folder in parts:
        images = Images(data / FILES, layout.read_list(lists / "val.txt"))
        of_parts.append(count(model_folder.load_model(folder), images, taus, device, what))
    table = curve(torch.stack(of_parts).sum(dim=0), taus, names)
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


def count(model: DeepLab, images: Images, taus: list[float], device: torch.device, what: str) -> Tensor:
    """Labelled pixels by whether they are right, predicted class, and how many of `taus` they exceed.

    int64 [2, classes, len(taus) + 1]; `taus` ascend. Void pixels are left out. Exceeding is strict, as in training.
    """
    teacher, bounds = Teacher(model, decay=0).to(device), torch.tensor(taus)
    shape = (2, model.num_classes, len(taus) + 1)
    counts = torch.zeros(shape, dtype=torch.int64)
    progress = Progress(what, len(images), "images")
    for _, batch, masks in batches(images, device):
        for label, sure, mask in zip(*(x.cpu() for x in teacher.pseudo_labels(batch)), masks, strict=True):
            known = mask != layout.IGNORE_INDEX
            right, label, passed = (label == mask)[known].long(), label[known], torch.bucketize(sure[known], bounds)
            index = (right * shape[1] + label) * shape[2] + passed
            counts += index.bincount(minlength=counts.numel()).view(shape)
        progress.update(len(batch))
    return counts


def curve(counts: Tensor, taus: list[float], names: list[str]) -> pd.DataFrame:
    """A row for each tau and for each class, the foreground and all pixels, from the counts of `count`.

    pixels: predicted as the class, at any confidence; confident: those above tau; correct: those of them that are
    right; coverage = confident / pixels; precision = correct / confident. What is divided by none is nan.
    """
    exceeding = counts.flip(2).cumsum(2).flip(2)[..., 1:]  # [2, classes, taus]
    rows = []
    for group, name, members in _groups(names):
        pixels = int(counts[:, members].sum())
        wrong, right = exceeding[:, members].sum(dim=1).tolist()
        rows += [(t, group, name, pixels, w + r, r) for t, w, r in zip(taus, wrong, right, strict=True)]
    table = pd.DataFrame(rows, columns=["tau", "group", "class", "pixels", "confident", "correct"])
    table["coverage"] = table["confident"] / table["pixels"].where(table["pixels"] > 0)
    table["precision"] = table["correct"] / table["confident"].where(table["confident"] > 0)
    return table


def _groups(names: list[str]) -> Iterator[tuple[str, str, list[int]]]:
    """(group, class, indices): every class, all but one called background, and all of them."""
    for index, name in enumerate(names):
        yield "class", name, [index]
    yield "foreground", "", [index for index, name in enumerate(names) if name != "background"]
    yield "all", "", list(range(len(names)))
