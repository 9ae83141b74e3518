"""The figures, each as PNG and PDF, from tables and small images alone: they rebuild on a laptop without the models.

The same input gives the same bytes. Variants keep one colour everywhere (Okabe and Ito's, which colour-blind readers
tell apart), classes those of their masks.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from semiproto.analysis.compare import GROUP, VARIANTS, Evaluation, in_order, mean_sd, read_evaluations, read_table
from semiproto.artifacts import write_bytes
from semiproto.data import layout
from semiproto.errors import UserError

DPI = 150
STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "savefig.dpi": DPI,
}
COLOURS = {
    "supervised": "#0072B2",
    "consistency": "#E69F00",
    "prototype": "#009E73",
    "supervised-equal-compute": "#56B4E9",
    "consistency-equal-loss": "#D55E00",
}
OTHER_COLOURS = ("#CC79A7", "#000000", "#999999")
MAX_SAMPLES = 8
"""Rows of the sample grid; more would not be read."""
WRONG, RIGHT = "#D55E00", "#F2F2F2"
"""Pixels of the error map; void ones have their mask's colour."""

Array = np.ndarray


@dataclass(frozen=True)
class Block:
    """What the figures of one split show: its runs, its rows of the tables, and its t-SNE folder if there is one."""

    runs: list[Evaluation]
    tables: dict[str, pd.DataFrame]
    tsne: Path | None
    data: Path

    @property
    def variants(self) -> list[str]:
        return in_order(e.variant for e in self.runs)

    def colours(self) -> dict[str, str]:
        others = [v for v in self.variants if v not in COLOURS]
        return COLOURS | {v: OTHER_COLOURS[i % len(OTHER_COLOURS)] for i, v in enumerate(others)}


def figures(tables: Path, evaluations: list[Path], tsne: list[Path], data: Path, out: Path) -> None:
    """Writes curves, gain, per_class, samples and tsne into `out`, .png and .pdf.

    tables: what compare.tables wrote. evaluations: results/eval/{dataset}/{split}/{variant}/seed{seed}, for the sample
    predictions. tsne: results/tsne/{dataset}/{split}/seed{seed}, the first seed of a split is shown. data: the
    prepared set in the layout of data/layout.py. With several splits a figure's name ends in -{split}. What wasn't run
    becomes a figure that says so. UserError names a file that cannot be read, or a second data set.
    """
    read = {name: read_table(tables / f"{name}.csv") for name in ("runs", "per_class", "validation", "history")}
    runs = read_evaluations(evaluations)
    if other := [e for e in runs if e.dataset != runs[0].dataset]:
        raise UserError(f"{other[0].folder}: figures show one data set, and {runs[0].folder} is of another; give one")
    splits = sorted({e.split for e in runs})
    for split in splits:
        own = [e for e in runs if e.split == split]
        rows = {name: _of(table, own[0]) for name, table in read.items()}
        block = Block(own, rows, _first_seed(tsne, own[0].dataset, split), data)
        for name, make in _FIGURES.items():
            with matplotlib.style.context(["default", STYLE]):
                _save(make(block), out / (name if len(splits) == 1 else f"{name}-{split}"))


