"""The steps that look at trained models: features, prototypes and evaluation, from folders to folders."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.layout import FILES
from semiproto.measure import features as sampling
from semiproto.measure.confusion import ConfusionMatrix
from semiproto.measure.scoring import TeacherScores, score_student, score_teacher
from semiproto.model import folder as model_folder
from semiproto.params import Compute, EvaluateConfig, FeaturesConfig, PrototypesConfig
from semiproto.process import distributed
from semiproto.provenance.artifacts import (
    Stopwatch,
    atomic_write,
    digests,
    read_receipt,
    sha256_file,
    write_bytes,
    write_json,
    write_receipt,
)

FEATURES = "features.safetensors"


def features(
    config: FeaturesConfig, data: Path, split: Path, pretrained: Path, out: Path, device: torch.device
) -> None:
    """Writes the sampled pixel features of the labelled images: `features` [N, dim] and `classes` [N]."""
    watch = Stopwatch()
    params = config.features
    images = Images(data / FILES, layout.read_list(split / "labeled.txt"))
    model = model_folder.load_model(pretrained)
    vectors, classes = sampling.sample_features(model, images, params.pixels_per_class, params.seed, device, "features")
    model_folder.save_tensors(out / FEATURES, {"features": vectors, "classes": classes})
    write_receipt(
        out,
        "features",
        outputs={FEATURES: sha256_file(out / FEATURES)},
        config=config.model_dump(mode="json"),
        inputs=[data, split, pretrained],
        seed=params.seed,
        seconds=watch.seconds(),
        device=str(device),
        facts={"pixels": torch.bincount(classes.long(), minlength=model.num_classes).tolist()},
    )


def prototypes(config: PrototypesConfig, data: Path, features: Path, out: Path) -> None:
    """Writes the prototypes that k-means finds in the features: `prototypes` [classes, per_class, dim]."""
    watch = Stopwatch()
    tensors = model_folder.read_tensors(features / FEATURES)
    names = layout.read_classes(data / FILES)
    found = sampling.cluster(tensors["features"], tensors["classes"], names, config.prototypes)
    model_folder.save_tensors(out / model_folder.PROTOTYPES, {"prototypes": found})
    write_receipt(
        out,
        "prototypes",
        outputs={model_folder.PROTOTYPES: sha256_file(out / model_folder.PROTOTYPES)},
        config=config.model_dump(mode="json"),
        inputs=[features],
        seed=config.prototypes.seed,
        seconds=watch.seconds(),
        facts={"shape": list(found.shape)},
    )


def evaluate(
    config: EvaluateConfig,
    data: Path,
    split: Path,
    model: Path,
    pretrained: Path | None,
    run: dict[str, Any],
    out: Path,
    compute: Compute,
) -> None:
    """Scores a run on the validation images with all its heads and keeps what the tables and figures need.

    run: dataset, split, variant and seed, for the tables. pretrained: the model folder that the run was warm-started
    from; its steps and seconds are part of the run's. The seconds go into the receipt: two equal runs differ in them.
    """
    watch, device = Stopwatch(), distributed.device_of(compute)
    images = Images(data / FILES, layout.read_list(split / "val.txt"))
    window = config.evaluate.window
    what = f"evaluate {run['split']}/{run['variant']}/seed{run['seed']}"
    teacher = score_teacher(model, images, window, device, what, out / "predictions")
    student = score_student(model, images, window, device, what)
    if distributed.rank() > 0:
        return
    cost = _cost(model, pretrained)
    metrics = run | _setting(config, data, split, model) | {"steps": cost["steps"]}
    metrics |= _scores(teacher, student, pd.read_csv(model / "validation.csv"))
    _write_scores(out, metrics | {"images": len(images)}, teacher)
    for name in ("validation.csv", "history.csv", "machine.csv"):
        write_bytes(out / name, (model / name).read_bytes())
    files = ("metrics.json", "confusion.csv", "images.csv", "calibration.csv")
    write_receipt(
        out,
        "evaluate",
        outputs=digests(out, (*files, "validation.csv", "history.csv", "predictions")),
        records=digests(out, ("machine.csv",)),
        config=config.model_dump(mode="json"),
        inputs=[data, split, model],
        seed=run["seed"],
        seconds=watch.seconds(),
        device=str(device),
        facts={"training_seconds": cost["seconds"]},
    )


def _write_scores(out: Path, metrics: dict[str, Any], teacher: TeacherScores) -> None:
    write_json(out / "metrics.json", metrics)
    tables = {
        "confusion.csv": pd.DataFrame(teacher.confusion.counts.numpy(), columns=teacher.classes),
        "images.csv": teacher.per_image(),
        "calibration.csv": teacher.calibration.table(),
    }
    for name, table in tables.items():
        with atomic_write(out / name) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g")


def _setting(config: EvaluateConfig, data: Path, split: Path, model: Path) -> dict[str, Any]:
    """What two runs must share to be compared, and what a run must share with the published ones."""
    card, source = model_folder.read_card(model), read_receipt(data)["config"]["dataset"]
    lists = read_receipt(split)
    return {
        "labels": len(layout.read_list(split / "labeled.txt")),
        "lists": {name: lists["outputs"][f"{name}.txt"] for name in ("labeled", "val")},
        "set": source.get("set", source["source"]),
        "family": lists["config"]["splits"]["family"],
        "encoder": card.model.encoder.name,
        "window": None if config.evaluate.window is None else config.evaluate.window.model_dump(),
        "method": card.training["method"],
        "classes": card.classes,
    }


def _cost(model: Path, pretrained: Path | None) -> dict[str, Any]:
    """Optimiser steps and training seconds of a run, those of the model it started from included."""
    facts = [read_receipt(folder)["facts"] for folder in (model, pretrained) if folder is not None]
    return {"steps": sum(f["steps"] for f in facts), "seconds": round(sum(f["seconds"] for f in facts), 1)}


def _scores(teacher: TeacherScores, student: list[ConfusionMatrix], curve: pd.DataFrame) -> dict[str, Any]:
    """Percent; None for what there is not."""
    numbers = teacher.numbers() | {"miou_prototype_head": None, "iou_prototype_head": None}
    for name, head in zip(("student", "prototype_head"), student, strict=False):
        numbers |= {f"miou_{name}": 100 * head.mean_iou(), f"iou_{name}": (100 * head.iou()).tolist()}
    scored = curve.dropna(subset="miou")
    best = int(scored["miou"].to_numpy().argmax()) if len(scored) else None
    numbers["miou_best"] = None if best is None else float(scored["miou"].iloc[best])
    return _rounded(numbers) | {"best_step": None if best is None else int(scored["step"].iloc[best])}


def _rounded(numbers: dict[str, Any]) -> dict[str, Any]:
    """Four digits behind the point, in lists too; None for nan, which JSON does not have."""
    return {name: [*map(_four, value)] if isinstance(value, list) else _four(value) for name, value in numbers.items()}


def _four(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, 4)
