"""Validation images: what the variants predict, and where the full method is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image
from scipy import ndimage

from semiproto.data import layout
from semiproto.data.images.pixels import shown
from semiproto.errors import UserError
from semiproto.report.drawing.results import Results
from semiproto.report.drawing.style import (
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
from semiproto.report.evaluations import VARIANTS, Evaluation, read_table
from semiproto.report.verdict import signed

PER_KIND = 2
"""Rows each for the best, the median and the worst images."""
SIDE = 400
"""Longest side of an image in the grid, pixels. More would not be seen; this keeps the report small."""
NAMED = 0.02
"""A region is named if it covers at least this share of the image."""
WRONG, RIGHT = "#882255", "#F2F2F2"
"""Pixels of the error map. No class has these colours."""


def draw(results: Results) -> Figure:
    """A row for each of the `chosen_images`: image, truth, each of VARIANTS with its first seed, prototype's errors."""
    runs = [run for v in VARIANTS if (run := results.run(v)) is not None]
    if not runs:
        return words("None of the paper's three variants was run.")
    chosen, rule = chosen_images(runs)
    if not chosen:
        return words("No validation image has a score.")
    files = layout.images_by_id(results.data / layout.IMAGES)
    titles = ["image", "truth", *(f"{e.variant}\nseed {e.seed}" for e in runs)]
    if runs[-1].variant == "prototype":
        titles.append("prototype's\nerrors")
    grid = [_row(results, runs, image_id, files.get(image_id)) for _, image_id, _ in chosen]
    heads = [f"{kind}\n{signed(score) if len(runs) > 1 else f'{score:.1f}'}" for kind, _, score in chosen]
    return _image_grid(grid, titles, heads, rule, results.classes)


def chosen_images(runs: list[Evaluation]) -> tuple[list[tuple[str, str, float]], str]:
    """(best, median or worst; image; score) for PER_KIND images of each kind, and the rule in words.

    The score is the last run's `image_scores` minus the first's; with a single run it is that run's own.
    """
    scores = image_scores(runs[-1])
    rule = f"by the mIoU of the image's own classes with {runs[-1].variant}, percent"
    if len(runs) > 1:
        scores = (scores - image_scores(runs[0])).dropna()
        rule = (
            f"by the gain of {runs[-1].variant} over {runs[0].variant} in the mIoU of the image's own classes, points"
        )
    ranked = scores.reset_index().sort_values(["iou", "image"], ascending=[False, True])
    middle = max(0, (len(ranked) - PER_KIND) // 2)
    kinds = {"best": ranked[:PER_KIND], "median": ranked[middle : middle + PER_KIND], "worst": ranked[-PER_KIND:]}
    found = [(kind, str(image), float(iou)) for kind, rows in kinds.items() for image, iou in rows.to_numpy()]
    first = {image: (kind, image, score) for kind, image, score in reversed(found)}  # of few images, each once
    return [one for one in found if first[one[1]] == one], rule


def image_scores(run: Evaluation) -> pd.Series[float]:
    """By image, the mean IoU (percent) of the classes in its true mask.

    A class that is only predicted has IoU 0, however few its pixels, so counting it would let stray pixels decide the
    rank. Its pixels still count in the unions of the other classes.
    """
    table = read_table(run.folder / "images.csv")
    table = table[table["pixels"] > 0]
    iou = 100 * table["intersection"] / table["union"]
    return iou.groupby(table["image"]).mean().rename("iou")


def _row(results: Results, runs: list[Evaluation], image_id: str, image: Path | None) -> list[Array]:
    """RGB image uint8, class indices of truth and predictions, and RGB 0..1 of prototype's errors if it was run."""
    truth = layout.read_mask(results.data / layout.MASKS / f"{image_id}.png")
    predictions = [layout.read_mask(e.folder / "predictions" / f"{image_id}.png") for e in runs]
    for run, prediction in zip(runs, predictions, strict=True):
        if prediction.shape != truth.shape:
            raise UserError(
                f"{run.folder}/predictions/{image_id}.png: not as large as its mask; evaluate the run again"
            )
    form = layout.read_pixels(results.data).format
    picture = layout.read_image(image or results.data / layout.IMAGES / f"{image_id}.png", form)
    row = [shown(picture), truth, *predictions]
    if runs[-1].variant == "prototype":
        row.append(_errors(predictions[-1], truth))
    return [_small(picture) for picture in row]


def _small(picture: Array) -> Array:
    """At most SIDE pixels a side: images are averaged, class indices are taken from the nearest pixel."""
    step = -(-max(picture.shape[:2]) // SIDE)
    if picture.dtype == np.uint8 and picture.ndim == 3:
        return np.asarray(Image.fromarray(picture).reduce(step))
    return picture[step // 2 :: step, step // 2 :: step]


def _errors(prediction: Array, truth: Array) -> Array:
    """RGB 0..1: wrong pixels, right pixels, and void, which is not scored."""
    rgb = np.where((prediction == truth)[..., None], to_rgb(RIGHT), to_rgb(WRONG))
    return np.where((truth == layout.IGNORE_INDEX)[..., None], VOID, rgb)


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
        for name, row, column in regions(picture, classes):
            axes.text(column, row, class_name(name), fontsize=5, ha="center", va="center", path_effects=OUTLINE)


def regions(mask: Array, classes: list[str]) -> list[tuple[str, int, int]]:
    """(class, row, column) of each region that covers at least NAMED of the image: its pixel farthest from the border.

    The first class is left out: it is usually the background, and the legend names it.
    """
    found = []
    for index in range(1, len(classes)):
        parts, count = ndimage.label(mask == index)
        for part in range(1, count + 1):
            region = parts == part
            if region.mean() >= NAMED:
                depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
                row, column = np.unravel_index(int(depth.argmax()), mask.shape)
                found.append((classes[index], int(row), int(column)))
    return found


def _class_legend(classes: list[str]) -> list[Patch]:
    named = [(class_name(name), class_colour(index)) for index, name in enumerate(classes)]
    named += [("void, not scored", VOID), ("right", to_rgb(RIGHT)), ("wrong", to_rgb(WRONG))]
    return [Patch(facecolor=colour, edgecolor="#999999", linewidth=0.5, label=name) for name, colour in named]
