"""What the figures are drawn from: tables, scores and small images of earlier steps, read once and split up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from semiproto import paths
from semiproto.errors import UserError
from semiproto.report.evaluations import GROUP, Evaluation, in_order, read_evaluations, read_table
from semiproto.report.tables import COLLECTED, RUN_COLUMNS

TABLES = {
    "runs": RUN_COLUMNS,
    "per_class": [*GROUP, "variant", "class", "iou_mean", "iou_sd"],
    "validation": [*GROUP, "variant", "seed", "step", "miou"],
    "history": [*GROUP, "variant", "seed", *COLLECTED["history"]],
    "calibration": [*GROUP, "variant", "seed", *COLLECTED["calibration"]],
    "published": [*GROUP, "method", "published", "note"],
}
"""The tables that are read, and the columns that each must have."""


@dataclass(frozen=True)
class Sources:
    """The folders and files that earlier steps wrote."""

    tables: Path
    """What the step `tables` wrote."""
    evaluations: list[Path]
    """results/eval/{dataset}/{split}/{variant}/seed{seed}: predictions, and scores of images."""
    data: Path
    """The prepared set, in the layout of data/layout.py."""
    health: list[Path] = field(default_factory=list)
    """models/semi/{dataset}/{split}/{variant}/seed{seed}/health.csv: how sure and how right the teacher is."""
    tsne: list[Path] = field(default_factory=list)
    """results/tsne/{dataset}/{split}/seed{seed}."""
    patches: list[Path] = field(default_factory=list)
    """results/patches/{dataset}/{split}/{variant}/seed{seed}; the first of a split is shown."""
    forecasts: list[Path] = field(default_factory=list)
    """results/forecast/{dataset}/{split}/seed{seed}; the first of a split is shown."""


@dataclass(frozen=True)
class Results:
    """What a figure is drawn from: the results of one split, or of the whole experiment."""

    runs: list[Evaluation]
    tables: dict[str, pd.DataFrame]
    """Those of TABLES and of HEALTH, by name."""
    data: Path
    """The prepared set, in the layout of data/layout.py."""
    tsne: list[Path] = field(default_factory=list)
    """The split's folders in the order of their seeds; empty if t-SNE was not run."""
    patches: Path | None = None
    forecast: Path | None = None

    @property
    def variants(self) -> list[str]:
        return in_order(e.variant for e in self.runs)

    @property
    def classes(self) -> list[str]:
        return list(self.runs[0].iou)

    def run(self, variant: str) -> Evaluation | None:
        """The variant's run with the first seed."""
        return next((e for e in self.runs if e.variant == variant), None)


def read(sources: Sources) -> tuple[Results, dict[str, Results]]:
    """The results of the whole experiment, without the folders of single splits; and those of each split, by its name.

    UserError names a file that cannot be read, a second data set, or what belongs to none of the evaluations.
    """
    runs = read_evaluations(sources.evaluations)
    if other := [e for e in runs if e.dataset != runs[0].dataset]:
        raise UserError(
            f"{other[0].folder}: not the data set of {runs[0].folder}; give one, as figures show one data set"
        )
    splits = {(e.dataset, e.split) for e in runs}
    for folders, place in ((sources.tsne, -3), (sources.patches, -4), (sources.forecasts, -3)):
        for folder in folders:
            if folder.parts[place : place + 2] not in splits:
                raise _of_none(folder)
    tables = {name: read_table(sources.tables / f"{name}.csv", columns) for name, columns in TABLES.items()}
    whole = Results(runs, tables | read_health(sources.health, runs), sources.data)
    return whole, {split: _of_split(split, whole, sources) for split in sorted({e.split for e in runs})}


def _of_none(path: Path) -> UserError:
    return UserError(f"{path}: belongs to none of the evaluations, by its path; leave it out, or give its evaluation")


def _of_split(split: str, whole: Results, sources: Sources) -> Results:
    runs = [e for e in whole.runs if e.split == split]
    place = (runs[0].dataset, split)
    group = [runs[0].dataset, runs[0].labels]
    return Results(
        runs,
        {name: table[(table[GROUP] == group).all(axis=1)] for name, table in whole.tables.items()},
        whole.data,
        tsne=sorted((folder for folder in sources.tsne if folder.parts[-3:-1] == place), key=paths.seed_of),
        patches=next((folder for folder in sources.patches if folder.parts[-4:-2] == place), None),
        forecast=next((folder for folder in sources.forecasts if folder.parts[-3:-1] == place), None),
    )


def mean_confidence(health: pd.DataFrame) -> pd.DataFrame:
    """Columns step, confidence (0..1): the mean of the histogram of the teacher's confidence in a run's health.csv."""
    bins = health[health["measure"] == "confidence"]
    middle = bins["name"].str.split("-", expand=True).astype(float).mean(axis=1)
    return (middle * bins["value"]).groupby(bins["step"]).sum().rename("confidence").reset_index()


def pseudo_labels(health: pd.DataFrame) -> pd.DataFrame:
    """Columns step, class, coverage, precision (0..1): what a run's health.csv says of the validation images."""
    rows = health[health["measure"].str.startswith("validation_")]
    rows = rows.assign(measure=rows["measure"].str.removeprefix("validation_"))
    wide = rows.pivot(index=["step", "name"], columns="measure", values="value").reset_index()
    return wide.reindex(columns=["step", "name", "coverage", "precision"]).rename(columns={"name": "class"})


HEALTH: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], list[str]]] = {
    "confidence": (mean_confidence, ["step", "confidence"]),
    "pseudo_labels": (pseudo_labels, ["step", "class", "coverage", "precision"]),
}
"""Tables made of the runs' health.csv: the function that makes each of one run's, and its columns."""


def read_health(health: Iterable[Path], runs: list[Evaluation]) -> dict[str, pd.DataFrame]:
    """The tables of HEALTH over all runs, with the columns that name a run; UserError names a file of no run."""
    by_folder = {e.folder.parts[-4:]: e for e in runs}
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in HEALTH}
    for path in health:
        if (run := by_folder.get(path.parent.parts[-4:])) is None:
            raise _of_none(path)
        table = read_table(path, ("step", "measure", "name", "value"))
        for name, (of_run, _) in HEALTH.items():
            own = of_run(table)
            own = own.assign(dataset=run.dataset, labels=run.labels, variant=run.variant, seed=run.seed)
            parts[name] += [own] if len(own) else []
    none = {name: pd.DataFrame(columns=[*GROUP, "variant", "seed", *columns]) for name, (_, columns) in HEALTH.items()}
    return {name: pd.concat(found, ignore_index=True) if found else none[name] for name, found in parts.items()}
