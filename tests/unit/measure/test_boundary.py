"""Boundaries of classes and what two masks have in common there, against the definition by erosion."""

import math

import numpy as np
import pytest
from scipy import ndimage

from semiproto.measure.boundary import COUNTS, image_counts


def blobs(classes, shape, seed):
    """A label map of smooth regions, as masks are."""
    rng = np.random.default_rng(seed)
    return np.argmax([ndimage.gaussian_filter(rng.normal(size=shape), 4) for _ in range(classes)], 0).astype(np.uint8)


def eroded_boundary(mask, distance):
    """The paper's code in words: the mask without what `distance` erosions with a 3x3 square leave."""
    return mask & ~ndimage.binary_erosion(mask, np.ones((3, 3)), iterations=distance, border_value=0)


@pytest.mark.parametrize(("shape", "distance"), [((40, 60), 1), ((120, 90), 3), ((9, 7), 1)])
def test_boundary_counts_equal_those_of_eroded_masks(shape, distance):
    truth, prediction = blobs(4, shape, 0), blobs(4, shape, 1)
    truth[:2] = 255
    void = truth == 255
    assert max(1, round(0.02 * math.hypot(*shape))) == distance
    for name, row in enumerate(image_counts(prediction, truth, 5)):
        masks = [(labels == name) & ~void for labels in (prediction, truth)]
        edges = [eroded_boundary(mask, distance) for mask in masks]
        expected = [masks[1].sum(), (masks[0] & masks[1]).sum(), (masks[0] | masks[1]).sum()]
        assert row.tolist() == [*expected, (edges[0] & edges[1]).sum(), (edges[0] | edges[1]).sum()]


def test_a_perfect_prediction_has_perfect_boundaries_whatever_it_says_of_void():
    truth = blobs(3, (80, 80), 0)
    prediction = truth.copy()
    truth[ndimage.morphological_gradient(truth, 5) > 0] = 255  # VOC's border around every object
    prediction[truth == 255] = 1
    counts = dict(zip(COUNTS, image_counts(prediction, truth, 3).T, strict=True))
    assert (counts["boundary_intersection"] == counts["boundary_union"]).all() and counts["boundary_union"].any()
    assert (counts["intersection"] == counts["pixels"]).all()


def test_boundary_iou_sees_what_iou_hardly_does():
    truth = np.zeros((200, 200), np.uint8)
    truth[50:150, 50:150] = 1
    _, thing = image_counts(np.roll(truth, 2, axis=1), truth, 2).astype(float)
    assert thing[1] / thing[2] > 0.95 and thing[3] / thing[4] < 0.8
