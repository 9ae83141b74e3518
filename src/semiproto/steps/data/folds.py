"""The rule `folds`: the labelled images in parts, each left out by one model of the forecast."""

from __future__ import annotations

from dataclasses import replace

from semiproto.data import layout, splits
from semiproto.data.layout import FILES
from semiproto.params import FoldsConfig
from semiproto.steps.data.lists import write_lists
from semiproto.steps.job import Job, Written, step


def folds(job: Job[FoldsConfig]) -> None:
    """Writes out/fold{n} for each fold."""
    for number in range(job.config.forecast.folds):
        fold(replace(job, out=job.out / f"fold{number}"))


@step
def fold(job: Job[FoldsConfig]) -> Written:
    """Writes lists like a split's for the fold that `out` is named after: val.txt is the part that is left out."""
    labeled = layout.read_list(job.inputs.one("split") / "labeled.txt")
    shown = splits.classes_in_masks(job.inputs.one("data") / FILES, labeled)
    parts = splits.folds(shown, job.config.forecast.folds, job.config.splits.seed)
    part = parts[int(job.out.name.removeprefix("fold"))]
    return write_lists(job.out, {"labeled": sorted(set(labeled) - set(part)), "unlabeled": [], "val": part})
