"""How far the difference between two variants' scores can be trusted: intervals over images and over seeds.

The difference is a mean over seeds of scores on one set of validation images. Other images or other seeds would give
another difference. The images' part is bootstrapped: images are resampled, the same ones for every run, so that the
comparison stays paired. The seeds' part is Student's t: two or three seeds are too few to resample, since a bootstrap
of three values never leaves their range. The half-width of the interval is the root of the sum of the squares of both
parts' half-widths. A single half-width from a pooled error with Welch and Satterthwaite's degrees of freedom would be
shorter, but it covers only 86 % with two seeds and 92 % with three if the seeds' part is the larger one
(tests/unit/report/test_bootstrap.py has the simulation).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

RESAMPLES = 1000
"""With a thousand, the standard error is known to about 2 %."""

LEVEL = 0.95


@dataclass(frozen=True)
class Gains:
    """Differences in points, float [1 + classes]: of mIoU, then of each class's IoU; nan without a score."""

    gain: np.ndarray
    of_images: np.ndarray
    """Standard error from the choice of images; `of_seeds` is that from the choice of seeds, 0 with a single seed."""
    of_seeds: np.ndarray
    images: int
    seeds: int

    def interval(self, tests: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Low and high ends of the 95 % interval. With `tests`, that many intervals hold together (Bonferroni)."""
        tail = (1 - LEVEL) / 2 / tests
        counts = np.maximum(1, np.array([self.images, self.seeds]) - 1)
        images, seeds = -special.stdtrit(counts, tail)  # of scipy.stats, which takes a second to load, this is t.isf
        half = np.hypot(images * self.of_images, seeds * self.of_seeds)
        return self.gain - half, self.gain + half


def paired_gains(more: np.ndarray, less: np.ndarray) -> Gains:
    """Scores of `more` minus those of `less`.

    more, less: pixels of intersection and union, int64 [seeds, images, classes, 2], the same seeds and images in both.
    With one seed the interval covers the images alone. With one image there is no interval: its ends are nan.
    """
    seeds, images = more.shape[:2]
    whole = np.ones((1, images))
    points = (scores(more, whole) - scores(less, whole))[0]
    again = (scores(more, _drawn(images)) - scores(less, _drawn(images))).mean(axis=1)
    # The bootstrap's variance divides by n, not n - 1. A class has no score in draws that miss it.
    enlarged = math.sqrt(images / (images - 1)) if images > 1 else math.nan
    of_images = enlarged * pd.DataFrame(again).std().to_numpy()
    of_seeds = points.std(axis=0, ddof=1) / math.sqrt(seeds) if seeds > 1 else np.zeros(points.shape[1])
    return Gains(points.mean(axis=0), of_images, of_seeds, images, seeds)


@functools.cache
def _drawn(images: int) -> np.ndarray:
    """How often each image is drawn, [RESAMPLES, images]: the same for every comparison."""
    return np.random.default_rng(0).multinomial(images, np.full(images, 1 / images), size=RESAMPLES)


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
