"""Validation images: what the variants predict, and where the full method is wrong."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from semiproto.report.drawing.results import Results
from semiproto.report.drawing.style import (
    ERRORS,
    LEGEND_ROW,
    OUTLINE,
    VOID,
    Array,
    class_colour,
    class_image,
    class_name,
    legend_grid,
    words,
)
from semiproto.report.evaluations import VARIANTS, Evaluation
from semiproto.report.images.ranking import ranked
from semiproto.report.images.sample import RIGHT, WRONG, PreparedSet, Sample, regions
from semiproto.report.verdict import signed

PER_KIND = 2
"""Rows each for the best, the median and the worst images."""
SIDE = 400
"""Longest side of an image in the grid, pixels. More would not be seen; this keeps the report small."""


def draw(results: Results) -> Figure:
    """A row for each of the `chosen_images`: image, truth, each of VARIANTS with its first seed, prototype's errors."""
    runs = [run for v in VARIANTS if (run := results.run(v)) is not None]
    if not runs:
        return words("None of the paper's three variants was run.")
    chosen, rule = chosen_images(runs)
    if not chosen:
        return words("No validation image has a score.")
    titles = ["image", "truth", *(f"{e.variant}\nseed {e.seed}" for e in runs)]
    if runs[-1].variant == "prototype":
        titles.append("prototype's\nerrors")
    prepared = PreparedSet(results.data)
    grid = [_row(prepared.sample(image_id, runs).small(SIDE), runs) for _, image_id, _ in chosen]
    heads = [f"{kind}\n{signed(score) if len(runs) > 1 else f'{score:.1f}'}" for kind, _, score in chosen]
    return _image_grid(grid, titles, heads, rule, results.classes)


def chosen_images(runs: list[Evaluation]) -> tuple[list[tuple[str, str, float]], str]:
    """(best, median or worst; image; score) for PER_KIND images of each kind, and the rule of `ranked`."""
    scores, rule = ranked(runs)
    middle = max(0, (len(scores) - PER_KIND) // 2)
    kinds = {"best": scores[:PER_KIND], "median": scores[middle : middle + PER_KIND], "worst": scores[-PER_KIND:]}
    found = [(kind, str(image), float(iou)) for kind, rows in kinds.items() for image, iou in rows.items()]
    first = {image: (kind, image, score) for kind, image, score in reversed(found)}  # of few images, each once
    return [one for one in found if first[one[1]] == one], rule


def _row(sample: Sample, runs: list[Evaluation]) -> list[Array]:
    """RGB image uint8, class indices of truth and predictions, and RGB 0..1 of prototype's errors if it was run."""
    row = [sample.picture, sample.truth, *sample.predictions]
    return row + ([ERRORS[sample.errors(-1)]] if runs[-1].variant == "prototype" else [])


def _image_grid(grid: list[list[Array]], titles: list[str], heads: list[str], rule: str, classes: list[str]) -> Figure:
    """Columns of equal width. A row is as high as its highest picture, since images come in all shapes."""
    width, columns, margin, legend = 1.35, len(titles), 0.6, _class_legend(classes)
    legend_columns, lines = legend_grid(legend, margin + width * columns)
    ratios = [max(picture.shape[0] / picture.shape[1] for picture in row) for row in grid]
    head, foot = 0.45, 0.35 + LEGEND_ROW * lines
    height = head + foot + width * sum(ratios)
    figure = Figure(figsize=(margin + width * columns, height))
    spec = figure.add_gridspec(
        len(grid), columns, height_ratios=ratios, wspace=0.04, hspace=0.04, left=margin / figure.get_figwidth()
    )
    spec.update(right=0.995, top=1 - head / height, bottom=foot / height)
    for i, row in enumerate(grid):
        for j, picture in enumerate(row):
            axes = figure.add_subplot(spec[i, j])
            _show(axes, picture, classes)
            if i == 0:
                axes.set_title(titles[j], fontsize=8)
            if j == 0:
                axes.text(-0.04, 0.5, heads[i], transform=axes.transAxes, ha="right", va="center", fontsize=8)
    figure.text(0.01, (foot - 0.12) / height, f"Best, median and worst {rule}.", fontsize=8, va="center")
    figure.legend(handles=legend, loc="lower center", ncols=legend_columns)
    return figure


def _show(axes: Axes, picture: Array, classes: list[str]) -> None:
    """Shows an RGB picture as it is, or class indices in the classes' colours with their regions named."""
    is_mask = picture.ndim == 2
    smooth = picture.dtype == np.uint8 and not is_mask
    axes.imshow(
        class_image(picture, len(classes)) if is_mask else picture, interpolation="antialiased" if smooth else "nearest"
    )
    axes.set_axis_off()
    if is_mask:
        for index, row, column in regions(picture, len(classes)):
            axes.text(
                column, row, class_name(classes[index]), fontsize=5, ha="center", va="center", path_effects=OUTLINE
            )


def _class_legend(classes: list[str]) -> list[Patch]:
    named = [(class_name(name), class_colour(index)) for index, name in enumerate(classes)]
    named += [("void, not scored", VOID), ("right", tuple(ERRORS[RIGHT])), ("wrong", tuple(ERRORS[WRONG]))]
    return [Patch(facecolor=colour, edgecolor="#999999", linewidth=0.5, label=name) for name, colour in named]
