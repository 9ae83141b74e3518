"""How far the difference between two variants' scores can be believed: intervals over images and over seeds.

The difference is a mean over seeds of scores on one set of validation images; both would fall otherwise another time.
The images' part is bootstrapped: images are drawn anew, the same ones for every run, so the comparison stays paired.
The seeds' part is Student's: two or three seeds are too few to be drawn anew, a bootstrap of three values never leaves
their range. Half the interval is the root of the sum of both halves' squares. One half from a pooled error with the
degrees of freedom of Welch and Satterthwaite would be shorter, but covers only 86 % with two seeds and 92 % with three
where the seeds' part is the larger one (tests/unit/report/test_bootstrap.py has the simulation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

RESAMPLES = 1000
"""The standard error of a thousand is known to some 2 %."""

LEVEL = 0.95


@dataclass(frozen=True)
class Gains:
    """Differences in points, float [1 + classes]: of mIoU, then of each class's IoU; nan where there is none."""

    gain: np.ndarray
    of_images: np.ndarray
    """Standard error from the choice of images; `of_seeds` from that of seeds, 0 where there is but one."""
    of_seeds: np.ndarray
    images: int
    seeds: int

    def interval(self, tests: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Low and high ends of the 95 % interval; with `tests`, all of that many hold together (Bonferroni)."""
        tail = (1 - LEVEL) / 2 / tests
        counts = np.maximum(1, np.array([self.images, self.seeds]) - 1)
        images, seeds = stats.t.isf(tail, counts)
        half = np.hypot(images * self.of_images, seeds * self.of_seeds)
        return self.gain - half, self.gain + half


def paired_gains(more: np.ndarray, less: np.ndarray) -> Gains:
    """Scores of `more` minus those of `less`.

    more, less: pixels of intersection and union, int64 [seeds, images, classes, 2], the same seeds and images in both.
    With one seed the interval is over the images alone; with one image there is none, its ends are nan.
    """
    seeds, images = more.shape[:2]
    whole = np.ones((1, images))
    points = (scores(more, whole) - scores(less, whole))[0]
    drawn = np.random.default_rng(0).multinomial(images, np.full(images, 1 / images), size=RESAMPLES)
    again = (scores(more, drawn) - scores(less, drawn)).mean(axis=1)
    # The bootstrap's variance has n in place of n - 1. A class that a draw misses has no score there.
    enlarged = math.sqrt(images / (images - 1)) if images > 1 else math.nan
    of_images = enlarged * pd.DataFrame(again).std().to_numpy()
    of_seeds = points.std(axis=0, ddof=1) / math.sqrt(seeds) if seeds > 1 else np.zeros(points.shape[1])
    return Gains(points.mean(axis=0), of_images, of_seeds, images, seeds)


def scores(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """mIoU and each class's IoU in percent, float [draws, seeds, 1 + classes].

    counts: as in `paired_gains`. weights: how often each image counts, [draws, images].
    """
    sums = np.tensordot(weights.astype(float), counts.astype(float), axes=(1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        iou = 100 * sums[..., 0] / sums[..., 1]
    occurs = np.isfinite(iou)
    mean = np.where(occurs, iou, 0).sum(axis=-1) / np.maximum(1, occurs.sum(axis=-1))
    return np.concatenate([mean[..., None], iou], axis=-1)
