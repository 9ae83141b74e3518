"""The method in one picture, drawn from this file alone: student, teacher, two heads, four losses."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

NETWORK, HEAD, LOSS, DATA = "#D6E6F4", "#D5EFE3", "#FBE3CF", "#EFEFEF"
"""Fill of each kind of box. Every box is labelled too, so colour never stands alone."""

Point = tuple[float, float]


def draw() -> Figure:
    """Boxes for images, networks, heads and losses. Arrows show what flows, dashed where no gradient flows back."""
    figure = Figure(figsize=(10, 5.4))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 100), ylim=(0, 54))
    axes.set_axis_off()
    _images(axes)
    _networks(axes)
    _losses(axes)
    return figure


def _images(axes: Axes) -> None:
    _box(axes, (2, 40), (14, 9), DATA, "labelled images\nweak view")
    _box(axes, (1, 23), (16, 9), DATA, "unlabelled images\nCutMix of weak views")
    _box(axes, (2, 5), (14, 9), DATA, "unlabelled images\nweak view")
    _arrow(axes, (9, 14), (9, 23), label="mixed")
    _arrow(axes, (16, 44.5), (23, 36.5))
    _arrow(axes, (17, 27.5), (23, 32.5))
    _arrow(axes, (16, 9.5), (23, 9.5))


def _networks(axes: Axes) -> None:
    _box(axes, (23, 29), (14, 11), NETWORK, "student\nencoder, ASPP", bold=True)
    _box(axes, (23, 4), (14, 11), NETWORK, "teacher\nrunning average", bold=True)
    _arrow(axes, (30, 29), (30, 15), "average of\nthe weights", dashed=True)
    _box(axes, (42, 31), (9, 7), DATA, "features z\nof each pixel")
    _box(axes, (57, 39), (15, 8), HEAD, "linear head\n3x3, 3x3, 1x1")
    _box(axes, (57, 22.5), (15, 8), HEAD, "prototype head\nnearest by cosine")
    _box(axes, (42, 5.5), (13, 8), HEAD, "linear head\nof the teacher")
    _arrow(axes, (37, 34.5), (42, 34.5))
    _arrow(axes, (51, 36), (57, 41.5))
    _arrow(axes, (51, 33), (57, 28))
    _arrow(axes, (37, 9.5), (42, 9.5))
    _box(axes, (39, 18), (15, 8), DATA, "K prototypes a class,\nfirst from k-means")
    _arrow(axes, (54, 23.5), (57, 25))
    _arrow(axes, (46.5, 31), (46.5, 26), dashed=True)
    axes.text(45.8, 28.5, "average of\ntheir pixels", fontsize=8, ha="right", va="center", color="#333333")


def _losses(axes: Axes) -> None:
    targets = {"labelled": "the masks", "unlabelled": "pseudo-labels"}
    for place, (head, kind) in enumerate((h, k) for h in ("linear", "prototype") for k in targets):
        _box(axes, (81, 45 - 9 * place), (17, 6.5), LOSS, f"{kind} {head}\nagainst {targets[kind]}")
    for start, end in (((72, 44), (81, 48)), ((72, 42), (81, 39.5)), ((72, 27.5), (81, 30)), ((72, 25.5), (81, 21.5))):
        _arrow(axes, start, end)
    _box(axes, (62, 5), (18, 9), DATA, "pseudo-labels\nwhere confidence > tau")
    _arrow(axes, (55, 9.5), (62, 9.5))
    _arrow(axes, (80, 11), (87, 18), dashed=True)
    axes.text(90.5, 9.5, "targets of both unlabelled\nlosses, mixed alike", ha="center", va="center", fontsize=8)
    axes.text(2, 1, "dashed: no gradient flows back", fontsize=8, color="#333333")
    axes.text(90, 52.2, "loss: the sum of four", ha="center", fontsize=9, fontweight="bold")


def _box(axes: Axes, corner: Point, size: Point, fill: str, text: str, *, bold: bool = False) -> None:
    patch = FancyBboxPatch(corner, *size, boxstyle="round,pad=0,rounding_size=1", facecolor=fill, edgecolor="#555555")
    axes.add_patch(patch)
    x, y = corner[0] + size[0] / 2, corner[1] + size[1] / 2
    axes.text(x, y, text, ha="center", va="center", fontsize=9, fontweight="bold" if bold else "normal")


def _arrow(axes: Axes, start: Point, end: Point, label: str = "", *, dashed: bool = False) -> None:
    style = {"arrowstyle": "-|>", "color": "#333333", "linestyle": "--" if dashed else "-", "shrinkA": 0, "shrinkB": 1}
    axes.annotate("", end, start, arrowprops=style)
    if label:
        x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        axes.text(x + 0.8, y, label, fontsize=8, va="center", color="#333333")
