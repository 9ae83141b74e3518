"""From the evaluations of single runs to tables: CSV for programs, Markdown and LaTeX for people, from one source.

The headline is the teacher's linear head at the last step. The best step is picked on the validation images that it is
then scored on, so it is shown apart and never compared. Scores are in percent, differences in percentage points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from semiproto import paths
from semiproto.errors import UserError
from semiproto.provenance.artifacts import write_csv, write_json, write_text
from semiproto.report.evaluations import (
    GROUP,
    METRICS,
    ORDER,
    Evaluation,
    collect,
    in_order,
    is_finished,
    read_evaluations,
)
from semiproto.report.published import published_table
from semiproto.report.verdict import signed, verdicts

SCORES = ["miou", "miou_best", "miou_student", "miou_prototype_head", "boundary_iou", "accuracy", "ece"]
RUN_COLUMNS = [*GROUP, "variant", "seed", "steps", *SCORES]
SUMMARY_COLUMNS = [*GROUP, "variant", "n", "steps"]
SUMMARY_COLUMNS += [f"{score}_{name}" for score in SCORES for name in ("mean", "sd")]
COLLECTED = {"history": ("step", "loss"), "calibration": ("low", "high", "pixels", "confidence", "accuracy")}
"""The runs' tables that are concatenated unchanged: name and required columns."""

NOTES = (
    "Steps count the pretraining that a run started from.",
    "The headline is the last step. The best step is picked on the validation images it is scored on, so it flatters:"
    " it is shown apart and compared with nothing.",
    "mIoU is the mean over the classes that occur, in truth or prediction. Each interval (95 %) stands by itself and"
    " covers other validation images and other trainings, not other splits; a class is named as better or worse only"
    " where the intervals of all classes hold together.",
)
"""How to read the tables, the same for every run."""

PUBLISHED = (
    "mIoU (%). Published numbers are one training each and of the step that was best on validation, so our best step"
    " stands beside them."
)


def tables(evaluations: list[Path], out: Path) -> list[str]:
    """Writes runs, summary, per_class, validation, history, calibration, published, verdict, verdict_classes and
    unfinished (CSV), summary.md, summary.tex and metrics.json into `out`; their names.

    evaluations: folders results/eval/{dataset}/{split}/{variant}/seed{seed}. One without metrics.json belongs to an
    unfinished run: it is named, and no number includes it. UserError names a folder that is damaged or given twice, or
    the first one if no run is finished.
    """
    finished = [folder for folder in evaluations if is_finished(folder)]
    read = read_evaluations(finished or evaluations)
    unfinished = [_run_name(folder) for folder in evaluations if folder not in finished]
    runs = runs_table(read)
    # Rounded once, here, so that the tables for people agree with the report, which reads the CSV.
    summary = summarise(runs).round(2)
    verdict, classes = verdicts(read)
    published = published_table(read, summary)
    written = {
        "runs": runs,
        "summary": summary,
        "per_class": per_class(read),
        "validation": collect(read, "validation.csv", ("step", "miou")),
        "published": published,
        "verdict": verdict,
        "verdict_classes": classes,
        "unfinished": pd.DataFrame({"run": unfinished}),
    }
    collected = {name: collect(read, f"{name}.csv", columns) for name, columns in COLLECTED.items()}
    for name, table in written.items():
        write_csv(out / f"{name}.csv", table, "%.2f")
    for name, table in collected.items():
        write_csv(out / f"{name}.csv", table)
    write_text(out / "summary.md", _markdown(summary, verdict, published, unfinished))
    write_text(out / "summary.tex", _latex(summary, verdict, published))
    write_json(out / "metrics.json", _metrics(summary))
    return [*(f"{name}.csv" for name in (*written, *collected)), "summary.md", "summary.tex", "metrics.json"]


def _run_name(unfinished: Path) -> str:
    """The folder of a run that is not finished; UserError where it is not called as one."""
    try:
        paths.run_of(unfinished)
    except ValueError:
        raise UserError(
            f"{unfinished}: no evaluation, it has no {METRICS} and is not called dataset/split/variant/seed0; leave it"
            " out, or correct the path"
        ) from None
    return unfinished.as_posix()


