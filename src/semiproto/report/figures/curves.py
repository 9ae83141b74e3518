"""Training over the steps: validation mIoU, the teacher's confidence, and its pseudo-labels: how many, and how good."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from semiproto.report.drawing.results import Results
from semiproto.report.drawing.style import class_lines, dash, legend_below, variant_colours, variant_handles
from semiproto.report.evaluations import VARIANTS

OF_VARIANTS = {
    ("validation", "miou"): ("Validation, while training", "mIoU (%)"),
    ("confidence", "confidence"): ("Teacher's confidence", "mean over unlabelled pixels (%)"),
    ("history", "coverage"): ("Pseudo-label coverage", "confident unlabelled pixels (%)"),
    ("validation", "precision"): ("Right pseudo-labels, foreground", "of the confident validation pixels (%)"),
}
"""Panels with a line for each variant: table and column to title and label."""

OF_CLASSES = {
    "precision": ("Right by class", "of the confident validation pixels (%)"),
    "coverage": ("Coverage by class", "of the validation pixels predicted so (%)"),
}
"""Panels with a line for each class: column of the table pseudo_labels to title and label."""


def draw(results: Results) -> Figure:
    """The panels OF_VARIANTS, then OF_CLASSES for one variant, against the step.

    Lines are means over seeds; bands reach from the lowest seed to the highest.
    """
    shown = _shown(results.variants)
    figure = Figure(figsize=(10, 6.8), layout="constrained")
    panels = figure.subplots(2, 3).flat
    for axes, ((table, column), (title, ylabel)) in zip(panels, OF_VARIANTS.items(), strict=False):
        if len(rows := _known(axes, results.tables[table], column)):
            _lines(axes, results.variants, rows, column, 1 if table == "validation" else 100)
        axes.set(title=title, ylabel=ylabel)
    classes = results.tables["pseudo_labels"]
    classes = classes[classes["variant"] == shown]
    for axes, (column, (title, ylabel)) in zip(panels[len(OF_VARIANTS) :], OF_CLASSES.items(), strict=True):
        if len(rows := _known(axes, classes, column)):
            means = rows.groupby(["class", "step"])[column].mean().reset_index()
            class_lines(axes, results.classes, means, "step", column)
        axes.set(title=f"{title}, {shown}", ylabel=ylabel)
    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlabel("step of the variant's own phase")
    for axes in panels[1:]:
        # A line may be without a point: a variant has no value of what only others measure.
        lowest = axes.dataLim.ymin if np.isfinite(axes.dataLim.ymin) else 0
        axes.set(ylim=(20 * (lowest // 20) - 2, 102))  # a line at 0 is a finding and must stay visible
    figure.legend(handles=variant_handles(results.variants), loc="outside upper center", ncols=3)
    legend_below(figure, panels[-1].lines)
    return figure


def _shown(variants: list[str]) -> str:
    """The variant whose classes are shown: the last of the paper's that was run, or the last of all without one."""
    return ([v for v in variants if v in VARIANTS] or variants)[-1]


def _known(axes: Axes, rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows that have a number. If there is none, the panel says so."""
    rows = rows.dropna(subset=[column]) if column in rows else rows[:0]
    if not len(rows):
        axes.text(0.5, 0.5, "no variant has\na number for it", ha="center", transform=axes.transAxes)
    return rows


def _lines(axes: Axes, variants: list[str], table: pd.DataFrame, column: str, factor: float) -> None:
    """A line for each variant, the mean over seeds, in a band from the lowest seed to the highest."""
    for variant in variants:
        by_step = table[table["variant"] == variant].groupby("step")[column]
        mean, low, high = (factor * values for values in (by_step.mean(), by_step.min(), by_step.max()))
        colour = variant_colours(variants)[variant]
        axes.plot(mean.index, mean, dash(variant), color=colour, marker="o" if len(mean) == 1 else "")
        axes.fill_between(mean.index, low, high, color=colour, alpha=0.15, linewidth=0)
