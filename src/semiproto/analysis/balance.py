"""The class balance of a user's data as a picture."""

from __future__ import annotations

from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

from semiproto.analysis.figures import DPI, STYLE
from semiproto.artifacts import atomic_write
from semiproto.data.findings import NAMES, Findings
from semiproto.errors import UserError

COLOURS = {"train": "#0072B2", "val": "#E69F00"}


def picture(findings: Findings, path: Path) -> None:
    """Writes a PNG with a bar for each class and part: its share of the labelled pixels, and in how many images it is.

    The axis is logarithmic, as the rare classes are those to look for.
    """
    if not findings.classes:
        raise UserError(f"{path}: no mask could be read, so there is nothing to draw; mend the faults first")
    parts = list(dict.fromkeys(share.part for share in findings.classes))
    names = list(dict.fromkeys(share.name for share in findings.classes))
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(figsize=(7, 1.2 + 0.22 * len(names) * (len(parts) + 0.5)), layout="constrained")
        axes = figure.subplots()
        left = 50 * min((share.share for share in findings.classes if share.share > 0), default=1.0)
        for number, part in enumerate(parts):
            rows = [share for share in findings.classes if share.part == part]
            place = np.arange(len(names)) + (number - (len(parts) - 1) / 2) * 0.4
            widths = [max(left, 100 * row.share) for row in rows]  # none is zero on a logarithmic axis
            bars = axes.barh(place, widths, 0.36, color=COLOURS[part], label=NAMES[part])
            axes.bar_label(bars, [f"{100 * r.share:.2g} %, {r.images} images" for r in rows], padding=3, fontsize=7)
        axes.set_xscale("log")
        axes.set_xlim(left, 100 * (100 / left) ** 0.3)  # room for the numbers
        ticks = [tick for tick in (0.001, 0.01, 0.1, 1, 10, 100) if tick >= left]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set(title="Class balance", xlabel="share of the labelled pixels (%), logarithmic")
        figure.legend(loc="outside lower center", ncols=2)
        with atomic_write(path) as temporary:
            figure.savefig(temporary, format="png", dpi=DPI)
