"""The forecast: how many pseudo-labels are right, and how many there are, against tau."""

from __future__ import annotations

from pathlib import Path

import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from semiproto.report.drawing.style import STYLE, class_lines, legend_below, save, words
from semiproto.report.evaluations import read_table
from semiproto.report.forecast import read_summary


def write(folder: Path) -> None:
    """Writes forecast.png and forecast.pdf beside the numbers, to be looked at before the long run."""
    with matplotlib.style.context(["default", STYLE]):
        save(draw(folder), folder / "forecast")


def draw(folder: Path | None) -> Figure:
    """Left: the share of right pixels among those confident at tau. Right: the share of confident pixels.

    folder: results/forecast/{dataset}/{split}/seed{seed}; None if no forecast was made. A line for each predicted class
    and a thick one for the foreground. A vertical line marks the tau in use, a horizontal one the level below which our
    runs got worse, if they show one.
    """
    if folder is None:
        return words("No forecast was made for this split.")
    table, summary = read_table(folder / "forecast.csv"), read_summary(folder, ("tau", "level"))
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, column in ((left, "precision"), (right, "coverage")):
        _lines(axes, table, column)
        axes.axvline(summary["tau"], color="#777777", linestyle="--", label=f"tau in use, {summary['tau']:g}")
        axes.set(xlabel="tau", ylim=(-2, 102))
    if summary["level"] is not None:
        left.axhline(100 * summary["level"], color="#D55E00", linestyle=":", label="our runs got worse below")
    left.set(title="Right among the confident pixels", ylabel="%")
    right.set(title="Confident among the pixels predicted so", ylabel="%")
    legend_below(figure, left.lines)
    return figure


def _lines(axes: Axes, table: pd.DataFrame, column: str) -> None:
    classes = table[table["group"] == "class"]
    class_lines(axes, list(classes["class"].unique()), classes, "tau", column, every=7)
    whole = table[table["group"] == "foreground"]
    axes.plot(whole["tau"], 100 * whole[column], color="#333333", linewidth=3.5, alpha=0.6, label="foreground")
