"""What the figures share: their look, the colours of variants and classes, and how they are saved.

Colour never stands alone. Variants have Okabe and Ito's colours ("Color Universal Design", 2008), which colour-blind
readers tell apart, and controls are dashed. Classes have the same seven, then lighter and darker: no palette of twenty
is safe, so classes are also named where they are drawn, and have a marker each.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.container import Container
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from semiproto.provenance.artifacts import write_bytes
from semiproto.report.evaluations import VARIANTS, Evaluation, base_of, in_order

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
"""Of the classes but the first, which is black: mostly it is the background."""
TONES = ((1.0, 0.0), (0.45, 1.0), (0.5, 0.0))
"""Share of the hue, and the grey of the rest: as it is, lighter, darker."""
MARKERS = "os^Dv<>Pp*X"
VOID = to_rgb("#BBBBBB")
LONGEST_NAME = 20
"""Characters of a class's name that figures have room for."""
LEGEND_ROW = 0.19
"""Inches."""

OUTLINE = [withStroke(linewidth=1.6, foreground="white")]
"""Keeps small words readable on any colour."""

Rgb = tuple[float, float, float]
Array = np.ndarray


@dataclass(frozen=True)
class Block:
    """What the figures of one split show: its runs, its rows of the tables, and folders of other steps."""

    runs: list[Evaluation]
    tables: dict[str, pd.DataFrame]
    data: Path
    """The prepared set, in the layout of data/layout.py."""
    tsne: list[Path]
    """One for each seed, in their order; empty if it wasn't run."""
    patches: Path | None
    forecast: Path | None = None

    @property
    def variants(self) -> list[str]:
        return in_order(e.variant for e in self.runs)

    @property
    def classes(self) -> list[str]:
        return list(self.runs[0].iou)

    def run(self, variant: str) -> Evaluation | None:
        """The variant's run with the first seed."""
        return next((e for e in self.runs if e.variant == variant), None)


def variant_colours(variants: list[str]) -> dict[str, str]:
    """Of the variants of one figure: prototype-long has prototype's colour where no other variant of that base is."""
    others = [v for v in variants if v not in VARIANT_COLOURS]
    bases = [base_of(v) for v in variants]
    alone = {v: VARIANT_COLOURS[base] for v in others if (base := base_of(v)) and bases.count(base) == 1}
    rest = [v for v in others if v not in alone]
    return VARIANT_COLOURS | alone | dict(zip(rest, cycle(OTHER_COLOURS), strict=False))


def dash(variant: str) -> Literal["-", "--"]:
    """The paper's three variants are solid, controls and others dashed."""
    return "-" if variant in VARIANTS else "--"


def class_colour(index: int) -> Rgb:
    """RGB 0..1 of a class; after twenty-two they come again."""
    if index == 0:
        return to_rgb("black")
    tone, hue = divmod((index - 1) % (len(TONES) * len(HUES)), len(HUES))
    share, grey = TONES[tone]
    red, green, blue = (share * part + (1 - share) * grey for part in to_rgb(HUES[hue]))
    return red, green, blue


def class_name(name: str) -> str:
    """The name as figures have it: of a long one, head and tail."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME // 2]}…{name[-LONGEST_NAME // 2 + 1 :]}"


def class_marker(index: int) -> str:
    return MARKERS[index % len(MARKERS)]


def class_lines(axes: Axes, classes: list[str], table: pd.DataFrame, x: str, share: str, every: int = 1) -> None:
    """A line for each class, in percent of a column of shares; a marker at each `every`th point."""
    for index, name in enumerate(classes):
        own = table[table["class"] == name]
        (line,) = axes.plot(own[x], 100 * own[share], color=class_colour(index), linewidth=1, label=class_name(name))
        line.set(marker=class_marker(index), markersize=4, markevery=every)


def class_image(mask: Array, classes: int) -> Array:
    """RGB 0..1 [height, width, 3] of class indices; what is none of the classes is void."""
    palette = np.array([class_colour(index) for index in range(classes)] + [VOID])
    image: Array = palette[np.minimum(mask, classes)]
    return image


def legend_grid(handles: Sequence[Artist | Container], width: float) -> tuple[int, int]:
    """Columns and rows in which a legend of `handles` fits into `width` inches."""
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(len(handles), int(width / (0.6 + 0.08 * longest))))
    return columns, -(-len(handles) // columns)


def legend_below(figure: Figure, handles: Sequence[Artist | Container]) -> None:
    """A legend under a figure whose layout is constrained, which gets higher by it."""
    if handles:
        columns, rows = legend_grid(handles, figure.get_figwidth())
        figure.set_figheight(figure.get_figheight() + LEGEND_ROW * rows)
        figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def words(text: str) -> Figure:
    """A figure that says why there is none."""
    figure = Figure(figsize=(6, 1))
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure


def save(figure: Figure, stem: Path) -> None:
    """PNG and PDF, without the dates and versions that would change their bytes."""
    metadata: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    for kind, fields in metadata.items():
        picture = io.BytesIO()  # of a full disk matplotlib's own PDF writer says many things
        figure.savefig(picture, format=kind, metadata=fields)
        write_bytes(stem.with_name(f"{stem.name}.{kind}"), picture.getvalue())
