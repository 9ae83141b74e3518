"""What a forecast means for the run, in words. Reads CSV only.

The level of right pseudo-labels under which unlabelled images hurt is no theory: it is where this project's own runs
lost and gained (forecast-evidence.csv, collected by benchmarks/forecast_evidence.py; docs/forecast.md shows the table).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

EVIDENCE = Path(__file__).with_name("forecast-evidence.csv")
"""Runs that were made, a row each: what was forecast (shares), and what then happened (mIoU in percent)."""

USABLE_COVERAGE = 0.05
"""Of the foreground's pixels, that a raised tau must leave confident: with fewer there is little to learn from (chosen;
training warns under 0.01 of all pixels, train/health.py)."""

MOST_CLASSES = 3
"""That a sentence names."""


def read_evidence() -> pd.DataFrame:
    return pd.read_csv(EVIDENCE)


def summary(table: pd.DataFrame, tau: float, evidence: pd.DataFrame) -> dict[str, Any]:
    """What forecast.json says of the curve `table` (forecast.curve) at the threshold in use; None where there is none.

    Shares (0 to 1) of the foreground: coverage, precision. level: `level`. raised_tau: `raised_tau`. weak_classes:
    `weak_classes`. sentence: all of it in words.
    """
    at_tau = table[table["tau"] == tau]
    foreground = table[table["group"] == "foreground"].set_index("tau")
    found = level(evidence)
    facts = {
        "tau": tau,
        "coverage": _or_none(foreground["coverage"][tau]),
        "precision": _or_none(foreground["precision"][tau]),
        "level": found,
        "raised_tau": None if found is None else raised_tau(foreground[foreground.index > tau], found),
        "weak_classes": weak_classes(at_tau[at_tau["group"] == "class"], found),
    }
    return facts | {"sentence": sentence(facts, foreground, evidence)}


def level(evidence: pd.DataFrame) -> float | None:
    """The share of right pixels midway between the settings that lost by their unlabelled images and those that gained.

    A setting is a data set with a number of labels, seeds averaged; it gained where prototype ended above supervised.
    None where the shares of the two kinds overlap, or one kind is missing: then our runs show no such level.
    """
    settings = evidence.groupby(["dataset", "labels"])[["precision", "gain_prototype"]].mean()
    gained = settings["gain_prototype"] >= 0
    highest_loss, lowest_gain = settings["precision"][~gained].max(), settings["precision"][gained].min()
    return (highest_loss + lowest_gain) / 2 if highest_loss < lowest_gain else None


def raised_tau(foreground: pd.DataFrame, level: float) -> float | None:
    """The smallest tau of the index at which `level` of the pixels are right and enough of them confident."""
    good = foreground[(foreground["precision"] >= level) & (foreground["coverage"] >= USABLE_COVERAGE)]
    return float(good.index.min()) if len(good) else None


def weak_classes(classes: pd.DataFrame, level: float | None) -> list[str]:
    """Up to MOST_CLASSES whose confident pixels are right less often than `level`, worst first.

    A class with none confident comes first of all: its pseudo-labels cannot help it. None: all classes are looked at.
    """
    share = classes.set_index("class")["precision"].fillna(0.0)
    share = share[share < (1.0 if level is None else level)]
    return [str(name) for name in share.sort_values(kind="stable").index[:MOST_CLASSES]]


def sentence(facts: dict[str, Any], foreground: pd.DataFrame, evidence: pd.DataFrame) -> str:
    tau, precision, found = facts["tau"], facts["precision"], facts["level"]
    if precision is None:
        return (
            f"No foreground pixel is confident at tau {tau:g}, so there is nothing to learn from: lower tau, pretrain"
            " for longer, or take a stronger encoder."
        )
    said = (
        f"{_percent(precision)} of the confident foreground pixels are right at tau {tau:g}, and"
        f" {_percent(facts['coverage'])} of the foreground is confident"
    )
    if found is None:
        return f"{said}; {_no_level(evidence)}."
    if precision >= found:
        return f"{said}; where it was over about {_percent(found)} our runs ({_runs(evidence)}) gained."
    remedies = [f"raise tau to {facts['raised_tau']:g}"] if facts["raised_tau"] is not None else []
    remedies += [f"label more of {_listed(facts['weak_classes'])}"] if facts["weak_classes"] else []
    advice = ", ".join([*remedies, "or take a stronger encoder"])
    return f"{said}; where it was under about {_percent(found)} our runs ({_runs(evidence)}) got worse: {advice}."


def _no_level(evidence: pd.DataFrame) -> str:
    return (
        f"our runs ({_runs(evidence)}) show no share under which unlabelled images cost, so this does not say whether"
        " they will help"
    )


def _runs(evidence: pd.DataFrame) -> str:
    """`digits with 8, 15, 30 and 60 labels, voc-animals with 109 labels`."""
    parts = []
    for dataset, own in evidence.groupby("dataset"):
        parts.append(f"{dataset} with {_listed([str(n) for n in sorted(set(own['labels']))])} labels")
    return ", ".join(parts) or "none so far"


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _or_none(share: float) -> float | None:
    return None if math.isnan(share) else round(float(share), 4)
