"""From the evaluations of single runs to tables, and to plain words on what they show. Reads CSV and JSON only.

The headline is the teacher's linear head at the last step. The best step on validation is picked by the images it is
then scored on: it is shown apart and never compared. mIoU is in percent throughout, differences in points of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

from semiproto.artifacts import atomic_write, write_json, write_text
from semiproto.errors import UserError

VARIANTS = ("supervised", "consistency", "prototype")
CONTROLS = {
    "supervised-equal-compute": "whether supervised training for as long as prototype takes would do as well (the same"
    " compute) isn't known from this run",
    "consistency-equal-loss": "whether consistency with losses as large as prototype's would do as well (the same loss"
    " scale) isn't known from this run",
}
ORDER = (*VARIANTS, *CONTROLS)
"""Order of variants in tables and figures; others follow by name."""

GROUP = ["dataset", "labels"]
"""Runs that may be compared: one data set, one number of labelled images."""

RUN_COLUMNS = [*GROUP, "variant", "seed", "steps", "seconds", "miou", "miou_best", "miou_prototype_head"]
DIFFERENCE_COLUMNS = [
    *GROUP,
    *("minuend", "subtrahend", "n", "difference", "sd", "low", "high", "equal_steps", "verdict"),
]
ABOVE, BELOW, WITHIN = "above zero", "below zero", "within noise"
ONE_SEED, NO_SEED = "one seed: can't tell", "no seed in common: can't tell"

NOTES = (
    "Seconds are wall-clock seconds of training on the machine that ran it; validation is left out. Steps and seconds"
    " count the pretraining that a run started from.",
    "The headline is the last step. The best step is picked on the validation images it is scored on, so it flatters:"
    " it is shown apart and compared with nothing.",
    "Each interval is Student's t (95 %) over seeds paired between two variants, and stands by itself: none is widened"
    " for there being several. It covers the spread of training, not that of other splits or images.",
)
"""How to read the tables, the same for every run."""


@dataclass(frozen=True)
class Evaluation:
    """One run's metrics.json. mIoU and IoU in percent, nan where there is none; seconds of training."""

    folder: Path
    dataset: str
    split: str
    labels: int
    variant: str
    seed: int
    steps: int
    seconds: float
    miou: float
    miou_best: float
    miou_prototype_head: float
    iou: dict[str, float]
    """By class, in the order of the mask values."""


def tables(evaluations: list[Path], out: Path) -> None:
    """Writes runs, summary, differences, per_class, validation, history (CSV), summary.md and metrics.json into `out`.

    evaluations: folders of results/eval/{dataset}/{split}/{variant}/seed{seed}. UserError names one that is missing,
    damaged, or there twice.
    """
    read = read_evaluations(evaluations)
    runs = runs_table(read)
    # Rounded once, here: the Markdown table and the report, which reads the CSV, then say the same.
    summary, differences = summarise(runs).round(2), paired_differences(runs).round(2)
    _write_csv(out / "runs.csv", runs)
    _write_csv(out / "summary.csv", summary)
    _write_csv(out / "differences.csv", differences)
    _write_csv(out / "per_class.csv", per_class(read))
    _write_csv(out / "validation.csv", _collected(read, "validation.csv"))
    _write_csv(out / "history.csv", _collected(read, "history.csv"), "%.6g")
    write_text(out / "summary.md", _markdown(summary, differences))
    write_json(out / "metrics.json", _metrics(summary))


def read_evaluations(folders: Iterable[Path]) -> list[Evaluation]:
    """The evaluations in the tables' order: data set, labels, variant, seed."""
    read = [_read_evaluation(folder) for folder in folders]
    if not read:
        raise UserError("no evaluation was given; run `snakemake --cores all`, or name folders below results/eval")
    seen: dict[tuple[str, int, str, int], Path] = {}
    for e in read:
        other = seen.setdefault((e.dataset, e.labels, e.variant, e.seed), e.folder)
        if other is not e.folder:
            raise UserError(f"{e.folder}: the same variant, labels and seed as {other}; give one of them")
    return sorted(read, key=lambda e: (e.dataset, e.labels, _rank(e.variant), e.seed))


