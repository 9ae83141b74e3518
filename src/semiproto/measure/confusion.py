"""Intersection over union from one confusion matrix over the whole set (method section 9)."""

from __future__ import annotations

import torch
from torch import Tensor


class ConfusionMatrix:
    """Pixel counts [num_classes, num_classes]; rows are the truth, columns the prediction; void pixels are left out."""

    def __init__(self, num_classes: int, ignore_index: int = 255) -> None:
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.counts = torch.zeros(num_classes, num_classes, dtype=torch.int64)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Adds the pixels of `prediction` and `target`, class indices of one shape."""
        classes = self.num_classes
        pairs = torch.add(prediction, target.long(), alpha=classes).flatten()
        # Void pixels are counted too, in a row of their own, which is dropped: cheaper than to pick the others out.
        counts = torch.bincount(pairs, minlength=classes**2)[: classes**2].view(classes, classes)
        if self.ignore_index < classes:
            counts[self.ignore_index] = 0
        self.counts += counts.cpu()

    def iou(self) -> Tensor:
        """Per class, float64 [num_classes]: intersection over union, nan for a class neither shown nor predicted."""
        intersection = self.counts.diag().double()
        return intersection / (self.counts.sum(0) + self.counts.sum(1) - intersection)

    def mean_iou(self) -> float:
        """Mean of `iou` over the classes that occur in truth or prediction, 0..1."""
        return float(self.iou().nanmean())
