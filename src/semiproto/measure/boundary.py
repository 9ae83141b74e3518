"""Intersections and unions in one image, for whole classes and for their boundaries.

Boundary IoU is that of Cheng, Girshick, Dollar, Berg and Kirillov, "Boundary IoU: Improving Object-Centric Image
Segmentation Evaluation" (CVPR 2021): of each class, only the pixels within d pixels of the contour of its region count,
in the truth as in the prediction; d is 2 % of the image's diagonal.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from semiproto.data.layout import IGNORE_INDEX

DIAGONAL_SHARE = 0.02
"""d over the image's diagonal, the paper's value for images of VOC's and COCO's size."""

COUNTS = ("pixels", "intersection", "union", "boundary_intersection", "boundary_union")


def boundary(labels: np.ndarray, distance: int) -> np.ndarray:
    """Where a pixel is at most `distance` from another class or the image's edge, bool [H, W].

    labels: uint8 [H, W]. The paper's code erodes each class's mask `distance` times with a 3x3 square; one maximum and
    one minimum filter give the same for all classes at once.
    """
    size = 2 * distance + 1
    highest = ndimage.maximum_filter(labels, size, mode="constant", cval=IGNORE_INDEX)
    lowest = ndimage.minimum_filter(labels, size, mode="constant", cval=IGNORE_INDEX)
    return np.asarray(highest != lowest)


def image_counts(prediction: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """The COUNTS of each class in one image, int64 [classes, 5]; `pixels` are those of the truth.

    prediction, truth: class indices, uint8 [H, W]. Where the truth is void, the prediction is made void before
    contours are drawn: void is left out, and a perfect prediction scores 1.
    """
    prediction = np.where(truth == IGNORE_INDEX, IGNORE_INDEX, prediction).astype(np.uint8)
    distance = max(1, round(DIAGONAL_SHARE * math.hypot(*truth.shape)))
    edge, true_edge = (np.where(boundary(labels, distance), labels, IGNORE_INDEX) for labels in (prediction, truth))
    return np.stack([*_overlap(prediction, truth, classes), *_overlap(edge, true_edge, classes)[1:]], axis=1)


def _overlap(prediction: np.ndarray, truth: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per class: pixels of the truth, of the intersection, of the union."""
    counted = (truth, prediction, truth[truth == prediction])
    true, predicted, both = (np.bincount(labels.ravel(), minlength=256)[:classes] for labels in counted)
    return true, both, true + predicted - both