def in_order(variants: Iterable[str]) -> list[str]:
    """The distinct variants in the tables' order."""
    return sorted(set(variants), key=_rank)


def read_table(path: Path) -> pd.DataFrame:
    """A CSV of ours. Only an empty field is missing: a class may well be called `None` or `NA`."""
    names = ("dataset", "variant", "minuend", "subtrahend", "class", "kind")
    try:
        return pd.read_csv(path, dtype=dict.fromkeys(names, str), keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise UserError(f"{path}: no such table; run `snakemake --cores all`") from None
    except ValueError as error:
        raise UserError(f"{path}: not a table ({error}); delete it and run `snakemake --cores all`") from None


def runs_table(evaluations: list[Evaluation]) -> pd.DataFrame:
    """One row a run, the columns RUN_COLUMNS."""
    return pd.DataFrame([vars(e) for e in evaluations])[RUN_COLUMNS]


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over the seeds of each variant; n: the seeds that have a score."""
    scores = ("miou", "miou_best", "miou_prototype_head")
    parts = {f"{score}_{name}": (score, how) for score in scores for name, how in (("mean", "mean"), ("sd", "std"))}
    summary = (
        runs.groupby([*GROUP, "variant"], sort=False)
        .agg(n=("miou", "count"), steps=("steps", "mean"), seconds=("seconds", "mean"), **parts)
        .reset_index()
    )
    summary["steps"] = summary["steps"].round().astype(int)
    return summary


def paired_differences(runs: pd.DataFrame) -> pd.DataFrame:
    """Differences of the last step's mIoU in points, paired by seed: the columns DIFFERENCE_COLUMNS."""
    rows = []
    for _, group in runs.groupby(GROUP, sort=False):
        for minuend, subtrahend in _pairs(list(group["variant"].unique())):
            rows.append(_difference(group, minuend, subtrahend))
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def t_interval(values: pd.Series[float]) -> tuple[float, float]:
    """The 95 % interval of the mean by Student's t with n - 1 degrees of freedom; nan for fewer than two values."""
    n = len(values)
    if n < 2:
        return math.nan, math.nan
    half = float(stats.t.ppf(0.975, n - 1)) * float(values.std()) / math.sqrt(n)
    return float(values.mean()) - half, float(values.mean()) + half


def per_class(evaluations: list[Evaluation]) -> pd.DataFrame:
    """IoU (percent) of each class, mean and sd over seeds; nan for a class neither shown nor predicted."""
    rows = [(e.dataset, e.labels, e.variant, name, iou) for e in evaluations for name, iou in e.iou.items()]
    keys = [*GROUP, "variant", "class"]
    grouped = pd.DataFrame(rows, columns=[*keys, "iou"]).groupby(keys, sort=False)
    return grouped.agg(iou_mean=("iou", "mean"), iou_sd=("iou", "std")).reset_index()


def by_group(summary: pd.DataFrame, differences: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """(heading, summary, differences) of each data set and number of labels."""
    for (dataset, labels), own in summary.groupby(GROUP, sort=False):
        theirs = differences[(differences["dataset"] == dataset) & (differences["labels"] == labels)]
        yield f"{dataset}, {labels} labelled images", own, theirs


def findings(summary: pd.DataFrame, differences: pd.DataFrame) -> list[str]:
    """Plain sentences on one data set and number of labels: what is beyond noise, equal steps, what wasn't run."""
    sentences = [*_verdicts(differences), _equal_steps(differences)]
    missing = [variant for variant in ORDER if variant not in set(summary["variant"])]
    if core := [variant for variant in missing if variant in VARIANTS]:
        sentences.append(f"Not run: {', '.join(core)}.")
    sentences += [f"{variant} was not run: {CONTROLS[variant]}." for variant in missing if variant in CONTROLS]
    return [sentence for sentence in sentences if sentence]


def summary_for_people(summary: pd.DataFrame) -> pd.DataFrame:
    """One data set and number of labels as text; a row `not run` for each of ORDER that is missing."""
    rows = {row["variant"]: _summary_row(row) for _, row in summary.iterrows()}
    columns = ["steps", "seconds", "mIoU, last step", "best step on validation, shown apart", "prototype head", "n"]
    absent = ["not run", *[""] * (len(columns) - 1)]
    variants = in_order([*rows, *ORDER])
    return pd.DataFrame([[v, *rows.get(v, absent)] for v in variants], columns=["variant", *columns])


def differences_for_people(differences: pd.DataFrame) -> pd.DataFrame:
    """One data set and number of labels as text."""
    columns = ["difference of mIoU, last step", "points", "95 % interval", "sd", "n", "steps", "verdict"]
    rows = [
        [
            f"{row['minuend']} − {row['subtrahend']}",
            _signed(row["difference"]),
            _interval(row),
            _number(row["sd"]),
            str(row["n"]),
            "equal" if row["equal_steps"] else "not equal",
            row["verdict"],
        ]
        for _, row in differences.iterrows()
    ]
    return pd.DataFrame(rows, columns=columns)


def mean_sd(mean: float, sd: float) -> str:
    """`68.1 ± 4.2`; a mean without a spread says that it is of one seed; empty without a mean."""
    if math.isnan(mean):
        return ""
    return f"{mean:.1f} (one seed)" if math.isnan(sd) else f"{mean:.1f} ± {sd:.1f}"


def _rank(variant: str) -> tuple[int, str]:
    return (ORDER.index(variant) if variant in ORDER else len(ORDER), variant)


def _read_evaluation(folder: Path) -> Evaluation:
    path = folder / "metrics.json"
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return Evaluation(
            folder=folder,
            dataset=str(read["dataset"]),
            split=str(read["split"]),
            labels=int(read["labels"]),
            variant=str(read["variant"]),
            seed=int(read["seed"]),
            steps=int(read["steps"]),
            seconds=float(read["seconds"]),
            miou=_or_nan(read["miou"]),
            miou_best=_or_nan(read["miou_best"]),
            miou_prototype_head=_or_nan(read["miou_prototype_head"]),
            iou={str(name): _or_nan(iou) for name, iou in zip(read["classes"], read["iou"], strict=True)},
        )
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run `snakemake --cores all`") from None
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path}: not a run's metrics ({error!r}); delete {folder} and run `snakemake --cores all`"
        ) from None


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _collected(evaluations: list[Evaluation], name: str) -> pd.DataFrame:
    """The runs' tables of one name below each other, the run's columns in front."""
    parts = []
    for e in evaluations:
        part = read_table(e.folder / name)
        run = pd.DataFrame([(e.dataset, e.labels, e.variant, e.seed)] * len(part), columns=[*GROUP, "variant", "seed"])
        parts.append(pd.concat([run, part], axis=1))
    return pd.concat(parts, ignore_index=True)


