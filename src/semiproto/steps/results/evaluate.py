"""The rule `evaluate`: what a run scores on the validation images, with all its heads."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from semiproto import paths
from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.layout import FILES
from semiproto.errors import UserError
from semiproto.measure.confusion import ConfusionMatrix
from semiproto.measure.scoring import TeacherScores, score_student, score_teacher
from semiproto.model import folder as model_folder
from semiproto.params import EvaluateConfig
from semiproto.process import distributed
from semiproto.provenance.artifacts import write_bytes, write_csv, write_json
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.job import Job, Written, step


@step
def evaluate(job: Job[EvaluateConfig]) -> Written | None:
    """Keeps what the tables and figures need.

    Inputs: data, split, model; pretrained, the model folder that the run was warm-started from: its steps and seconds
    are part of the run's. The run's names are those in the path of `out`. Seconds go into the receipt alone: two equal
    runs differ in them.
    """
    model, device, window = job.inputs.one("model"), distributed.device_of(job.machine), job.config.evaluate.window
    images = Images(job.inputs.one("data") / FILES, layout.read_list(job.inputs.one("split") / "val.txt"))
    run = paths.run_of(job.out)
    _require_run_of(model, run)
    what = f"evaluate {run.split}/{run.variant}/seed{run.seed}"
    teacher = score_teacher(model, images, window, device, what, job.out / "predictions")
    student = score_student(model, images, window, device, what)
    if distributed.rank() > 0:
        return None
    cost = _cost(model, job.inputs.maybe("pretrained"))
    metrics = run._asdict() | _setting(job) | {"steps": cost["steps"]}
    metrics |= _scores(teacher, student, pd.read_csv(model / "validation.csv"))
    _write_scores(job.out, metrics | {"images": len(images)}, teacher)
    for name in ("validation.csv", "history.csv", "machine.csv"):
        write_bytes(job.out / name, (model / name).read_bytes())
    outputs = ["metrics.json", "confusion.csv", "images.csv", "calibration.csv", "predictions"]
    return Written(
        [*outputs, "validation.csv", "history.csv"],
        records=["machine.csv"],
        facts={"training_seconds": cost["seconds"]},
        device=str(device),
    )


def _require_run_of(model: Path, run: paths.Run) -> None:
    """UserError when the model's receipt names another run than the folder of its evaluation does."""
    trained = read_receipt(model).get("artefact", "")
    if paths.TRAINED.names(trained) and paths.run_of(Path(trained)) != run:
        raise UserError(
            f"{model}: the model of {trained}, and --out names {'/'.join(map(str, run))}; name the same run"
        )


def _write_scores(out: Path, metrics: dict[str, Any], teacher: TeacherScores) -> None:
    write_json(out / "metrics.json", metrics)
    tables = {
        "confusion.csv": pd.DataFrame(teacher.confusion.counts.numpy(), columns=teacher.classes),
        "images.csv": teacher.per_image(),
        "calibration.csv": teacher.calibration.table(),
    }
    for name, table in tables.items():
        write_csv(out / name, table)


def _setting(job: Job[EvaluateConfig]) -> dict[str, Any]:
    """What two runs must share to be compared, and what a run must share with the published ones."""
    data, split, model = (job.inputs.one(name) for name in ("data", "split", "model"))
    card, source = model_folder.read_card(model), read_receipt(data)["config"]["dataset"]
    lists, window = read_receipt(split), job.config.evaluate.window
    return {
        "labels": len(layout.read_list(split / "labeled.txt")),
        "lists": {name: lists["outputs"][f"{name}.txt"] for name in ("labeled", "val")},
        "set": source.get("set", source["source"]),
        "family": lists["config"]["splits"]["family"],
        "encoder": card.model.encoder.name,
        "window": None if window is None else window.model_dump(),
        "method": card.training["method"],
        "classes": card.classes,
    }


def _cost(model: Path, pretrained: Path | None) -> dict[str, Any]:
    """Optimiser steps and training seconds of a run, those of the model it started from included."""
    facts = [read_receipt(folder)["facts"] for folder in (model, pretrained) if folder is not None]
    return {"steps": sum(f["steps"] for f in facts), "seconds": round(sum(f["seconds"] for f in facts), 1)}


def _scores(teacher: TeacherScores, student: dict[str, ConfusionMatrix], curve: pd.DataFrame) -> dict[str, Any]:
    """The teacher's scores, and by head the student's: percent, None where there is no score."""
    numbers = teacher.numbers()
    heads = {
        name: {"miou": 100 * head.mean_iou(), "iou": (100 * head.iou()).tolist()} for name, head in student.items()
    }
    scored = curve.dropna(subset="miou")
    best = int(scored["miou"].to_numpy().argmax()) if len(scored) else None
    numbers["miou_best"] = None if best is None else float(scored["miou"].iloc[best])
    best_step = None if best is None else int(scored["step"].iloc[best])
    return _rounded(numbers) | {"best_step": best_step, "heads": {name: _rounded(head) for name, head in heads.items()}}


def _rounded(numbers: dict[str, Any]) -> dict[str, Any]:
    """Four digits behind the point, in lists too; None for nan, which JSON does not have."""
    return {name: [*map(_four, value)] if isinstance(value, list) else _four(value) for name, value in numbers.items()}


def _four(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, 4)
