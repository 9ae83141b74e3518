"""Figures of images: what the variants predict, and what each prototype stands for."""

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
from semiproto.errors import UserError
from semiproto.report.evaluations import VARIANTS, Evaluation, read_table
from semiproto.report.style import (
    LEGEND_ROW,
    OUTLINE,
    VOID,
    Array,
    Block,
    class_colour,
    class_image,
    class_name,
    legend_grid,
    words,
)
from semiproto.report.verdict import signed

PER_KIND = 2
"""Rows of the best, the median and the worst images each."""
SIDE = 400
"""Longest side of an image in the grid, pixels: more is not seen, and it keeps the report small."""
NAMED = 0.02
"""Share of an image from which on a region is named."""
WRONG, RIGHT = "#882255", "#F2F2F2"
"""Pixels of the error map; colours of no class."""
COLUMN_ROWS = 32
"""Prototypes above each other, before a further column is begun."""


def samples(block: Block) -> Figure:
    """Validation images: image, truth, what each of VARIANTS predicts with its first seed, and prototype's errors.

    The images are the best, the median and the worst by `ranking`.
    """
    runs = [run for v in VARIANTS if (run := block.run(v)) is not None]
    if not runs:
        return words("None of the paper's three variants was run.")
    chosen, rule = chosen_images(runs)
    if not chosen:
        return words("No validation image has a score.")
    files = layout.images_by_id(block.data / layout.IMAGES)
    titles = ["image", "truth", *(f"{e.variant}\nseed {e.seed}" for e in runs)]
    if runs[-1].variant == "prototype":
        titles.append("prototype's\nerrors")
    grid = [_sample_row(block, runs, image_id, files.get(image_id)) for _, image_id, _ in chosen]
    heads = [f"{kind}\n{signed(score) if len(runs) > 1 else f'{score:.1f}'}" for kind, _, score in chosen]
    return _image_grid(grid, titles, heads, rule, block.classes)


