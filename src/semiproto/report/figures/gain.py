"""The mIoU of each variant: a dot for each seed, their mean and spread."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from semiproto.report.drawing.results import Results
from semiproto.report.drawing.style import variant_colours
from semiproto.report.tables import mean_sd


def draw(results: Results) -> Figure:
    """mIoU at the last step, a row for each variant: dots are seeds, diamonds mean and standard deviation."""
    runs, variants = results.tables["runs"], results.variants
    figure = Figure(figsize=(7, 1.2 + 0.5 * len(variants)), layout="constrained")
    axes = figure.subplots()
    for place, variant in enumerate(variants):
        scores = runs.loc[runs["variant"] == variant, "miou"].dropna()
        colour = variant_colours(variants)[variant]
        mean, sd = float(scores.mean()), float(scores.std())
        axes.plot(scores, np.full(len(scores), place - 0.16), "o", color=colour, markersize=4, alpha=0.75)
        axes.errorbar(mean, place + 0.1, xerr=None if np.isnan(sd) else sd, fmt="D", color=colour, capsize=4)
        axes.annotate(
            mean_sd(mean, sd) or "no score",
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            color="#333",
        )
    axes.set(yticks=range(len(variants)), yticklabels=variants, ylim=(len(variants) - 0.5, -0.5))
    axes.set(xlabel="mIoU (%), last step; dots: seeds, diamonds: mean ± sd")
    axes.grid(visible=False, axis="y")
    return figure