def _pairs(variants: list[str]) -> list[tuple[str, str]]:
    """Minuend and subtrahend: prototype against every other one, and consistency against supervised."""
    pairs = [("prototype", other) for other in variants if other != "prototype" and "prototype" in variants]
    return pairs + [("consistency", "supervised")] * ({"consistency", "supervised"} <= set(variants))


def _difference(group: pd.DataFrame, minuend: str, subtrahend: str) -> dict[str, Any]:
    more, less = (group[group["variant"] == name].set_index("seed") for name in (minuend, subtrahend))
    points = (more["miou"] - less["miou"]).dropna()  # aligned by seed: one that only one of them has is dropped
    low, high = t_interval(points)
    return {
        "dataset": group["dataset"].iloc[0],
        "labels": group["labels"].iloc[0],
        "minuend": minuend,
        "subtrahend": subtrahend,
        "n": len(points),
        "difference": points.mean(),
        "sd": points.std(),
        "low": low,
        "high": high,
        "equal_steps": set(more["steps"]) == set(less["steps"]),
        "verdict": _verdict(len(points), low, high),
    }


def _verdict(n: int, low: float, high: float) -> str:
    if n < 2:
        return ONE_SEED if n else NO_SEED
    if low > 0:
        return ABOVE
    return BELOW if high < 0 else WITHIN


