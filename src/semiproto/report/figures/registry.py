"""The figures, each as PNG and PDF, from tables and small images alone: they rebuild on a laptop without the models.

The same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib.style
import pandas as pd

from semiproto.errors import UserError
from semiproto.report.evaluations import GROUP, Evaluation, read_evaluations, read_table
from semiproto.report.figures import charts, gallery
from semiproto.report.figures import forecast as outlook
from semiproto.report.figures import tsne as spaces
from semiproto.report.figures.method import method
from semiproto.report.style import STYLE, Block, save
from semiproto.report.tables import COLLECTED, RUN_COLUMNS

TABLES = {
    "runs": RUN_COLUMNS,
    "per_class": [*GROUP, "variant", "class", "iou_mean", "iou_sd"],
    "validation": [*GROUP, "variant", "seed", "step", "miou"],
    "history": [*GROUP, "variant", "seed", *COLLECTED["history"]],
    "calibration": [*GROUP, "variant", "seed", *COLLECTED["calibration"]],
    "published": [*GROUP, "method", "published", "note"],
}
"""The tables that are read, and columns that each must have."""

HEALTH = {
    "confidence": (charts.mean_confidence, ["step", "confidence"]),
    "pseudo_labels": (charts.pseudo_labels, ["step", "class", "coverage", "precision"]),
}
"""Tables made of the runs' health.csv: how, and their columns."""

OF_A_SPLIT = {
    "gain": charts.gain,
    "curves": charts.curves,
    "per_class": charts.per_class,
    "calibration": charts.calibration,
    "samples": gallery.samples,
    "tsne": spaces.tsne,
    "patches": gallery.patches,
    "forecast": outlook.of_split,
}
"""Figures by file name; with several splits the name ends in -{split}."""


@dataclass(frozen=True)
class Sources:
    """What the figures are drawn from: folders and files that earlier steps wrote."""

    tables: Path
    """What compare.tables wrote."""
    evaluations: list[Path]
    """results/eval/{dataset}/{split}/{variant}/seed{seed}: predictions, and scores of images."""
    data: Path
    """The prepared set, in the layout of data/layout.py."""
    health: list[Path] = field(default_factory=list)
    """models/semi/{dataset}/{split}/{variant}/seed{seed}/health.csv: the teacher's confidence, and what it is worth."""
    tsne: list[Path] = field(default_factory=list)
    """results/tsne/{dataset}/{split}/seed{seed}."""
    patches: list[Path] = field(default_factory=list)
    """results/patches/{dataset}/{split}/{variant}/seed{seed}; the first of a split is shown."""
    forecasts: list[Path] = field(default_factory=list)
    """results/forecast/{dataset}/{split}/seed{seed}; the first of a split is shown."""


def figures(sources: Sources, out: Path) -> None:
    """Writes the figures of OF_A_SPLIT for each split, and `labels` and `method` for all, into `out`.

    What wasn't run becomes a figure that says so. UserError names a file that cannot be read, or a second data set.
    """
    runs = read_evaluations(sources.evaluations)
    if other := [e for e in runs if e.dataset != runs[0].dataset]:
        raise UserError(f"{other[0].folder}: figures show one data set, and {runs[0].folder} is of another; give one")
    tables = {name: read_table(sources.tables / f"{name}.csv", columns) for name, columns in TABLES.items()}
    tables |= _health(sources.health, runs)
    splits = sorted({e.split for e in runs})
    with matplotlib.style.context(["default", STYLE]):
        save(method(), out / "method")
        save(charts.labels(tables["runs"], tables["published"]), out / "labels")
        for split in splits:
            block = _block(sources, tables, [e for e in runs if e.split == split])
            for name, draw in OF_A_SPLIT.items():
                save(draw(block), out / (name if len(splits) == 1 else f"{name}-{split}"))


def _block(sources: Sources, tables: dict[str, pd.DataFrame], runs: list[Evaluation]) -> Block:
    """The part of the sources that belongs to one split, the one of `runs`."""
    dataset, split = runs[0].dataset, runs[0].split
    labels = [runs[0].dataset, runs[0].labels]
    patches = [folder for folder in sources.patches if folder.parts[-4:-2] == (dataset, split)]
    return Block(
        runs,
        {name: table[(table[GROUP] == labels).all(axis=1)] for name, table in tables.items()},
        sources.data,
        tsne=sorted((f for f in sources.tsne if f.parts[-3:-1] == (dataset, split)), key=_seed),
        patches=patches[0] if patches else None,
        forecast=next((f for f in sources.forecasts if f.parts[-3:-1] == (dataset, split)), None),
    )


def _seed(folder: Path) -> int:
    return int(folder.name.removeprefix("seed"))


def _health(health: Iterable[Path], runs: list[Evaluation]) -> dict[str, pd.DataFrame]:
    """charts.mean_confidence and charts.pseudo_labels of all runs, by the names of HEALTH, as the tables have them."""
    by_folder = {e.folder.parts[-4:]: e for e in runs}
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in HEALTH}
    for path in health:
        if run := by_folder.get(path.parent.parts[-4:]):
            table = read_table(path)
            for name, (of_run, _) in HEALTH.items():
                own = of_run(table)
                own = own.assign(dataset=run.dataset, labels=run.labels, variant=run.variant, seed=run.seed)
                parts[name] += [own] if len(own) else []
    none = {name: pd.DataFrame(columns=[*GROUP, "variant", "seed", *columns]) for name, (_, columns) in HEALTH.items()}
    return {name: pd.concat(found, ignore_index=True) if found else none[name] for name, found in parts.items()}
