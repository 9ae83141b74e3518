"""Class frequencies, class weights and repeat factors against loops."""

import math
import statistics

import numpy as np
import pytest

from semiproto.data.dataset import Images
from semiproto.data.frequencies import class_pixels, median_frequency_weights, repeat_factors
from semiproto.data.layout import MASKS, read_mask


def drawn(seed, images=9, classes=5):
    """Pixels of each class in each image; the last class is in none, the one before it in the first alone."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(1, 2000, (images, classes)) * (rng.random((images, classes)) < 0.6)
    pixels[:, 0] = rng.integers(4000, 9000, images)
    pixels[1:, -2], pixels[0, -2], pixels[:, -1] = 0, 3, 0
    return pixels


def test_pixels_of_each_class_in_each_mask(digits_root, ids):
    found = class_pixels(Images(digits_root, ids["train"]), 7)
    for row, image_id in zip(found, ids["train"], strict=True):
        mask = read_mask(digits_root / MASKS / f"{image_id}.png")
        assert row.tolist() == [int((mask == c).sum()) for c in range(7)]


def test_void_pixels_are_in_no_class(voided):
    found, mask = class_pixels(voided, 7), voided.mask(0)
    assert (mask == 255).any() and found[0].sum() == (mask != 255).sum()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("largest", [1.0, 3.0, 1000.0])
def test_weights_equal_a_loop(seed, largest):
    pixels = drawn(seed)
    frequencies = {}
    for c in range(pixels.shape[1]):
        showing = [row for row in pixels.tolist() if row[c]]
        if showing:
            frequencies[c] = sum(row[c] for row in showing) / sum(sum(row) for row in showing)
    median = statistics.median(frequencies.values())
    found = median_frequency_weights(pixels, largest)
    for c, weight in enumerate(found):
        expected = min(largest, max(1 / largest, median / frequencies[c])) if c in frequencies else 1
        assert weight == pytest.approx(expected)
    assert found[-2] == min(largest, found.max()) and found[0] == found.min()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("threshold", [0.001, 0.3, 0.5, 1.0])
def test_repeat_factors_equal_a_loop(seed, threshold):
    pixels = drawn(seed)
    expected = []
    for row in pixels:
        factors = [1.0]
        for c, count in enumerate(row):
            if count:
                share = sum(other[c] > 0 for other in pixels) / len(pixels)
                factors.append(max(1, math.sqrt(threshold / share)))
        expected.append(max(factors))
    found = repeat_factors(pixels, threshold)
    assert found.tolist() == pytest.approx(expected)
    assert (found > 1).any() == (threshold > 1 / len(pixels))


def test_an_image_of_void_alone_is_drawn_once():
    assert repeat_factors(np.array([[4, 0], [0, 0], [2, 1]]), 1.0)[1] == 1
