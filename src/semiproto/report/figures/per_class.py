"""IoU of each class, a bar for each variant."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

from semiproto.report.drawing.results import Results
from semiproto.report.drawing.style import class_name, legend_below, variant_colours


def draw(results: Results) -> Figure:
    """IoU at the last step by class and variant: mean and standard deviation over seeds."""
    table, variants = results.tables["per_class"], results.variants
    classes = list(table["class"].unique())
    figure = Figure(figsize=(max(7.0, 0.6 + 0.17 * len(classes) * len(variants)), 3.4), layout="constrained")
    axes = figure.subplots()
    width = 0.84 / len(variants)
    for index, variant in enumerate(variants):
        rows = table[table["variant"] == variant].set_index("class").reindex(classes)
        places = np.arange(len(classes)) + (index - (len(variants) - 1) / 2) * width
        axes.bar(places, rows["iou_mean"], 0.92 * width, color=variant_colours(variants)[variant], label=variant)
        axes.errorbar(places, rows["iou_mean"], yerr=rows["iou_sd"], fmt="none", ecolor="#333333", elinewidth=0.8)
    for place, name in enumerate(classes):
        if table.loc[table["class"] == name, "iou_mean"].isna().all():
            axes.text(place, 2, "not in the images", rotation=90, ha="center", va="bottom", color="#555555", fontsize=8)
    axes.set(ylabel="IoU (%), last step", ylim=(0, 100), xlim=(-0.6, len(classes) - 0.4))
    crowded = sum(map(len, classes)) > 60  # about as many characters as fit side by side
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    axes.set_xticks(range(len(classes)), list(map(class_name, classes)), **slanted)
    axes.grid(visible=False, axis="x")
    legend_below(figure, [bars for bars in axes.containers if isinstance(bars, BarContainer)])
    return figure
