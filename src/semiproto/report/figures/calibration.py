"""Whether the teacher is as often right as it is confident, and how many pixels lie above each confidence."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from semiproto.report.drawing.results import Results
from semiproto.report.drawing.style import dash, legend_below, variant_colours, variant_handles

IDEAL: dict[str, Any] = {"color": "#999999", "linewidth": 1}
"""The line of a perfectly calibrated teacher."""


def draw(results: Results) -> Figure:
    """Left: the share of right pixels at each confidence. Right: the same among all pixels above it, and their share.

    The pixels are those of the validation images, all seeds together, in the bins of the table calibration.
    """
    figure = Figure(figsize=(8, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 100], [0, 100], **IDEAL)
    for variant in results.variants:
        own = results.tables["calibration"]
        bins = pooled(own[own["variant"] == variant])
        colour, line = variant_colours(results.variants)[variant], dash(variant)
        left.plot(100 * bins["confidence"], 100 * bins["accuracy"], "o" + line, color=colour, markersize=4)
        above = bins.iloc[::-1][["pixels", "correct"]].cumsum()
        low = 100 * bins["low"].iloc[::-1]
        right.plot(low, 100 * above["correct"] / above["pixels"], "o" + line, color=colour, markersize=4)
        right.plot(low, 100 * above["pixels"] / above["pixels"].max(), ":", color=colour)
    left.set(title="Is the teacher as right as it is sure?", xlabel="confidence (%)", ylabel="right pixels (%)")
    right.set(title="Pixels above a confidence", xlabel="confidence (%)", ylabel="pixels (%)")
    for axes in (left, right):
        axes.set(xlim=(0, 102), ylim=(0, 102))
    left.legend(handles=[Line2D([], [], **IDEAL, label="as right as sure")], loc="lower right")
    kinds: dict[str, Literal["-", ":"]] = {"of them right": "-", "their share of all pixels": ":"}
    styles = [Line2D([], [], color="#333333", linestyle=kind, label=name) for name, kind in kinds.items()]
    right.legend(handles=styles, loc="lower left")
    legend_below(figure, variant_handles(results.variants))
    return figure


def pooled(calibration: pd.DataFrame) -> pd.DataFrame:
    """A row for each bin that has pixels: low, pixels, correct, and confidence and accuracy (0..1) over all runs."""
    known = calibration[calibration["pixels"] > 0]
    sums = known.assign(
        confidence=known["confidence"] * known["pixels"], correct=known["accuracy"] * known["pixels"]
    ).groupby("low")[["pixels", "confidence", "correct"]]
    bins = sums.sum().reset_index()
    return bins.assign(confidence=bins["confidence"] / bins["pixels"], accuracy=bins["correct"] / bins["pixels"])
