"""Figures of the tables' numbers: mIoU against labels, each seed's score, curves, classes, calibration."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from semiproto.report.evaluations import VARIANTS, in_order
from semiproto.report.style import Block, class_lines, class_name, dash, legend_below, variant_colours
from semiproto.report.tables import mean_sd

IDEAL: dict[str, Any] = {"color": "#999999", "linewidth": 1}
"""The line on which confidence is what it says."""

DOT: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.5, "zorder": 3}
"""Of one seed: seen on the diamond of the mean too."""

OF_VARIANTS = {
    ("validation", "miou"): ("Validation, while training", "mIoU (%)"),
    ("confidence", "confidence"): ("Teacher's confidence", "mean over unlabelled pixels (%)"),
    ("history", "coverage"): ("Pseudo-label coverage", "confident unlabelled pixels (%)"),
    ("validation", "precision"): ("Right pseudo-labels, foreground", "of the confident validation pixels (%)"),
}
"""Panels of `curves` with a line for each variant: table and column, title and label."""

OF_CLASSES = {
    "precision": ("Right by class", "of the confident validation pixels (%)"),
    "coverage": ("Coverage by class", "of the validation pixels predicted so (%)"),
}
"""Panels with a line for each class."""


def labels(runs: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """mIoU of the last step against the number of labelled images: a dot for each seed, mean and sd over seeds.

    runs, published: the tables of those names, of one data set. Published curves are drawn where they may be compared,
    else the reason stands below.
    """
    variants, counts = in_order(runs["variant"]), sorted(runs["labels"].unique())
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    for place, variant in enumerate(variants):
        own = runs[runs["variant"] == variant]
        colour = variant_colours(variants)[variant]
        # Beside each other, else the bars of equal counts hide each other.
        beside = 1.03 ** (place - (len(variants) - 1) / 2)
        scores = own.groupby("labels")["miou"].agg(["mean", "std"])
        axes.plot(own["labels"] * beside, own["miou"], "o", color=colour, markersize=3, **DOT)
        axes.errorbar(
            scores.index * beside,
            scores["mean"],
            scores["std"],
            fmt="D" + dash(variant),
            color=colour,
            capsize=4,
            markersize=7,
            label=variant,
        )
    known = _published(axes, published, variant_colours(variants))
    counts = sorted({*counts, *known["labels"].astype(int)})
    axes.set_xscale("log")
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.xaxis.set_minor_locator(NullLocator())
    margin = 1.4 if len(counts) > 1 else 3  # or those of one count would seem to have different ones
    axes.set_xlim(counts[0] / margin, counts[-1] * margin)
    reasons = "".join(f"\nno published curve: {note}" for note in published["note"].dropna().unique())
    axes.set(ylabel="mIoU (%), last step")
    axes.set_xlabel(f"labelled images{reasons}", fontsize=8)
    legend_below(figure, axes.get_legend_handles_labels()[0])
    return figure


def _published(axes: Axes, published: pd.DataFrame, colours: dict[str, str]) -> pd.DataFrame:
    """Draws the published curves, in grey where the method is none of the variants; the rows that have a number."""
    known = published.dropna(subset=["published"])
    for number, (method, own) in enumerate(known.groupby("method", sort=False)):
        colour = colours.get(str(own["variant"].iloc[0]), "#777777")
        style, name = "sv^<"[number % 4] + ":", f"{method} (published)"
        axes.plot(own["labels"], own["published"], style, markerfacecolor="white", color=colour, label=name)
    return known


def gain(block: Block) -> Figure:
    """mIoU of the last step: a dot for each seed, mean and sd over seeds."""
    runs, variants = block.tables["runs"], block.variants
    figure = Figure(figsize=(7, 1.2 + 0.5 * len(variants)), layout="constrained")
    axes = figure.subplots()
    for place, variant in enumerate(variants):
        scores = runs.loc[runs["variant"] == variant, "miou"].dropna()
        colour = variant_colours(variants)[variant]
        mean, sd = float(scores.mean()), float(scores.std())
        axes.plot(scores, np.full(len(scores), place - 0.16), "o", color=colour, markersize=4, alpha=0.75)
        axes.errorbar(mean, place + 0.1, xerr=None if np.isnan(sd) else sd, fmt="D", color=colour, capsize=4)
        axes.annotate(
            mean_sd(mean, sd) or "no score",
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            color="#333",
        )
    axes.set(yticks=range(len(variants)), yticklabels=variants, ylim=(len(variants) - 0.5, -0.5))
    axes.set(xlabel="mIoU (%), last step; dots: seeds, diamonds: mean ± sd")
    axes.grid(visible=False, axis="y")
    return figure


def curves(block: Block) -> Figure:
    """Over the steps: validation mIoU, the teacher's confidence in unlabelled pixels and the share of them above tau.

    Below, on the validation images, what pseudo-labels are worth: of the foreground for each variant, and of each class
    for one. Lines are means over seeds, bands reach from the lowest to the highest.
    """
    shown = _shown(block.variants)
    figure = Figure(figsize=(10, 6.8), layout="constrained")
    panels = figure.subplots(2, 3).flat
    for axes, ((table, column), (title, ylabel)) in zip(panels, OF_VARIANTS.items(), strict=False):
        if len(rows := _known(axes, block.tables[table], column)):
            _lines(axes, block, rows, column, 1 if table == "validation" else 100)
        axes.set(title=title, ylabel=ylabel)
    classes = block.tables["pseudo_labels"]
    classes = classes[classes["variant"] == shown]
    for axes, (column, (title, ylabel)) in zip(panels[len(OF_VARIANTS) :], OF_CLASSES.items(), strict=True):
        if len(rows := _known(axes, classes, column)):
            means = rows.groupby(["class", "step"])[column].mean().reset_index()
            class_lines(axes, block.classes, means, "step", column)
        axes.set(title=f"{title}, {shown}", ylabel=ylabel)
    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlabel("step of the variant's own phase")
    for axes in panels[1:]:
        lowest = axes.dataLim.ymin if axes.lines else 0
        axes.set(ylim=(20 * (lowest // 20) - 2, 102))  # with room below: a line at 0 is a finding
    figure.legend(handles=_handles(block.variants), loc="outside upper center", ncols=3)
    legend_below(figure, panels[-1].lines)
    return figure


def _shown(variants: list[str]) -> str:
    """The variant whose classes are shown: the last of the paper's that was run, else the last of all."""
    return ([v for v in variants if v in VARIANTS] or variants)[-1]


