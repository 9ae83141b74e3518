"""How far the difference between two variants' scores can be believed: intervals over images and over seeds.

The difference is a mean over seeds of scores on one set of validation images; both would fall otherwise another time.
The images' part is bootstrapped: images are drawn anew, the same ones for every run, so the comparison stays paired.
The seeds' part is the variance of the seeds' differences over their number: two or three seeds are too few to be drawn
anew, a bootstrap of three values never leaves their range. The sum of both, with the degrees of freedom of Welch and
Satterthwaite, gives Student's interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

RESAMPLES = 1000
"""The standard error of a thousand is known to some 2 %."""

LEVEL = 0.95


@dataclass(frozen=True)
class Gains:
    """Differences in points, float [1 + classes]: of mIoU, then of each class's IoU; nan where there is none."""

    gain: np.ndarray
    error: np.ndarray
    """Standard error."""
    freedom: np.ndarray
    """Degrees of freedom of the error."""

    def interval(self, tests: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Low and high ends of the 95 % interval; with `tests`, all of that many hold together (Bonferroni)."""
        quantile = stats.t.ppf(1 - (1 - LEVEL) / 2 / tests, self.freedom)
        half = np.where(self.error > 0, quantile * self.error, self.error)
        return self.gain - half, self.gain + half


def paired_gains(more: np.ndarray, less: np.ndarray) -> Gains:
    """Scores of `more` minus those of `less`.

    more, less: pixels of intersection and union, int64 [seeds, images, classes, 2], the same seeds and images in both.
    With one seed the error is of the images alone; with one image it is nan.
    """
    seeds, images = more.shape[:2]
    whole = np.ones((1, images))
    points = (scores(more, whole) - scores(less, whole))[0]
    drawn = np.random.default_rng(0).multinomial(images, np.full(images, 1 / images), size=RESAMPLES)
    again = (scores(more, drawn) - scores(less, drawn)).mean(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        of_images = again.var(axis=0, ddof=1) * np.divide(images, images - 1)
        of_seeds = points.var(axis=0, ddof=1) / seeds if seeds > 1 else np.zeros(points.shape[1])
        freedom = (of_images + of_seeds) ** 2 / (of_images**2 / (images - 1) + of_seeds**2 / max(1, seeds - 1))
    return Gains(points.mean(axis=0), np.sqrt(of_images + of_seeds), freedom)


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