def curves(block: Block) -> Figure:
    """Validation mIoU over the steps, and the share of unlabelled pixels with a pseudo-label; mean and range."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    history = block.tables["history"]
    _lines(left, block, block.tables["validation"], "miou", 1)
    left.set(title="Validation, while training", xlabel="step of the variant's own phase", ylabel="mIoU (%)")
    if "coverage" in history and history["coverage"].notna().any():
        _lines(right, block, history.dropna(subset=["coverage"]), "coverage", 100)
    else:
        right.text(0.5, 0.5, "no variant with pseudo-labels was run", ha="center", transform=right.transAxes)
    right.set(title="Pseudo-label coverage", xlabel="step of the variant's own phase")
    right.set(ylabel="confident unlabelled pixels (%)", ylim=(-2, 102))  # a line at 0 is a finding: show it
    handles = [Line2D([], [], color=block.colours()[v], linestyle=_dash(v), label=v) for v in block.variants]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def gain(block: Block) -> Figure:
    """mIoU of the last step: a dot for each seed, mean and sd over seeds."""
    runs, variants = block.tables["runs"], block.variants
    figure = Figure(figsize=(7, 1.2 + 0.5 * len(variants)), layout="constrained")
    axes = figure.subplots()
    for place, variant in enumerate(variants):
        scores = runs.loc[runs["variant"] == variant, "miou"].dropna()
        colour = block.colours()[variant]
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


def per_class(block: Block) -> Figure:
    """IoU of each class, a bar for each variant; mean and sd over seeds."""
    table, variants = block.tables["per_class"], block.variants
    classes = list(table["class"].unique())
    figure = Figure(figsize=(max(7.0, 0.6 + 0.17 * len(classes) * len(variants)), 3.6), layout="constrained")
    axes = figure.subplots()
    width = 0.84 / len(variants)
    for index, variant in enumerate(variants):
        rows = table[table["variant"] == variant].set_index("class").reindex(classes)
        places = np.arange(len(classes)) + (index - (len(variants) - 1) / 2) * width
        axes.bar(places, rows["iou_mean"], 0.92 * width, color=block.colours()[variant], label=variant)
        axes.errorbar(places, rows["iou_mean"], yerr=rows["iou_sd"], fmt="none", ecolor="#333333", elinewidth=0.8)
    axes.set(ylabel="IoU (%), last step", ylim=(0, 100), xlim=(-0.6, len(classes) - 0.4))
    axes.set_xticks(range(len(classes)), classes)
    if sum(map(len, classes)) > 60:  # characters that fit beside each other
        axes.tick_params(axis="x", labelrotation=45)
    axes.grid(visible=False, axis="x")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def samples(block: Block) -> Figure:
    """Validation images: image, truth, what each of VARIANTS predicts with its first seed, and prototype's errors."""
    runs = [next(e for e in block.runs if e.variant == v) for v in block.variants if v in VARIANTS]
    ids = sorted({path.stem for e in runs for path in (e.folder / "samples").glob("*.png")})[:MAX_SAMPLES]
    if not ids:
        return _words("No sample predictions were kept (evaluate.samples).")
    images = layout.images_by_id(block.data / layout.IMAGES)
    grid = [_sample_row(block, runs, image_id, images.get(image_id)) for image_id in ids]
    titles = ["image", "truth", *(f"{e.variant}\nseed {e.seed}" for e in runs)]
    if len(grid[0]) > len(titles):
        titles.append("prototype's\nerrors")
    return _image_grid(grid, titles, _class_legend(list(block.runs[0].iou)))


def tsne(block: Block) -> Figure:
    """t-SNE of the features, a panel for each variant; its separation, measured in the features' own space, below."""
    if block.tsne is None:
        return _words("t-SNE was not run for this split.")
    points, compactness = (read_table(block.tsne / name) for name in ("points.csv", "compactness.csv"))
    variants, classes = in_order(points["variant"]), list(block.runs[0].iou)
    figure = Figure(figsize=(max(4.0, 3 * len(variants)), 4.3), layout="constrained")
    for axes, variant in zip(figure.subplots(1, len(variants), squeeze=False)[0], variants, strict=True):
        _scatter(axes, points[points["variant"] == variant], classes)
        whole = compactness[(compactness["variant"] == variant) & (compactness["class"] == "all")]
        axes.set(title=variant, xlabel=_separation(whole))
    dots = [_dot(_mask_colour(index), name) for index, name in enumerate(classes)]
    star = Line2D([], [], marker="*", linestyle="", markersize=11, markeredgecolor="black", color="white")
    star.set_label("prototype")
    figure.legend(handles=[*dots, star], loc="outside lower center", ncols=8)
    return figure


_FIGURES = {"curves": curves, "gain": gain, "per_class": per_class, "samples": samples, "tsne": tsne}


def _of(table: pd.DataFrame, run: Evaluation) -> pd.DataFrame:
    """The rows of a table that belong with `run`'s data set and number of labels."""
    dataset, labels = GROUP
    return table[(table[dataset] == run.dataset) & (table[labels] == run.labels)]


def _first_seed(folders: Iterable[Path], dataset: str, split: str) -> Path | None:
    own = [folder for folder in folders if folder.parts[-3:-1] == (dataset, split)]
    return min(own, key=lambda folder: int(folder.name.removeprefix("seed")), default=None)


def _save(figure: Figure, stem: Path) -> None:
    """PNG and PDF, without the dates and versions that would change their bytes."""
    metadata: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    for kind, fields in metadata.items():
        picture = io.BytesIO()  # of a full disk matplotlib's own PDF writer says many things
        figure.savefig(picture, format=kind, metadata=fields)
        write_bytes(stem.with_name(f"{stem.name}.{kind}"), picture.getvalue())


def _words(text: str) -> Figure:
    figure = Figure(figsize=(6, 1))
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure


def _dash(variant: str) -> Literal["-", "--"]:
    """The paper's three variants are solid, controls and others dashed."""
    return "-" if variant in VARIANTS else "--"