def _known(axes: Axes, rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows that have a number; where none has, the panel says so."""
    rows = rows.dropna(subset=[column]) if column in rows else rows[:0]
    if not len(rows):
        axes.text(0.5, 0.5, "no variant has\na number for it", ha="center", transform=axes.transAxes)
    return rows


def mean_confidence(health: pd.DataFrame) -> pd.DataFrame:
    """Columns step, confidence (0..1): the mean of the histogram of the teacher's confidence in a run's health.csv."""
    bins = health[health["measure"] == "confidence"]
    middle = bins["name"].str.split("-", expand=True).astype(float).mean(axis=1)
    return (middle * bins["value"]).groupby(bins["step"]).sum().rename("confidence").reset_index()


def pseudo_labels(health: pd.DataFrame) -> pd.DataFrame:
    """Columns step, class, coverage, precision (0..1): what a run's health.csv has of the validation images."""
    rows = health[health["measure"].str.startswith("validation_")]
    rows = rows.assign(measure=rows["measure"].str.removeprefix("validation_"))
    wide = rows.pivot(index=["step", "name"], columns="measure", values="value").reset_index()
    return wide.reindex(columns=["step", "name", "coverage", "precision"]).rename(columns={"name": "class"})


def per_class(block: Block) -> Figure:
    """IoU of each class, a bar for each variant; mean and sd over seeds."""
    table, variants = block.tables["per_class"], block.variants
    classes = list(table["class"].unique())
    figure = Figure(figsize=(max(7.0, 0.6 + 0.17 * len(classes) * len(variants)), 3.4), layout="constrained")
    axes = figure.subplots()
    width = 0.84 / len(variants)
    for index, variant in enumerate(variants):
        rows = table[table["variant"] == variant].set_index("class").reindex(classes)
        places = np.arange(len(classes)) + (index - (len(variants) - 1) / 2) * width
        axes.bar(places, rows["iou_mean"], 0.92 * width, color=variant_colours(variants)[variant], label=variant)
        axes.errorbar(places, rows["iou_mean"], yerr=rows["iou_sd"], fmt="none", ecolor="#333333", elinewidth=0.8)
    for place, name in enumerate(classes):
        if table.loc[table["class"] == name, "iou_mean"].isna().all():
            axes.text(place, 2, "not in the images", rotation=90, ha="center", va="bottom", color="#555555", fontsize=8)
    axes.set(ylabel="IoU (%), last step", ylim=(0, 100), xlim=(-0.6, len(classes) - 0.4))
    crowded = sum(map(len, classes)) > 60  # characters that fit beside each other
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    axes.set_xticks(range(len(classes)), list(map(class_name, classes)), **slanted)
    axes.grid(visible=False, axis="x")
    legend_below(figure, [bars for bars in axes.containers if isinstance(bars, BarContainer)])
    return figure


def calibration(block: Block) -> Figure:
    """Left: the share of right pixels against their confidence. Right: that of all pixels above a confidence.

    Pixels of the validation images, of all seeds together; bins of the table calibration.
    """
    figure = Figure(figsize=(8, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 100], [0, 100], **IDEAL)
    for variant in block.variants:
        own = block.tables["calibration"]
        bins = pooled(own[own["variant"] == variant])
        colour, line = variant_colours(block.variants)[variant], dash(variant)
        left.plot(100 * bins["confidence"], 100 * bins["accuracy"], "o" + line, color=colour, markersize=4)
        above = bins.iloc[::-1][["pixels", "correct"]].cumsum()
        low = 100 * bins["low"].iloc[::-1]
        right.plot(low, 100 * above["correct"] / above["pixels"], "o" + line, color=colour, markersize=4)
        right.plot(low, 100 * above["pixels"] / above["pixels"].max(), ":", color=colour)
    left.set(title="Is the teacher as right as it is sure?", xlabel="confidence (%)", ylabel="right pixels (%)")
    right.set(title="Pixels above a confidence", xlabel="confidence (%)", ylabel="pixels (%)")
    for axes in (left, right):
        axes.set(xlim=(0, 102), ylim=(0, 102))
    left.legend(handles=[Line2D([], [], **IDEAL, label="as right as sure")], loc="lower right")
    kinds: dict[str, Literal["-", ":"]] = {"of them right": "-", "their share of all pixels": ":"}
    styles = [Line2D([], [], color="#333333", linestyle=kind, label=name) for name, kind in kinds.items()]
    right.legend(handles=styles, loc="lower left")
    legend_below(figure, _handles(block.variants))
    return figure


def pooled(calibration: pd.DataFrame) -> pd.DataFrame:
    """One row for each bin that has pixels: low, pixels, correct, and confidence and accuracy (0..1) over all runs."""
    known = calibration[calibration["pixels"] > 0]
    sums = known.assign(
        confidence=known["confidence"] * known["pixels"], correct=known["accuracy"] * known["pixels"]
    ).groupby("low")[["pixels", "confidence", "correct"]]
    bins = sums.sum().reset_index()
    return bins.assign(confidence=bins["confidence"] / bins["pixels"], accuracy=bins["correct"] / bins["pixels"])


def _lines(axes: Axes, block: Block, table: pd.DataFrame, column: str, factor: float) -> None:
    """A line for each variant, the mean over seeds, with the band from their lowest to their highest."""
    for variant in block.variants:
        by_step = table[table["variant"] == variant].groupby("step")[column]
        mean, low, high = (factor * values for values in (by_step.mean(), by_step.min(), by_step.max()))
        colour = variant_colours(block.variants)[variant]
        axes.plot(mean.index, mean, dash(variant), color=colour, marker="o" if len(mean) == 1 else "")
        axes.fill_between(mean.index, low, high, color=colour, alpha=0.15, linewidth=0)


def _handles(variants: list[str]) -> list[Line2D]:
    colours = variant_colours(variants)
    return [Line2D([], [], color=colours[v], linestyle=dash(v), label=v) for v in variants]
