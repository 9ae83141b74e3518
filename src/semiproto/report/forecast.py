"""What a forecast means for the run, in words, and what the run then showed. Reads CSV and JSON only.

Unlabelled images hurt if too few pseudo-labels are right. That level is not theory: it lies between this project's own
runs that lost and those that gained (forecast-evidence.csv; docs/forecast.md shows the table and how to make it).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from semiproto.errors import UserError
from semiproto.provenance.artifacts import read_json, write_csv
from semiproto.report.evaluations import VARIANTS, read_table

EVIDENCE = Path(__file__).with_name("forecast-evidence.csv")
"""This project's runs, as `outcome` wrote them."""

USABLE_COVERAGE = 0.05
"""The share of the foreground that must be confident; below it there is little to learn from. Our choice;
training warns below 0.01 of all pixels (train/health.py)."""

MOST_CLASSES = 3
"""A sentence names up to this many."""


def read_evidence(images: str) -> pd.DataFrame:
    """Our runs whose forecast was measured on these `images`: labeled or validation."""
    runs = pd.read_csv(EVIDENCE)
    return runs[runs["images"] == images]


def summary(table: pd.DataFrame, tau: float, evidence: pd.DataFrame) -> dict[str, Any]:
    """The findings in forecast.json, from the curve `table` (forecast.csv) at the threshold in use.

    coverage and precision of the foreground and level are shares, 0 to 1, or None if there is no such number. The
    functions below describe level, advised_tau and weak_classes. sentence has all of it in words.
    """
    foreground = table[table["group"] == "foreground"].set_index("tau")
    classes = table[(table["tau"] == tau) & (table["group"] == "class")].set_index("class")["precision"]
    classes = classes.drop("background", errors="ignore")  # the level is that of the foreground
    found = level(evidence)
    facts = {
        "tau": tau,
        "coverage": _or_none(foreground["coverage"][tau]),
        "precision": _or_none(foreground["precision"][tau]),
        "level": found,
        "advised_tau": advised_tau(foreground, tau, found),
        "weak_classes": weak_classes(classes, found),
    }
    return facts | {"sentence": sentence(facts, evidence)}


def level(evidence: pd.DataFrame) -> float | None:
    """The share of right pixels midway between the settings that lost with unlabelled images and those that gained.

    A setting is a data set with a number of labels, averaged over seeds. It gained if prototype ended above supervised.
    None if the shares of the two kinds overlap or one kind is missing: then our runs show no such level.
    """
    lost, gained = _settings(evidence)
    highest, lowest = lost["precision"].max(), gained["precision"].min()
    return round((highest + lowest) / 2, 4) if highest < lowest else None


def advised_tau(foreground: pd.DataFrame, tau: float, level: float | None) -> float | None:
    """The tau nearest to the one in use at which enough pixels are confident and at least `level` of them are right.

    foreground: coverage and precision by tau. None if the tau in use qualifies, if no tau does, or without a level.
    """
    if level is None:
        return None
    good = foreground[(foreground["precision"] >= level) & (foreground["coverage"] >= USABLE_COVERAGE)].index
    nearest = min(good, key=lambda other: abs(other - tau), default=tau)
    return None if nearest == tau else float(nearest)


def weak_classes(precision: pd.Series[float], level: float | None) -> list[str]:
    """Up to MOST_CLASSES classes whose confident pixels are right less often than `level`, worst first.

    precision: by class; nan if no pixel is confident. Such a class comes first, since nothing can be learnt about it.
    """
    share = precision.fillna(0.0)
    share = share[share < (level or 0.0)]
    return [str(name) for name in share.sort_values(kind="stable").index[:MOST_CLASSES]]