def _verdicts(differences: pd.DataFrame) -> list[str]:
    said = {
        ABOVE: "Beyond noise, higher",
        BELOW: "Beyond noise, lower",
        WITHIN: "Not beyond noise",
        ONE_SEED: "One seed, so nobody can tell",
        NO_SEED: "No seed in common, so nobody can tell",
    }
    parts = []
    for verdict, words in said.items():
        rows = differences[differences["verdict"] == verdict]
        if len(rows):
            parts.append(f"{words}: {'; '.join(_spelled(row) for _, row in rows.iterrows())}.")
    return parts or ["Nothing was run that could be compared."]


def _spelled(row: pd.Series[Any]) -> str:
    points = "" if math.isnan(row["difference"]) else f" {_signed(row['difference'])} points"
    interval = "" if math.isnan(row["low"]) else f" ({_interval(row)})"
    return f"{row['minuend']} over {row['subtrahend']}{points}{interval}"


def _equal_steps(differences: pd.DataFrame) -> str:
    if not len(differences):
        return ""
    unequal = differences[~differences["equal_steps"].astype(bool)]
    pairs = [f"{row['minuend']} and {row['subtrahend']}" for _, row in unequal.iterrows()]
    return f"Steps are not equal between {'; '.join(pairs)}." if pairs else "Steps are equal in every comparison."


def _interval(row: pd.Series[Any]) -> str:
    return "" if math.isnan(row["low"]) else f"{_signed(row['low'])} to {_signed(row['high'])}"


def _signed(value: float) -> str:
    """With a real minus sign, as in the names of the differences; empty for nan."""
    return "" if math.isnan(value) else f"{round(value, 1) + 0.0:+.1f}".replace("-", "−")


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1f}"


def _summary_row(row: pd.Series[Any]) -> list[str]:
    scores = [mean_sd(row[f"{name}_mean"], row[f"{name}_sd"]) for name in ("miou", "miou_best", "miou_prototype_head")]
    last, best, head = scores
    cost = [f"{row['steps']:,}", f"{row['seconds']:.0f}"]
    return [*cost, last or "no score", best or "no score", head or "none", str(row["n"])]


def _markdown(summary: pd.DataFrame, differences: pd.DataFrame) -> str:
    """summary.md: per data set and number of labels the two tables and the findings, then how to read them."""
    parts = ["# Results"]
    for title, own, theirs in by_group(summary, differences):
        parts += [f"## {title}", _markdown_table(summary_for_people(own))]
        if len(theirs):
            parts.append(_markdown_table(differences_for_people(theirs)))
        parts.append(" ".join(findings(own, theirs)))
    return "\n\n".join([*parts, "## How to read this", *NOTES]) + "\n"


def _markdown_table(frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _metrics(summary: pd.DataFrame) -> dict[str, Any]:
    """For `dvc metrics`: {dataset: {labels: {variant: {miou, miou_sd}}}}; a number that doesn't exist is left out."""
    metrics: dict[str, Any] = {}
    for _, row in summary.iterrows():
        numbers = {"miou": row["miou_mean"], "miou_sd": row["miou_sd"]}
        known = {name: round(float(value), 2) for name, value in numbers.items() if not math.isnan(value)}
        metrics.setdefault(row["dataset"], {}).setdefault(str(row["labels"]), {})[row["variant"]] = known
    return metrics


def _write_csv(path: Path, frame: pd.DataFrame, number: str = "%.2f") -> None:
    with atomic_write(path) as temporary:
        frame.to_csv(temporary, index=False, float_format=number)
