"""What each prototype stands for: the patches of training images nearest to it, and its share of its class."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from semiproto.data import layout
from semiproto.report.drawing.results import Results
from semiproto.report.drawing.style import Array, class_name, words
from semiproto.report.evaluations import read_table

COLUMN_ROWS = 32
"""Prototypes above each other before another column begins."""
MOST = 256
"""Prototypes in the picture; where there are more, it has those of each class with the most labelled pixels."""


def draw(results: Results) -> Figure:
    """Each prototype's nearest patches in labelled and in unlabelled images, its share of its class and precision."""
    if results.patches is None:
        return words("No variant with prototypes was run.")
    table = read_table(results.patches / "prototypes.csv")
    sheets = [layout.read_image(results.patches / f"{name}.png") for name in ("labeled", "unlabeled")]
    classes, per_class = list(table["class"].unique()), int(table["prototype"].max()) + 1
    height = len(sheets[0]) // len(classes)
    size, shown = height // per_class, min(per_class, max(1, MOST // len(classes)))
    across = sheets[0].shape[1] // size
    columns = -(-len(classes) * shown // COLUMN_ROWS)
    rows = -(-len(classes) // columns)
    cell, aside, head = 0.42, 3.0, 0.55
    figure = Figure(figsize=(columns * (aside + 2 * across * cell + 0.2), head + rows * (shown * cell + 0.1)))
    spec = figure.add_gridspec(rows, 3 * columns, width_ratios=[aside, across * cell, across * cell] * columns)
    spec.update(left=0.01, right=0.99, bottom=0.01, top=1 - head / figure.get_figheight(), wspace=0.05, hspace=0.08)
    for index, name in enumerate(classes):
        row, column = index % rows, 3 * (index // rows)
        own = table[table["class"] == name]
        chosen = _most_used(own, shown)
        panels = [figure.add_subplot(spec[row, column + place]) for place in range(3)]
        _shares(panels[0], own, name, chosen)
        for axes, sheet in zip(panels[1:], sheets, strict=True):
            tops = [index * height + one * size for one in chosen]
            _strip(axes, np.concatenate([sheet[top : top + size] for top in tops]), size)
        if row == 0:
            which = "share of the class's pixels" + (
                f", {shown} of {per_class} prototypes" if shown < per_class else ""
            )
            panels[0].set_title(which, fontsize=8, loc="right")
            panels[1].set_title("labelled images", fontsize=8)
            panels[2].set_title("unlabelled images", fontsize=8)
    return figure


def _most_used(table: pd.DataFrame, count: int) -> list[int]:
    """The numbers of the prototypes of a class with the most labelled pixels, in the order of the class."""
    labelled = table[table["list"] == "labeled"].sort_values("pixels", ascending=False, kind="stable")
    return sorted(labelled["prototype"].head(count).tolist())


def _shares(axes: Axes, table: pd.DataFrame, name: str, chosen: list[int]) -> None:
    """Writes the class's name and its prototypes' shares, to the left of the patches."""
    axes.set_axis_off()
    pixels = table.pivot(index="prototype", columns="list", values="pixels")
    share = 100 * pixels / pixels.sum()
    right = 100 * table[table["list"] == "labeled"].set_index("prototype")["right"]
    axes.set(xlim=(0, 1), ylim=(len(chosen), 0))
    axes.text(0, 0.05, class_name(name), va="top", fontsize=9, fontweight="bold")
    for place, one in enumerate(chosen):
        text = f"labelled: {_percent(share['labeled'][one])}, right: {_percent(right[one])}"
        text += f"\nunlabelled: {_percent(share['unlabeled'][one])}"
        axes.text(0.97, place + 0.5, text, ha="right", va="center", fontsize=7, color="#333333")


def _percent(value: float) -> str:
    return "no pixel" if np.isnan(value) else f"{value:.0f} %"


def _strip(axes: Axes, strip: Array, size: int) -> None:
    """Patches of `size` pixels, white lines between them."""
    axes.imshow(strip, aspect="auto")
    for edge in range(size, strip.shape[0], size):
        axes.axhline(edge - 0.5, color="white", linewidth=2)
    for edge in range(size, strip.shape[1], size):
        axes.axvline(edge - 0.5, color="white", linewidth=2)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
