"""Which runs are shown against each other, and how validation images are ranked by them."""

from __future__ import annotations

import pandas as pd

from semiproto.report.evaluations import CONTROLS, VARIANTS, Evaluation, read_table


def first_seeds(runs: list[Evaluation]) -> list[Evaluation]:
    """Each variant's run with its first seed; order is that of the variants in `runs`, which are sorted."""
    return list({run.variant: run for run in reversed(runs)}.values())[::-1]


def compared(runs: list[Evaluation]) -> list[Evaluation]:
    """The run of labelled images alone, if there is one, and the run of the full method; first seeds.

    The full method is the last of the paper's variants that was run. If none but supervised was, it is the last variant
    in the tables' order that is no control. Of a single variant the list has one run.
    """
    firsts = first_seeds(runs)
    others = [run for run in firsts if run.variant != VARIANTS[0]]
    full = (
        [run for run in others if run.variant in VARIANTS]
        or [run for run in others if run.variant not in CONTROLS]
        or firsts
    )[-1]
    return [run for run in firsts if run.variant in (VARIANTS[0], full.variant)]


def ranked(runs: list[Evaluation]) -> tuple[pd.Series[float], str]:
    """(score by image, the best image first; the rule in words).

    The score is the last run's `image_scores` minus the first's; with a single run it is that run's own.
    """
    scores, last = image_scores(runs[-1]), runs[-1].variant
    rule = f"by the mIoU of the image's own classes with {last}, percent"
    if len(runs) > 1:
        scores = (scores - image_scores(runs[0])).dropna()
        rule = f"by the gain of {last} over {runs[0].variant} in the mIoU of the image's own classes, points"
    order = scores.reset_index().sort_values(["iou", "image"], ascending=[False, True])
    return order.set_index("image")["iou"], rule


def image_scores(run: Evaluation) -> pd.Series[float]:
    """By image, the mean IoU (percent) of the classes in its true mask.

    A class that is only predicted has IoU 0, however few its pixels, so counting it would let stray pixels decide the
    rank. Its pixels still count in the unions of the other classes.
    """
    table = _shown_classes(run)
    iou = 100 * table["intersection"] / table["union"]
    return iou.groupby(table["image"]).mean().rename("iou")


def image_errors(run: Evaluation) -> pd.Series[float]:
    """By image, the share (percent) of its scored pixels that the run gets wrong."""
    sums = _shown_classes(run).groupby("image")[["pixels", "intersection"]].sum()
    return (100 - 100 * sums["intersection"] / sums["pixels"]).rename("error")


def _shown_classes(run: Evaluation) -> pd.DataFrame:
    """Of each image, the rows of the classes that its true mask shows."""
    table = read_table(run.folder / "images.csv", ["image", "class", "pixels", "intersection", "union"])
    return table[table["pixels"] > 0]
