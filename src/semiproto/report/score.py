"""The score of one model with its interval, from the evaluation of its run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semiproto import paths
from semiproto.provenance.artifacts import digests, sha256_file
from semiproto.provenance.receipts import read_receipt
from semiproto.report.bootstrap import paired_gains
from semiproto.report.evaluations import Evaluation, is_finished, read_evaluations
from semiproto.report.verdict import pixels


@dataclass(frozen=True)
class Score:
    """mIoU in percent over validation images; low and high: its 95 % interval over images, nan with a single one."""

    run: Evaluation
    low: float
    high: float


def of_model(model: Path, weights: str) -> Score | None:
    """The score of the model in a folder; None where its run was not evaluated here, or other weights were.

    weights: name of the file in the folder that was evaluated.
    """
    names = paths.TRAINED.names(os.path.relpath(model.resolve()))
    folder = Path(paths.EVALUATED(**names)) if names else None
    if folder is None or not is_finished(folder) or _evaluated(folder, weights) != sha256_file(model / weights):
        return None
    (run,) = read_evaluations([folder])
    if np.isnan(run.miou):
        return None
    counts = pixels([run])
    low, high = (float(ends[0]) for ends in paired_gains(counts, np.zeros_like(counts)).interval())
    return Score(run, max(0.0, low), min(100.0, high))


def _evaluated(folder: Path, weights: str) -> str | None:
    """The digest of the model's weights that an evaluation says it read; None where its files were changed since."""
    receipt = read_receipt(folder)
    if digests(folder, receipt["outputs"]) != receipt["outputs"]:
        return None
    inputs = receipt["inputs"]
    return next((files.get(weights) for path, files in inputs.items() if paths.TRAINED.names(path)), None)
