"""Which classes are taken for which: the pixels of a variant's validation images, over all its seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from semiproto.errors import UserError
from semiproto.report.evaluations import Evaluation, read_table

LARGEST = 20
"""Classes that have a row and a column of their own (chosen): more do not fit a page."""
SHADES = 10

Array = np.ndarray


@dataclass(frozen=True)
class Confusion:
    """A matrix for people: rows are the truth, columns the prediction."""

    caption: str
    names: list[str]
    """Of rows and columns."""
    cells: list[list[tuple[str, int]]]
    """Of each row: the percentage of the row's pixels as text, empty for none, and its shade, 0 to SHADES."""


def confusion(runs: list[Evaluation]) -> Confusion:
    """Of one variant's runs. The classes beyond the LARGEST, by true pixels, are one row and one column together.

    UserError names a confusion.csv that is not a square of counts.
    """
    names, counts = list(runs[0].iou), np.sum([_counts(run) for run in runs], axis=0)
    words = f"{runs[0].variant}, all images, sum over {len(runs)} seed{'s' if len(runs) > 1 else ''}"
    caption = f"What is taken for what: {words}; percent of the true class's pixels (row) predicted as the column"
    if (rest := len(names) - LARGEST) > 1:
        names, counts = _summed(names, counts)
        caption += f". The {LARGEST} classes with most true pixels, and the other {rest} together"
    return Confusion(caption, names, [[_cell(count, row.sum()) for count in row] for row in counts])


def _counts(run: Evaluation) -> Array:
    """Pixels [classes, classes]; rows are the truth."""
    path = run.folder / "confusion.csv"
    counts: Array = read_table(path).apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    if counts.shape != (len(run.iou), len(run.iou)) or np.isnan(counts).any() or (counts < 0).any():
        raise UserError(f"{path}: not a square of {len(run.iou)} classes' pixels; evaluate the run again")
    return counts


def _summed(names: list[str], counts: Array) -> tuple[list[str], Array]:
    """The LARGEST classes in their own order, and a last one for all others."""
    largest = sorted(np.argsort(-counts.sum(1), kind="stable")[:LARGEST])
    place = np.full(len(names), LARGEST)
    place[largest] = np.arange(LARGEST)
    together = np.eye(LARGEST + 1)[place]
    return [*(names[index] for index in largest), f"{len(names) - LARGEST} others"], together.T @ counts @ together


def _cell(count: float, total: float) -> tuple[str, int]:
    if not count:
        return "", 0
    percent = 100 * count / total
    return "<1" if percent < 0.5 else f"{percent:.0f}", round(percent * SHADES / 100)
