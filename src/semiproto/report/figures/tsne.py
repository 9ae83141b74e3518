"""The feature spaces: t-SNE of the same pixels for each variant, and how compact the classes are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from scipy.spatial import cKDTree

from semiproto.report.drawing.results import Results
from semiproto.report.drawing.style import (
    LEGEND_ROW,
    OUTLINE,
    class_colour,
    class_marker,
    class_name,
    legend_grid,
    words,
)
from semiproto.report.evaluations import in_order, read_table

MEASURES = {
    ("silhouette", "features"): "silhouette,\nfeatures",
    ("silhouette", "plane"): "silhouette,\nplane",
    ("within_between", "features"): "within/\nbetween,\nfeatures",
    ("within_between", "plane"): "within/\nbetween,\nplane",
}
"""Column of compactness.csv and space, to the heading in the figure."""

MOST_NAMED = 25
"""Up to this many classes are named among their pixels."""

STAR: dict[str, Any] = {
    "s": 130,
    "marker": "*",
    "edgecolors": "black",
    "linewidths": 0.9,
    "zorder": 3,
    "path_effects": [withStroke(linewidth=2.6, foreground="white")],  # keeps black stars apart from black dots
}


def draw(results: Results) -> Figure:
    """A panel for each variant: the first seed's pixels and prototypes. Below it, each class's numbers over seeds."""
    if not results.tsne:
        return words("t-SNE was not run for this split.")
    points = read_table(results.tsne[0] / "points.csv", ("variant", "kind", "class", "x", "y"))
    numbers = compactness([read_table(folder / "compactness.csv") for folder in results.tsne])
    variants = in_order(points["variant"])
    rows = ["all", *results.classes]
    height, line, margin, handles = 3.2, 0.17, 1.1, _handles(results.classes)
    width = margin + 3.4 * len(variants)
    columns, legend_rows = legend_grid(handles, width)
    foot = 0.2 + LEGEND_ROW * legend_rows
    figure = Figure(figsize=(width, 0.35 + height + line * (len(rows) + 3) + foot))
    spec = figure.add_gridspec(2, len(variants), height_ratios=[height, line * (len(rows) + 3)])
    spec.update(left=margin / figure.get_figwidth(), right=0.995, wspace=0.04, hspace=0.02)
    spec.update(top=1 - 0.35 / figure.get_figheight(), bottom=foot / figure.get_figheight())
    for column, variant in enumerate(variants):
        panel, below = figure.add_subplot(spec[0, column]), figure.add_subplot(spec[1, column])
        _scatter(panel, points[points["variant"] == variant], results.classes)
        panel.set_title(f"{variant}, {results.tsne[0].name.replace('seed', 'seed ')}")
        _numbers(below, numbers[numbers["variant"] == variant], rows, len(results.tsne) if column == 0 else None)
    figure.legend(handles=handles, loc="lower center", ncols=columns)
    return figure


def compactness(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """A row for each variant, space and class: mean and sd of silhouette and within_between over the seeds' tables."""
    long = pd.concat(tables).melt(["variant", "space", "class"], ["silhouette", "within_between"], "measure")
    grouped = long.groupby(["variant", "space", "class", "measure"], sort=False)["value"]
    return grouped.agg(["mean", "std", "count"]).reset_index()


def _scatter(axes: Axes, points: pd.DataFrame, classes: list[str]) -> None:
    """Pixels in their class's colour and marker, prototypes as stars; up to MOST_NAMED classes have their names."""
    for index, name in enumerate(classes):
        own = points[points["class"] == name]
        pixels, prototypes = (own[own["kind"] == kind] for kind in ("pixel", "prototype"))
        colour = [class_colour(index)]
        axes.scatter(pixels["x"], pixels["y"], s=9, marker=class_marker(index), color=colour, alpha=0.55, linewidths=0)
        axes.scatter(prototypes["x"], prototypes["y"], color=colour, **STAR)
        if len(pixels) and len(classes) <= MOST_NAMED:
            place, above = _densest(pixels[["x", "y"]].to_numpy()), (0, 8)  # in points: clear of the star
            axes.annotate(
                class_name(name),
                place,
                above,
                textcoords="offset points",
                ha="center",
                fontsize=8,
                path_effects=OUTLINE,
                zorder=4,
            )
    axes.margins(0.12)  # room for the names
    axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    axes.spines[:].set(visible=True, color="#cccccc")


def _densest(points: np.ndarray) -> tuple[float, float]:
    """The point closest to its nearest tenth of the others. Their mean may lie in a gap, outside the class."""
    nearest = cKDTree(points).query(points, k=max(1, len(points) // 10))[0].reshape(len(points), -1)
    x, y = points[nearest.mean(axis=1).argmin()].tolist()
    return x, y


def _numbers(axes: Axes, numbers: pd.DataFrame, rows: list[str], seeds: int | None) -> None:
    """The numbers of one variant, a line for each class. With `seeds`, their number and the classes stand left."""
    axes.set_axis_off()
    axes.set(xlim=(0, len(MEASURES)), ylim=(len(rows), -3))
    for place, ((measure, space), heading) in enumerate(MEASURES.items()):
        axes.text(place + 0.5, -0.6, heading, ha="center", va="bottom", fontsize=7, color="#555555")
        own = numbers[(numbers["measure"] == measure) & (numbers["space"] == space)]
        said = {str(row["class"]): _mean_sd(row) for _, row in own.iterrows()}
        for line, name in enumerate(rows):
            axes.text(place + 0.5, line + 0.5, said.get(name, "no pixel"), ha="center", va="center", fontsize=7)
    if seeds is not None:
        spread = "one seed" if seeds == 1 else f"mean ± sd\nof {seeds} seeds"
        axes.text(-0.08, -0.6, spread, ha="right", va="bottom", fontsize=7, color="#555555")
        for line, name in enumerate(rows):
            axes.text(-0.08, line + 0.5, class_name(name), ha="right", va="center", fontsize=7)


def _mean_sd(row: pd.Series[Any]) -> str:
    if np.isnan(row["mean"]):
        return "not known"
    mean = f"{round(row['mean'], 2) + 0.0:.2f}".replace("-", "−")
    return mean if np.isnan(row["std"]) else f"{mean} ± {row['std']:.2f}"


def _handles(classes: list[str]) -> list[Line2D]:
    style: dict[str, Any] = {"linestyle": "", "markersize": 5}
    dots = [
        Line2D([], [], marker=class_marker(index), color=class_colour(index), label=class_name(name), **style)
        for index, name in enumerate(classes)
    ]
    star = {"marker": "*", "markersize": 11, "markeredgecolor": "black", "color": "white"}
    return [*dots, Line2D([], [], label="prototype", **style | star)]