def runs_table(evaluations: list[Evaluation]) -> pd.DataFrame:
    """One row a run: RUN_COLUMNS, then the columns of heads beyond the paper's two."""
    runs = pd.DataFrame([dict(e) | e.head_columns for e in evaluations])
    return runs[[*RUN_COLUMNS, *other_heads(runs)]]


def other_heads(table: pd.DataFrame) -> dict[str, str]:
    """The scores of heads beyond the paper's two in a table of runs or a summary, and their names for people."""
    scores = [str(name).removesuffix("_mean") for name in table]
    others = [name for name in scores if name.startswith("miou_") and name.endswith("_head") and name not in SCORES]
    return {name: name.removeprefix("miou_").replace("_", " ") for name in others}


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over the seeds of each variant; n: the seeds that have a score."""
    scores = [*SCORES, *other_heads(runs)]
    parts = {f"{score}_{name}": (score, how) for score in scores for name, how in (("mean", "mean"), ("sd", "std"))}
    summary = (
        runs.groupby([*GROUP, "variant"], sort=False)
        .agg(n=("miou", "count"), steps=("steps", "mean"), **parts)
        .reset_index()
    )
    summary["steps"] = summary["steps"].round().astype(int)
    return summary


def per_class(evaluations: list[Evaluation]) -> pd.DataFrame:
    """IoU and boundary IoU of each class, mean and sd over seeds; nan for one neither shown nor predicted."""
    rows = [
        (e.dataset, e.labels, e.variant, name, iou, e.boundary_iou_per_class[name])
        for e in evaluations
        for name, iou in e.iou.items()
    ]
    keys, scores = [*GROUP, "variant", "class"], ("iou", "boundary_iou")
    grouped = pd.DataFrame(rows, columns=[*keys, *scores]).groupby(keys, sort=False)
    parts = {f"{score}_{name}": (score, how) for score in scores for name, how in (("mean", "mean"), ("sd", "std"))}
    return grouped.agg(**parts).reset_index()


def by_group(summary: pd.DataFrame, verdict: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """(heading, summary, verdict) of each data set and number of labels."""
    for (dataset, labels), own in summary.groupby(GROUP, sort=False):
        theirs = verdict[(verdict["dataset"] == dataset) & (verdict["labels"] == labels)]
        yield heading(dataset, labels), own, theirs


def heading(dataset: object, labels: object) -> str:
    """What stands over the results of a data set and number of labels."""
    return f"{dataset}, {labels} labelled images"


def summary_for_people(summary: pd.DataFrame) -> pd.DataFrame:
    """One data set and number of labels as text; a row `not run` for each of ORDER that is missing.

    A column seconds is shown where the summary has one.
    """
    heads = other_heads(summary)
    rows = {row["variant"]: _summary_row(row, [*heads]) for _, row in summary.iterrows()}
    columns = ["steps", *(["seconds"] if "seconds" in summary else [])]
    columns += ["mIoU, last step", "best step on validation, shown apart", "prototype head"]
    columns += [*heads.values(), "boundary IoU", "accuracy", "calibration error", "n"]
    absent = ["not run", *[""] * (len(columns) - 1)]
    variants = in_order([*rows, *ORDER])
    return pd.DataFrame([[v, *rows.get(v, absent)] for v in variants], columns=["variant", *columns])


def verdict_for_people(verdict: pd.DataFrame) -> pd.DataFrame:
    """One data set and number of labels as text: a row for each question."""
    columns = ["question", "compared", "points", "95 % interval", "seeds", "answer"]
    rows = [
        [
            row["question"],
            f"{row['minuend']} − {row['subtrahend']}",
            signed(row["gain"]),
            "" if math.isnan(row["low"]) else f"{signed(row['low'])} to {signed(row['high'])}",
            "" if pd.isna(row["seeds"]) else str(len(row["seeds"].split())),
            row["sentence"],
        ]
        for _, row in verdict.iterrows()
    ]
    return pd.DataFrame(rows, columns=columns)


def published_for_people(published: pd.DataFrame) -> tuple[list[str], pd.DataFrame]:
    """For each data set without a comparison, a line with the reason; and the numbers of the others as text."""
    reasons = published.dropna(subset=["note"])
    known = published.dropna(subset=["published"])
    columns = [
        "splits, labels",
        "method",
        "published",
        "ours, best step",
        "ours, last step",
        "n",
        "scored on",
        "source",
    ]
    rows = [
        [
            f"{row['family']}, {row['labels']:.0f}",
            row["method"],
            f"{row['published']:.2f}",
            mean_sd(row["miou_best_mean"], row["miou_best_sd"]) or "not run",
            mean_sd(row["miou_mean"], row["miou_sd"]) or "not run",
            "" if math.isnan(row["n"]) else f"{row['n']:.0f}",
            row["protocol"],
            row["source"],
        ]
        for _, row in known.iterrows()
    ]
    said = [f"{row['dataset']}: {row['note']}" for _, row in reasons.iterrows()]
    return said, pd.DataFrame(rows, columns=columns)


def mean_sd(mean: float, sd: float) -> str:
    """`68.1 ± 4.2`. Without a spread, `68.1 (one seed)`; without a mean, empty."""
    if math.isnan(mean):
        return ""
    return f"{mean:.1f} (one seed)" if math.isnan(sd) else f"{mean:.1f} ± {sd:.1f}"


def _summary_row(row: pd.Series[Any], heads: list[str]) -> list[str]:
    """heads: the columns of those beyond the paper's two."""
    heads = ["miou_prototype_head", *heads]
    texts = {name: mean_sd(row[f"{name}_mean"], row[f"{name}_sd"]) for name in (*SCORES, *heads)}
    scores = [
        *(texts[name] or "no score" for name in ("miou", "miou_best")),
        *(texts[head] or "none" for head in heads),
    ]
    scores += [texts[name] for name in ("boundary_iou", "accuracy", "ece")]
    seconds = [f"{row['seconds']:.0f}"] if "seconds" in row else []
    return [f"{row['steps']:,}", *seconds, *scores, str(row["n"])]


