"""The gain: each variant's seeds, and what it has over labelled images alone, with its interval."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from semiproto.report.drawing.results import Results
from semiproto.report.drawing.style import variant_colours
from semiproto.report.published import gain_of_the_paper
from semiproto.report.tables import mean_sd
from semiproto.report.verdict import EQUAL_COMPUTE, SUPERVISED_LONGER, TWIN, compare, is_control, signed

SUPERVISED = "supervised"
GREY, DARK = "#777777", "#333333"

PUBLISHED = {
    "published: the paper, ResNet-101": gain_of_the_paper(),
    "published: UniMatch V2, DINOv2-B": 86.3 - 73.9,  # Yang et al., 2024, its ablation
}
"""Gains in points over the same authors' supervised models, with 92 labelled images of PASCAL VOC."""


def draw(results: Results) -> Figure:
    """A row for each variant. Left: mIoU at the last step, dots are seeds, diamonds mean and standard deviation.

    Right: for variants that learn from unlabelled images, the gain over `base_of` and its 95 % interval; published ones
    below.
    """
    variants = results.variants
    rows = [*variants, *PUBLISHED]
    figure = Figure(figsize=(11, 1.2 + 0.45 * len(rows)), layout="constrained")
    scores, gains = figure.subplots(1, 2, sharey=True)
    for place, variant in enumerate(variants):
        _scores(scores, place, results, variant)
        if _learns_from_unlabeled(variant) and (base := base_of(variant, variants)):
            _gain(gains, place, results, variant, base)
    for place, gain in enumerate(PUBLISHED.values(), len(variants)):
        gains.plot(gain, place, "D", color=GREY, markerfacecolor="none")
        _beside(gains, place, signed(gain), GREY)
    scores.set(yticks=range(len(rows)), yticklabels=rows, ylim=(len(rows) - 0.5, -0.5))
    scores.set(xlabel="mIoU (%), last step; dots: seeds, diamonds: mean ± sd")
    gains.set(xlabel="gain (points) and its 95 % interval")
    gains.axvline(0, color=GREY, linewidth=1)
    for axes in (scores, gains):
        axes.grid(visible=False, axis="y")
    return figure


def base_of(variant: str, known: Collection[str]) -> str:
    """The supervised variant that a recipe is compared with, the fairest that was run; empty if none was."""
    fair = (EQUAL_COMPUTE + variant, EQUAL_COMPUTE + variant.removesuffix(TWIN), SUPERVISED_LONGER, SUPERVISED)
    return next((base for base in fair if base in known), "")


def _learns_from_unlabeled(variant: str) -> bool:
    return not variant.startswith(SUPERVISED) and not is_control(variant)


def _scores(axes: Axes, place: int, results: Results, variant: str) -> None:
    colour = variant_colours(results.variants)[variant]
    scores = pd.Series([run.miou for run in results.runs if run.variant == variant], dtype=float).dropna()
    mean, sd = round(float(scores.mean()), 2), round(float(scores.std()), 2)  # as in the tables, to the digit
    axes.plot(scores, np.full(len(scores), place - 0.16), "o", color=colour, markersize=4, alpha=0.75)
    axes.errorbar(mean, place + 0.1, xerr=None if np.isnan(sd) else sd, fmt="D", color=colour, capsize=4)
    _beside(axes, place, mean_sd(mean, sd) or "no score", DARK)


def _gain(axes: Axes, place: int, results: Results, variant: str, base: str) -> None:
    more, less = ([run for run in results.runs if run.variant == name] for name in (variant, base))
    if (comparison := compare(more, less)) is None:
        return _beside(axes, place, f"no score of both over {base}", DARK)
    (low, *_), (high, *_), gain = *comparison.gains.interval(), float(comparison.gains.gain[0])
    colour = variant_colours(results.variants)[variant]
    if not np.isnan(low):
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
    axes.plot(gain, place, "D", color=colour)
    return _beside(axes, place, f"{signed(gain)} over {base}", DARK)


def _beside(axes: Axes, place: int, text: str, colour: str) -> None:
    """Text to the right of a row."""
    axes.annotate(text, (1.01, place), xycoords=("axes fraction", "data"), va="center", color=colour)
