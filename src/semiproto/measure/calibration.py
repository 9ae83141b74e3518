"""How well a network's confidence agrees with its accuracy: the expected calibration error (ECE).

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks" (ICML 2017): pixels are sorted into 15 bins
of equal width by the probability of the predicted class; ECE is the mean, weighted by pixels, of the distance between
a bin's mean probability and the share of its pixels that are right.
"""

from __future__ import annotations

import pandas as pd
import torch
from torch import Tensor

from semiproto.data.layout import IGNORE_INDEX

BINS = 15
"""The paper's number."""

UNIT = 1_000_000
"""Confidence is summed in whole millionths, so that the sum does not depend on the order of the images."""


class Calibration:
    """Counts [BINS, 3] int64 per bin: pixels, their confidence in millionths, right pixels; void is left out."""

    def __init__(self) -> None:
        self.counts = torch.zeros(BINS, 3, dtype=torch.int64)

    def update(self, prediction: Tensor, confidence: Tensor, target: Tensor) -> None:
        """Adds pixels: predicted classes, their probabilities 0..1, and the truth, all of one shape."""
        counted = target != IGNORE_INDEX
        probability, right = confidence[counted], (prediction == target)[counted]
        bins = ((probability * BINS).ceil().long() - 1).clamp(0, BINS - 1)  # (low, high], as in the paper
        for column, values in enumerate((torch.ones_like(probability), (probability * UNIT).round(), right)):
            self.counts[:, column] += torch.bincount(bins, values.double(), minlength=BINS).long()

    def table(self) -> pd.DataFrame:
        """A row for each bin: low, high, pixels, and mean confidence and accuracy (0..1), nan for an empty bin."""
        pixels, confidence, right = self.counts.double().numpy().T
        edges = torch.arange(BINS + 1).double().numpy() / BINS
        known = pd.Series(pixels).where(pixels > 0)
        table = {"low": edges[:-1], "high": edges[1:], "pixels": pixels.astype(int)}
        return pd.DataFrame(table | {"confidence": confidence / UNIT / known, "accuracy": right / known})


def expected_error(table: pd.DataFrame) -> float:
    """ECE (0..1) of a table as above; nan without a pixel."""
    gaps = (table["confidence"] - table["accuracy"]).abs() * table["pixels"]
    pixels = int(table["pixels"].sum())
    return float(gaps.sum() / pixels) if pixels else float("nan")
