"""What a forecast means for the run, in words. Reads CSV only.

The level of right pseudo-labels under which unlabelled images hurt is no theory: it is where this project's own runs
lost and gained (forecast-evidence.csv; docs/forecast.md shows the table and says how to make it again).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

from semiproto.analysis.evaluations import VARIANTS, read_table
from semiproto.artifacts import atomic_write
from semiproto.errors import UserError

EVIDENCE = Path(__file__).with_name("forecast-evidence.csv")
"""Runs that were made, as `outcome` wrote them."""

USABLE_COVERAGE = 0.05
"""Of the foreground's pixels, that a raised tau must leave confident: with fewer there is little to learn from (chosen;
training warns under 0.01 of all pixels, train/health.py)."""

MOST_CLASSES = 3
"""That a sentence names."""


def read_evidence(images: str) -> pd.DataFrame:
    """Our runs whose forecast was of such `images`: labeled or validation."""
    runs = pd.read_csv(EVIDENCE)
    return runs[runs["images"] == images]


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


def outcome(tables: Path, forecasts: list[Path], out: Path) -> None:
    """Writes a row for each forecast: shares of the foreground at tau, then mIoU and gains over supervised, in percent.

    tables: what compare.tables wrote. forecasts: results/forecast/{dataset}/{split}/seed{seed}. A variant that was not
    run with a forecast's seed is left empty. UserError names a file that cannot be read.
    """
    keys = ["dataset", "labels", "seed"]
    forecast = pd.DataFrame([_read_summary(folder) for folder in forecasts])
    runs = read_table(tables / "runs.csv").pivot(index=keys, columns="variant", values="miou").reindex(columns=VARIANTS)
    both = forecast[[*keys, "images", "tau", "coverage", "precision"]].merge(runs.reset_index(), on=keys, how="left")
    for variant in ("consistency", "prototype"):
        both[f"gain_{variant}"] = both[variant] - both["supervised"]
    with atomic_write(out) as temporary:
        both.sort_values([*keys, "images"]).to_csv(temporary, index=False, float_format="%.4g")


def _read_summary(folder: Path) -> dict[str, Any]:
    path = folder / "forecast.json"
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run `snakemake --cores all stage_forecast`") from None
    except ValueError as error:
        raise UserError(f"{path}: not a forecast ({error}); delete {folder} and run `snakemake --cores all`") from None
    return read


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