def sentence(facts: dict[str, Any], evidence: pd.DataFrame) -> str:
    """The forecast in words: what was measured, what our runs did at such values, and remedies if they are needed."""
    tau, precision, found, advised = (facts[key] for key in ("tau", "precision", "level", "advised_tau"))
    remedies = [] if advised is None else [f"{'raise' if advised > tau else 'lower'} tau to {advised:g}"]
    if precision is None:
        return f"No foreground pixel is confident at tau {tau:g}; to try: {_any_of([*remedies, LONGER])}."
    said = (
        f"{_percent(precision)} of the confident foreground pixels are right at tau {tau:g}, and"
        f" {_percent(facts['coverage'])} of the foreground is confident"
    )
    lost, gained = _settings(evidence)
    others = sorted({float(other) for other in evidence["tau"]} - {tau})
    ours = f"our runs, with tau {_listed([f'{other:g}' for other in others])}," if others else "our runs"
    if found is None:
        return f"{said}; {NO_LEVEL} (lost: {_named(lost)}; gained: {_named(gained)})."
    if facts["weak_classes"]:
        remedies.append(f"label more of {_listed(facts['weak_classes'])}")
    if precision < found:
        worse = f"where the share that is right was under about {_percent(found)} {ours} got worse ({_named(lost)})"
        return f"{said}; {worse}; to try: {_any_of([*remedies, 'take a stronger encoder'])}."
    if facts["coverage"] < USABLE_COVERAGE:
        return f"{said}, which is little to learn from; to try: {_any_of([*remedies, LONGER])}."
    return f"{said}; where the share that is right was over about {_percent(found)} {ours} gained ({_named(gained)})."


LONGER = "pretrain for longer"
NO_LEVEL = "our runs show no share under which unlabelled images cost, so this does not say whether they will help"


def _settings(evidence: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Precision and gain, means over seeds, of the settings that lost and of those that gained."""
    settings = evidence.groupby(["dataset", "labels"])[["precision", "gain_prototype"]].mean()
    gained = settings["gain_prototype"] >= 0
    return settings[~gained], settings[gained]


def _named(settings: pd.DataFrame) -> str:
    """`digits with 30 and 60 labels, photos with 109 labels`."""
    labels = pd.Series(settings.index.get_level_values("labels"), settings.index.get_level_values("dataset"), dtype=str)
    named = [f"{dataset} with {_listed(list(own))} labels" for dataset, own in labels.groupby(level=0)]
    return ", ".join(named) or "none"


def outcome(tables: Path, forecasts: list[Path], out: Path) -> None:
    """Writes a row for each forecast: shares of the foreground at tau, mIoU and gains over supervised in percent.

    tables: the folder that the step `tables` wrote. forecasts: results/forecast/{dataset}/{split}/seed{seed}. A variant
    that was not run with a forecast's seed is left empty. UserError names a file that cannot be read.
    """
    keys = ["dataset", "labels", "seed"]
    fields = [*keys, "images", "tau", "coverage", "precision", "sentence"]
    forecast = pd.DataFrame([read_summary(folder, fields) for folder in forecasts])[fields].drop_duplicates()
    runs = read_table(tables / "runs.csv", ["miou"], [*keys, "variant"])
    runs = runs.pivot(index=keys, columns="variant", values="miou").reindex(columns=VARIANTS)
    both = forecast.merge(runs.reset_index(), on=keys, how="left")
    for variant in ("consistency", "prototype"):
        both[f"gain_{variant}"] = both[variant] - both["supervised"]
    write_csv(out, both.sort_values([*keys, "images"]), "%.4g")


def read_summary(folder: Path, fields: Iterable[str]) -> dict[str, Any]:
    """The forecast.json in `folder`, with at least these `fields`; UserError if it cannot be read."""
    path = folder / "forecast.json"
    try:
        read: dict[str, Any] = read_json(path)
        if missing := [name for name in fields if not isinstance(read, dict) or name not in read]:
            raise ValueError(f"no {missing[0]}")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run `snakemake --cores all stage_forecast`") from None
    except (IsADirectoryError, ValueError) as error:
        raise UserError(f"{path}: not a forecast ({error}); delete {folder} and run `snakemake --cores all`") from None
    return read


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _any_of(remedies: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(remedies[:-1]), remedies[-1]]))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _or_none(share: float) -> float | None:
    return None if math.isnan(share) else round(float(share), 4)
