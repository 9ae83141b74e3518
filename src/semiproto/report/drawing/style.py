"""What the figures share: their look, the colours of variants and classes, and how they are saved.

Colour never stands alone. Variants have Okabe and Ito's colours ("Color Universal Design", 2008), which colour-blind
readers can tell apart, and controls are dashed. Classes have the same seven hues, then lighter and darker ones, and so
have variants beyond the eighth. No palette of twenty is safe for everybody, so classes are also named where they are
drawn, and each has a marker.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.container import Container
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from semiproto.provenance.artifacts import write_bytes
from semiproto.report.evaluations import VARIANTS, base_of

DPI = 150
STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "text.parse_math": False,  # a class may be called $x$
    "savefig.dpi": DPI,
}
VARIANT_COLOURS = {
    "supervised": "#0072B2",
    "consistency": "#E69F00",
    "prototype": "#009E73",
    "supervised-equal-compute": "#56B4E9",
    "consistency-equal-loss": "#D55E00",
}
OTHER_COLOURS = ("#CC79A7", "#000000", "#999999")
HUES = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
"""Of all classes but the first, which is black: it is usually the background."""
TONES = ((1.0, 0.0), (0.45, 1.0), (0.5, 0.0))
"""Share of the hue and grey level mixed with it: pure, lighter, darker."""
MARKERS = "os^Dv<>Pp*X"
VOID = to_rgb("#BBBBBB")
ERRORS = np.array([to_rgb("#F2F2F2"), to_rgb("#882255"), VOID])
"""RGB 0..1 of right, wrong and void pixels, in the order of images/sample.py. No class has these colours."""
LONGEST_NAME = 20
"""Figures have room for this many characters of a class's name."""
LEGEND_ROW = 0.19
"""Height of a legend's row, inches."""

OUTLINE = [withStroke(linewidth=1.6, foreground="white")]
"""Keeps small words readable on any colour."""

Rgb = tuple[float, float, float]
Array = np.ndarray


def variant_colours(variants: list[str]) -> dict[str, str]:
    """The variants' colours in one figure. prototype-long has prototype's if no other variant of that base is there."""
    others = [v for v in variants if v not in VARIANT_COLOURS]
    bases = [base_of(v) for v in variants]
    alone = {v: VARIANT_COLOURS[base] for v in others if (base := base_of(v)) and bases.count(base) == 1}
    rest = [v for v in others if v not in alone]
    return VARIANT_COLOURS | alone | dict(zip(rest, cycle((*OTHER_COLOURS, *_tones())), strict=False))


def _tones() -> list[str]:
    """The darker hues, which are easier to see on white, then the lighter ones."""
    hues = range(1, 1 + len(HUES))
    return [to_hex(class_colour(tone * len(HUES) + hue)) for tone in (2, 1) for hue in hues]


def dash(variant: str) -> Literal["-", "--"]:
    """The line style: solid for the paper's three variants, dashed for controls and others."""
    return "-" if variant in VARIANTS else "--"


def variant_handles(variants: list[str]) -> list[Line2D]:
    """Entries of a legend: a line in the colour and style of each variant."""
    colours = variant_colours(variants)
    return [Line2D([], [], color=colours[v], linestyle=dash(v), label=v) for v in variants]


def class_colour(index: int) -> Rgb:
    """RGB 0..1 of a class; the colours repeat after twenty-two."""
    if index == 0:
        return to_rgb("black")
    tone, hue = divmod((index - 1) % (len(TONES) * len(HUES)), len(HUES))
    share, grey = TONES[tone]
    red, green, blue = (share * part + (1 - share) * grey for part in to_rgb(HUES[hue]))
    return red, green, blue


def class_name(name: str) -> str:
    """The name as figures show it; a long one is shortened in the middle."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME // 2]}…{name[-LONGEST_NAME // 2 + 1 :]}"


def class_marker(index: int) -> str:
    return MARKERS[index % len(MARKERS)]


def class_lines(axes: Axes, classes: list[str], table: pd.DataFrame, x: str, share: str, every: int = 1) -> None:
    """A line for each class: a column of shares in percent, with a marker at every `every`th point."""
    for index, name in enumerate(classes):
        own = table[table["class"] == name]
        (line,) = axes.plot(own[x], 100 * own[share], color=class_colour(index), linewidth=1, label=class_name(name))
        line.set(marker=class_marker(index), markersize=4, markevery=every)


def class_image(mask: Array, classes: int) -> Array:
    """RGB 0..1 [height, width, 3] of class indices; other values are drawn as void."""
    palette = np.array([class_colour(index) for index in range(classes)] + [VOID])
    image: Array = palette[np.minimum(mask, classes)]
    return image


def legend_grid(handles: Sequence[Artist | Container], width: float) -> tuple[int, int]:
    """The columns and rows with which a legend of `handles` fits into `width` inches."""
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(len(handles), int(width / (0.6 + 0.08 * longest))))
    return columns, -(-len(handles) // columns)


def legend_below(figure: Figure, handles: Sequence[Artist | Container]) -> None:
    """Adds a legend under a figure with constrained layout, and makes the figure higher by as much."""
    if handles:
        columns, rows = legend_grid(handles, figure.get_figwidth())
        figure.set_figheight(figure.get_figheight() + LEGEND_ROW * rows)
        figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def words(text: str) -> Figure:
    """A figure that says in words why there is nothing to show."""
    figure = Figure(figsize=(6, 1))
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure


def save(figure: Figure, stem: Path) -> None:
    """Writes PNG and PDF, without the dates and versions that would change their bytes."""
    metadata: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    for kind, fields in metadata.items():
        picture = io.BytesIO()  # on a full disk, matplotlib's own PDF writer prints many lines
        figure.savefig(picture, format=kind, metadata=fields)
        figure.set_layout_engine("none")  # the second has the layout of the first, which takes as long as drawing it
        write_bytes(stem.with_name(f"{stem.name}.{kind}"), picture.getvalue())