def chosen_images(runs: list[Evaluation]) -> tuple[list[tuple[str, str, float]], str]:
    """(best, median or worst; image; score) for PER_KIND images of each, and the rule in words.

    The score is that of `image_scores` with the last of the runs minus that with the first; with one run alone it is
    that run's.
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
    first = {image: (kind, image, score) for kind, image, score in reversed(found)}  # few images: each once
    return [one for one in found if first[one[1]] == one], rule


def image_scores(run: Evaluation) -> pd.Series[float]:
    """By image, the mean IoU (percent) of the classes of its truth.

    A class that is only predicted has an IoU of 0, however few its pixels: with it, stray pixels would decide the rank.
    They still count, in the unions of the others.
    """
    table = read_table(run.folder / "images.csv")
    table = table[table["pixels"] > 0]
    iou = 100 * table["intersection"] / table["union"]
    return iou.groupby(table["image"]).mean().rename("iou")


def patches(block: Block) -> Figure:
    """Each prototype's nearest patches in labelled and in unlabelled images, its share of its class and precision."""
    if block.patches is None:
        return words("No variant with prototypes was run.")
    table = read_table(block.patches / "prototypes.csv")
    sheets = [layout.read_image(block.patches / f"{name}.png") for name in ("labeled", "unlabeled")]
    classes, per_class = list(table["class"].unique()), int(table["prototype"].max()) + 1
    height = len(sheets[0]) // len(classes)
    across = sheets[0].shape[1] * per_class // height
    columns = -(-len(classes) * per_class // COLUMN_ROWS)
    rows = -(-len(classes) // columns)
    cell, aside, head = 0.42, 3.0, 0.55
    figure = Figure(figsize=(columns * (aside + 2 * across * cell + 0.2), head + rows * (per_class * cell + 0.1)))
    spec = figure.add_gridspec(rows, 3 * columns, width_ratios=[aside, across * cell, across * cell] * columns)
    spec.update(left=0.01, right=0.99, bottom=0.01, top=1 - head / figure.get_figheight(), wspace=0.05, hspace=0.08)
    for index, name in enumerate(classes):
        row, column = index % rows, 3 * (index // rows)
        own = [sheet[index * height : (index + 1) * height] for sheet in sheets]
        panels = [figure.add_subplot(spec[row, column + place]) for place in range(3)]
        _prototype_words(panels[0], table[table["class"] == name], name)
        for axes, strip in zip(panels[1:], own, strict=True):
            _strip(axes, strip, height // per_class)
        if row == 0:
            panels[0].set_title("share of the class's pixels", fontsize=8, loc="right")
            panels[1].set_title("labelled images", fontsize=8)
            panels[2].set_title("unlabelled images", fontsize=8)
    return figure


def _prototype_words(axes: Axes, table: pd.DataFrame, name: str) -> None:
    """At the left of a class's patches: its name, and for each of its prototypes its shares."""
    axes.set_axis_off()
    pixels = table.pivot(index="prototype", columns="list", values="pixels")
    share = 100 * pixels / pixels.sum()
    right = 100 * table[table["list"] == "labeled"].set_index("prototype")["right"]
    axes.set(xlim=(0, 1), ylim=(len(pixels), 0))
    axes.text(0, 0.05, class_name(name), va="top", fontsize=9, fontweight="bold")
    for place in range(len(pixels)):
        text = f"labelled: {_percent(share['labeled'][place])}, right: {_percent(right[place])}"
        text += f"\nunlabelled: {_percent(share['unlabeled'][place])}"
        axes.text(0.97, place + 0.5, text, ha="right", va="center", fontsize=7, color="#333333")


def _percent(value: float) -> str:
    return "no pixel" if np.isnan(value) else f"{value:.0f} %"


def _strip(axes: Axes, strip: Array, size: int) -> None:
    """Patches of `size` pixels, white lines between them."""
    axes.imshow(strip, aspect="auto")
    for edge in range(size, strip.shape[0], size):
        axes.axhline(edge - 0.5, color="white", linewidth=2)
    for edge in range(size, strip.shape[1], size):
        axes.axvline(edge - 0.5, color="white", linewidth=2)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _sample_row(block: Block, runs: list[Evaluation], image_id: str, image: Path | None) -> list[Array]:
    """RGB image uint8, class indices of truth and predictions, and if prototype was run RGB 0..1 of its errors."""
    truth = layout.read_mask(block.data / layout.MASKS / f"{image_id}.png")
    predictions = [layout.read_mask(e.folder / "predictions" / f"{image_id}.png") for e in runs]
    for run, prediction in zip(runs, predictions, strict=True):
        if prediction.shape != truth.shape:
            raise UserError(
                f"{run.folder}/predictions/{image_id}.png: not as large as its mask; evaluate the run again"
            )
    shown = layout.read_image(image or block.data / layout.IMAGES / f"{image_id}.png")
    row = [shown, truth, *predictions]
    if runs[-1].variant == "prototype":
        row.append(_errors(predictions[-1], truth))
    return [_small(picture) for picture in row]


def _small(picture: Array) -> Array:
    """At most SIDE pixels a side: images are averaged, class indices taken from their nearest pixel."""
    step = -(-max(picture.shape[:2]) // SIDE)
    if picture.dtype == np.uint8 and picture.ndim == 3:
        return np.asarray(Image.fromarray(picture).reduce(step))
    return picture[step // 2 :: step, step // 2 :: step]


def _errors(prediction: Array, truth: Array) -> Array:
    """RGB 0..1 of where a prediction is wrong, where right, and where void: nobody scores that."""
    rgb = np.where((prediction == truth)[..., None], to_rgb(RIGHT), to_rgb(WRONG))
    return np.where((truth == layout.IGNORE_INDEX)[..., None], VOID, rgb)


def _image_grid(grid: list[list[Array]], titles: list[str], heads: list[str], rule: str, classes: list[str]) -> Figure:
    """Columns of one width; a row is as high as its highest picture, as images come in all shapes."""
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
    """An RGB picture as it is; class indices in the classes' colours, their regions named."""
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
    """(class, row, column) of each region of at least NAMED of the image: a pixel farthest from its border.

    The first class is left out: mostly it is the background, which the legend names.
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
