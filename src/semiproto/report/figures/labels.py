"""mIoU against the number of labelled images, beside the published curves where they can be compared."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from semiproto.report.drawing.results import Results
from semiproto.report.drawing.style import dash, legend_below, variant_colours

DOT: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.5, "zorder": 3}
"""A seed's dot: its edge keeps it visible on the diamond of the mean."""


def draw(results: Results) -> Figure:
    """mIoU at the last step, for all splits: a dot for each seed, mean and standard deviation over seeds.

    Where no published curve can be compared, the reason stands below the axis.
    """
    runs, published = results.tables["runs"], results.tables["published"]
    variants, counts = results.variants, sorted(runs["labels"].unique())
    colours = variant_colours(variants)
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    for place, variant in enumerate(variants):
        own = runs[runs["variant"] == variant]
        # Side by side: bars at the same count would hide each other.
        beside = 1.03 ** (place - (len(variants) - 1) / 2)
        scores = own.groupby("labels")["miou"].agg(["mean", "std"])
        axes.plot(own["labels"] * beside, own["miou"], "o", color=colours[variant], markersize=3, **DOT)
        axes.errorbar(
            scores.index * beside,
            scores["mean"],
            scores["std"],
            fmt="D" + dash(variant),
            color=colours[variant],
            capsize=4,
            markersize=7,
            label=variant,
        )
    known = _published(axes, published, colours)
    counts = sorted({*counts, *known["labels"].astype(int)})
    axes.set_xscale("log")
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.xaxis.set_minor_locator(NullLocator())
    margin = 1.4 if len(counts) > 1 else 3  # narrow limits around a single count would show the offsets as differences
    axes.set_xlim(counts[0] / margin, counts[-1] * margin)
    reasons = "".join(f"\nno published curve: {note}" for note in published["note"].dropna().unique())
    axes.set(ylabel="mIoU (%), last step")
    axes.set_xlabel(f"labelled images{reasons}", fontsize=8)
    legend_below(figure, axes.get_legend_handles_labels()[0])
    return figure


def _published(axes: Axes, published: pd.DataFrame, colours: dict[str, str]) -> pd.DataFrame:
    """Draws the published curves, grey for methods that are none of the variants; returns the rows with a number."""
    known = published.dropna(subset=["published"])
    for number, (method, own) in enumerate(known.groupby("method", sort=False)):
        colour = colours.get(str(own["variant"].iloc[0]), "#777777")
        style, name = "sv^<"[number % 4] + ":", f"{method} (published)"
        axes.plot(own["labels"], own["published"], style, markerfacecolor="white", color=colour, label=name)
    return known