def _markdown(summary: pd.DataFrame, verdict: pd.DataFrame, published: pd.DataFrame, unfinished: list[str]) -> str:
    """summary.md: table and verdict of each data set and number of labels, published numbers, and how to read them."""
    parts = ["# Results"]
    if unfinished:
        parts.append(f"Not finished, and in no number here: {', '.join(unfinished)}.")
    for title, own, theirs in by_group(summary, verdict):
        answers = [f"- {row['question']} {row['sentence']}." for _, row in theirs.iterrows()]
        parts += [f"## {title}", _markdown_table(summary_for_people(own)), "\n".join(answers)]
    reasons, numbers = published_for_people(published)
    parts += ["## Published numbers", *(f"No number to compare with. {reason}." for reason in reasons)]
    parts += [PUBLISHED, _markdown_table(numbers)] if len(numbers) else []
    return "\n\n".join([*parts, "## How to read this", *NOTES]) + "\n"


def _markdown_table(frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _latex(summary: pd.DataFrame, verdict: pd.DataFrame, published: pd.DataFrame) -> str:
    """summary.tex: the same tables, to \\input in a document that loads the package booktabs."""
    parts = []
    for title, own, theirs in by_group(summary, verdict):
        shown = summary_for_people(own), verdict_for_people(theirs).drop(columns=["question", "answer"])
        parts += [f"% {title}", *(frame.to_latex(index=False, escape=True) for frame in shown)]
    reasons, numbers = published_for_people(published)
    parts += [f"% no number to compare with: {reason}" for reason in reasons]
    parts += ["% published numbers", numbers.to_latex(index=False, escape=True)] if len(numbers) else []
    return "\n".join(parts).replace("±", "$\\pm$").replace("−", "$-$")


def _metrics(summary: pd.DataFrame) -> dict[str, Any]:
    """For `dvc metrics`: {dataset: {labels: {variant: {miou, miou_sd}}}}; missing numbers are left out."""
    metrics: dict[str, Any] = {}
    for _, row in summary.iterrows():
        numbers = {"miou": row["miou_mean"], "miou_sd": row["miou_sd"]}
        known = {name: round(float(value), 2) for name, value in numbers.items() if not math.isnan(value)}
        metrics.setdefault(row["dataset"], {}).setdefault(str(row["labels"]), {})[row["variant"]] = known
    return metrics
