"""The figures, in the report's order: the file name of each, its heading, its caption and where it is drawn.

A figure is one entry here and one file beside this one. A function imports its file when it draws, so that the rules
and the report can read names and captions without loading matplotlib or pandas.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from semiproto.report.drawing.results import Results, Sources


@dataclass(frozen=True)
class Entry:
    """A figure of the report."""

    name: str
    heading: str
    caption: str
    per_split: bool
    """Drawn for each split; otherwise once, from the whole experiment."""
    draw: Callable[[Results], Figure]

    def stem(self, split: str, splits: Collection[str]) -> str:
        """The name of its files without the ending. If there are several splits, it ends in the split."""
        return f"{self.name}-{split}" if self.per_split and len(splits) > 1 else self.name


FIGURES: list[Entry] = []
"""Filled by the functions below, in their order."""


def stems(splits: Collection[str]) -> list[str]:
    """The names, without endings, of all files that `draw_all` writes for an experiment with these splits."""
    return list(dict.fromkeys(entry.stem(split, splits) for entry in FIGURES for split in splits))


def is_figure(path: Path) -> bool:
    """Whether a file is called like one that `draw_all` writes for some experiment."""
    return path.suffix in (".png", ".pdf") and path.stem.partition("-")[0] in {entry.name for entry in FIGURES}


def draw_all(sources: Sources, out: Path) -> None:
    """Writes every figure as PNG and PDF into `out`, from tables and small images alone: no model is needed.

    The same input gives the same bytes. What was not run becomes a figure that says so. UserError names a file that
    cannot be read, or a second data set.
    """
    import matplotlib.style

    from semiproto.report.drawing.results import read
    from semiproto.report.drawing.style import STYLE, save

    whole, by_split = read(sources)
    with matplotlib.style.context(["default", STYLE]):
        for entry in FIGURES:
            for split, results in by_split.items() if entry.per_split else [("", whole)]:
                save(entry.draw(results), out / entry.stem(split, by_split))


def _figure(
    heading: str, caption: str, *, per_split: bool = True
) -> Callable[[Callable[[Results], Figure]], Callable[[Results], Figure]]:
    """Enters a function into FIGURES, under its own name."""

    def enter(draw: Callable[[Results], Figure]) -> Callable[[Results], Figure]:
        FIGURES.append(Entry(draw.__name__, heading, caption, per_split, draw))
        return draw

    return enter


@_figure(
    "mIoU against labels",
    "mIoU (percent) at the last step against the number of labelled images. Dots are seeds; diamonds and bars are their"
    " mean and standard deviation. Dotted lines are published results, where splits and scoring are the same. They were"
    " read at the best epoch, which flatters them.",
    per_split=False,
)
def labels(results: Results) -> Figure:
    from semiproto.report.figures import labels

    return labels.draw(results)


@_figure(
    "The gain",
    "Left: mIoU (percent) at the last step, a dot for each seed, a diamond and a bar for their mean and standard"
    " deviation. Right: the gain over labelled images alone, with its 95 % interval over seeds and images, at equal"
    " compute where that was run. Hollow diamonds are published gains over the same authors' supervised models, read at"
    " the best epoch, on other images and with larger networks.",
)
def gain(results: Results) -> Figure:
    from semiproto.report.figures import gain

    return gain.draw(results)


@_figure("By class", "IoU (percent) of each class for each variant, with the standard deviation over seeds.")
def per_class(results: Results) -> Figure:
    from semiproto.report.figures import per_class

    return per_class.draw(results)


@_figure(
    "Predictions",
    "The best, median and worst validation images, ranked as the line under the pictures says: the true mask, each"
    " variant's prediction with its first seed, and, where it was run, the pixels that the variant prototype gets"
    " wrong.",
)
def samples(results: Results) -> Figure:
    from semiproto.report.figures import samples

    return samples.draw(results)


@_figure(
    "While training",
    "The first three panels follow training: mIoU (percent) on the validation images, the teacher's mean confidence on"
    " unlabelled pixels, and the share of these above tau, which get a pseudo-label. Unlabelled images have no masks,"
    " so it is not known which pseudo-labels are right. The other three panels measure that on validation images: how"
    " many of the pixels above tau are right, over the foreground and for each class, and how many of the pixels"
    " predicted as a class are above tau. Lines are means over seeds; bands reach from the lowest seed to the highest.",
)
def curves(results: Results) -> Figure:
    from semiproto.report.figures import curves

    return curves.draw(results)


@_figure(
    "Calibration",
    "Measured on the validation images, over all seeds. Left: the share of right pixels at each confidence; below the"
    " line, the teacher is more confident than it is right. Right: among the pixels above a confidence, the share that"
    " is right (solid), and their share of all pixels (dotted).",
)
def calibration(results: Results) -> Figure:
    from semiproto.report.figures import calibration

    return calibration.draw(results)


@_figure(
    "Feature space",
    "t-SNE of the same validation pixels for each variant, first seed, coloured by class; stars are prototypes."
    " Distances in the plane mislead, so the table gives two measures of how compact a class is, in the plane and in"
    " the features themselves: silhouette (higher is better) and the ratio of within-class to between-class distance"
    " (lower is better). Values are mean and standard deviation over seeds.",
)
def tsne(results: Results) -> Figure:
    from semiproto.report.figures import tsne

    return tsne.draw(results)


@_figure(
    "What each prototype stands for",
    "A row for each prototype, with the patches of training images nearest to it, each from a different image."
    " “labelled” and “unlabelled” give the prototype's share of the pixels that the prototype head assigns to the"
    " class. “right” is the share of the prototype's pixels whose mask has that class.",
)
def patches(results: Results) -> Figure:
    from semiproto.report.figures import patches

    return patches.draw(results)


@_figure(
    "The forecast, made before the long run",
    "Measured with models that were not pretrained on the measured images, at each threshold tau. Left: the share of"
    " confident pixels that are right, by predicted class. Right: the share of the pixels predicted as a class that are"
    " confident.",
)
def forecast(results: Results) -> Figure:
    from semiproto.report.figures import forecast

    return forecast.draw(results.forecast)


@_figure(
    "The method",
    "Student and teacher, the two heads, and the four losses. The variant consistency has no prototype head; supervised"
    " has neither prototype head nor pseudo-labels.",
    per_split=False,
)
def method(_: Results) -> Figure:
    from semiproto.report.figures import method

    return method.draw()