def _lines(axes: Axes, block: Block, table: pd.DataFrame, column: str, factor: float) -> None:
    """A line for each variant, the mean over seeds, with the band from their lowest to their highest."""
    for variant in block.variants:
        by_step = table[table["variant"] == variant].groupby("step")[column]
        mean, low, high = (factor * values for values in (by_step.mean(), by_step.min(), by_step.max()))
        colour = block.colours()[variant]
        axes.plot(mean.index, mean, _dash(variant), color=colour, marker="o" if len(mean) == 1 else "")
        axes.fill_between(mean.index, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _sample_row(block: Block, runs: list[Evaluation], image_id: str, image: Path | None) -> list[Array]:
    """RGB images [height, width, 3]: image, truth, each run's prediction, and the error map if prototype was run."""
    truth = layout.read_mask(block.data / layout.MASKS / f"{image_id}.png")
    predictions = {e.variant: layout.read_mask(e.folder / "samples" / f"{image_id}.png") for e in runs}
    palette = layout.voc_palette()
    shown = layout.read_image(image or block.data / layout.IMAGES / f"{image_id}.png")
    row = [np.asarray(shown), palette[truth], *(palette[p] for p in predictions.values())]
    return [*row, _errors(predictions["prototype"], truth)] if "prototype" in predictions else row


def _errors(prediction: Array, truth: Array) -> Array:
    """RGB 0..1 of where a prediction is wrong, where right, and where void: nobody scores that."""
    rgb = np.where((prediction == truth)[..., None], to_rgb(RIGHT), to_rgb(WRONG))
    return np.where((truth == layout.IGNORE_INDEX)[..., None], _mask_colour(layout.IGNORE_INDEX), rgb)


def _image_grid(grid: list[list[Array]], titles: list[str], legend: Sequence[Patch]) -> Figure:
    """Columns of one width; a row is as high as its highest picture, as images come in all shapes."""
    width, columns = 1.35, len(titles)
    ratios = [max(image.shape[0] / image.shape[1] for image in row) for row in grid]
    head, foot = 0.45, 0.1 + 0.19 * -(-len(legend) // 6)
    height = head + foot + width * sum(ratios)
    figure = Figure(figsize=(width * columns, height))
    spec = figure.add_gridspec(
        len(grid), columns, height_ratios=ratios, wspace=0.04, hspace=0.04, left=0.005, right=0.995
    )
    spec.update(top=1 - head / height, bottom=foot / height)
    for i, row in enumerate(grid):
        for j, image in enumerate(row):
            axes = figure.add_subplot(spec[i, j])
            axes.imshow(image, interpolation="antialiased" if j == 0 else "nearest")
            axes.set_axis_off()
            if i == 0:
                axes.set_title(titles[j], fontsize=8)
    figure.legend(handles=legend, loc="lower center", ncols=6, fontsize=8)
    return figure


def _mask_colour(index: int) -> tuple[float, float, float]:
    """RGB 0..1 of a class, the one that palette PNGs show."""
    red, green, blue = (layout.voc_palette()[index] / 255).tolist()
    return red, green, blue


def _class_legend(classes: list[str]) -> list[Patch]:
    named = [(name, _mask_colour(index)) for index, name in enumerate(classes)]
    named += [
        ("void, not scored", _mask_colour(layout.IGNORE_INDEX)),
        ("right", to_rgb(RIGHT)),
        ("wrong", to_rgb(WRONG)),
    ]
    return [Patch(facecolor=colour, edgecolor="#999999", linewidth=0.5, label=name) for name, colour in named]


def _scatter(axes: Axes, points: pd.DataFrame, classes: list[str]) -> None:
    for kind, style in {"pixel": {"s": 7, "alpha": 0.6, "linewidths": 0}, "prototype": _STAR}.items():
        for index, name in enumerate(classes):
            own = points[(points["kind"] == kind) & (points["class"] == name)]
            axes.scatter(own["x"], own["y"], color=[_mask_colour(index)], **style)
    axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    for spine in axes.spines.values():
        spine.set(visible=True, color="#cccccc")


_STAR: dict[str, Any] = {
    "s": 130,
    "marker": "*",
    "edgecolors": "black",
    "linewidths": 0.9,
    "zorder": 3,
    "path_effects": [withStroke(linewidth=2.6, foreground="white")],  # keeps black stars apart from black dots
}


def _dot(colour: tuple[float, float, float], name: str) -> Line2D:
    return Line2D([], [], marker="o", linestyle="", markersize=5, color=colour, label=name)


def _separation(row: pd.DataFrame) -> str:
    """`silhouette 0.31, within/between 0.42` of a variant's row for all classes."""
    named = {"silhouette": "silhouette", "within_between": "within/between"}
    values = {title: row[column].dropna() for column, title in named.items()}
    return "\n".join(f"{title} {v.iloc[0]:.2f}" if len(v) else f"{title} not known" for title, v in values.items())
