"""IoU of each class, a bar for each variant."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

from semiproto.report.drawing.results import Results
from semiproto.report.drawing.style import class_name, legend_below, variant_colours

BAR, WIDEST = 0.17, 10.0
"""Inches: of a bar, and of the figure. A wider one would have small letters on a page."""
MOST_ROWS = 60
"""Of classes below each other. Matplotlib draws no picture of more than 65,535 pixels."""


def draw(results: Results) -> Figure:
    """IoU at the last step by class and variant: mean and standard deviation over seeds; in rows where classes are
    many."""
    table, variants = results.tables["per_class"], results.variants
    classes = list(table["class"].unique())
    rows = _rows(classes, len(variants))
    width = max(7.0, 0.6 + BAR * len(rows[0]) * len(variants))
    figure = Figure(figsize=(min(width, WIDEST), 3.4 * len(rows)), layout="constrained")
    for axes, shown in zip(figure.subplots(len(rows), squeeze=False).flat, rows, strict=True):
        _bars(axes, table, variants, shown)
        axes.set_xlim(-0.6, len(rows[0]) - 0.4)
    bars = figure.axes[0].containers
    legend_below(figure, [one for one in bars if isinstance(one, BarContainer)])
    return figure


def _rows(classes: list[str], variants: int) -> list[list[str]]:
    """The classes, as many side by side as there is room for, in rows of about one length."""
    side_by_side = max(1, int((WIDEST - 0.6) / (BAR * variants)))
    number = min(ceil(len(classes) / side_by_side), MOST_ROWS)
    length = ceil(len(classes) / number)
    return [classes[start : start + length] for start in range(0, len(classes), length)]


def _bars(axes: Axes, table: pd.DataFrame, variants: list[str], classes: list[str]) -> None:
    width, colours = 0.84 / len(variants), variant_colours(variants)
    for index, variant in enumerate(variants):
        rows = table[table["variant"] == variant].set_index("class").reindex(classes)
        places = np.arange(len(classes)) + (index - (len(variants) - 1) / 2) * width
        axes.bar(places, rows["iou_mean"], 0.92 * width, color=colours[variant], label=variant)
        axes.errorbar(places, rows["iou_mean"], yerr=rows["iou_sd"], fmt="none", ecolor="#333333", elinewidth=0.8)
    for place, name in enumerate(classes):
        if table.loc[table["class"] == name, "iou_mean"].isna().all():
            axes.text(place, 2, "not in the images", rotation=90, ha="center", va="bottom", color="#555555", fontsize=8)
    axes.set(ylabel="IoU (%), last step", ylim=(0, 100))
    crowded = sum(map(len, classes)) > 60  # about as many characters as fit side by side
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    axes.set_xticks(range(len(classes)), list(map(class_name, classes)), **slanted)
    axes.grid(visible=False, axis="x")
