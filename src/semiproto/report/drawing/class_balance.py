"""The class balance of a user's data, drawn as bars."""

from __future__ import annotations

from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

from semiproto.data.own.findings import NAMES, Findings
from semiproto.errors import UserError
from semiproto.provenance.artifacts import atomic_write
from semiproto.report.drawing.style import DPI, STYLE

COLOURS = {"train": "#0072B2", "val": "#E69F00"}


def write(findings: Findings, path: Path) -> None:
    """Writes a PNG with a bar for each class, in each part of the data: its share of the labelled pixels.

    The number of images that show the class stands beside the bar. UserError if no mask could be read.
    """
    if not findings.classes:
        raise UserError(f"{path}: no mask could be read, so there is nothing to draw; correct the faults first")
    parts = list(dict.fromkeys(share.part for share in findings.classes))
    names = list(dict.fromkeys(share.name for share in findings.classes))
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(figsize=(7, 1.2 + 0.22 * len(names) * (len(parts) + 0.5)), layout="constrained")
        axes = figure.subplots()
        for number, part in enumerate(parts):
            rows = [share for share in findings.classes if share.part == part]
            place = np.arange(len(names)) + (number - (len(parts) - 1) / 2) * 0.4
            bars = axes.barh(place, [100 * row.share for row in rows], 0.36, color=COLOURS[part], label=NAMES[part])
            axes.bar_label(bars, [f"{100 * r.share:.2g} %, {r.images} images" for r in rows], padding=3, fontsize=7)
        axes.set_xlim(0, 135)  # room for the numbers
        axes.set_xticks(range(0, 101, 20))
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set(title="Class balance", xlabel="share of the labelled pixels (%)")
        figure.legend(loc="outside lower center", ncols=2)
        with atomic_write(path) as temporary:
            figure.savefig(temporary, format="png", dpi=DPI)
