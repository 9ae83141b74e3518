"""Regions and their outlines, on random masks: nothing is lost, and corners connect nothing."""

import numpy as np
import pytest
from hard_masks import hard_mask
from scipy import ndimage

from semiproto.deploy.exchange.regions import EIGHT, enclosed, regions

RANDOM = [np.random.default_rng(seed).integers(0, 3, (seed + 1, 23 - seed), dtype=np.uint8) for seed in range(20)]
MASKS = [*RANDOM, hard_mask()]


def even_odd(loops, height, width):
    """Pixels whose middle has an odd number of upright edges on its left."""
    crossings = np.zeros((height, width + 1), int)
    for loop in loops:
        for (x, y), (x2, y2) in zip(loop.corners, np.roll(loop.corners, -1, axis=0), strict=True):
            assert (x == x2) != (y == y2)
            crossings[min(y, y2) : max(y, y2), x] += int(x == x2)
    return crossings.cumsum(axis=1)[:, :width] % 2 == 1


@pytest.mark.parametrize("structure", [None, EIGHT])
@pytest.mark.parametrize("mask", MASKS)
def test_regions_share_the_pixels_of_their_classes_out(mask, structure):
    found = regions(mask, [1, 2], structure)
    again = np.zeros_like(mask)
    for region in found:
        assert not again[region.place()][region.inside].any()
        again[region.place()][region.inside] = region.index
    np.testing.assert_array_equal(again, np.where(mask == 3, 0, mask))
    assert len(found) == sum(ndimage.label(mask == index, structure)[1] for index in (1, 2))


@pytest.mark.parametrize("mask", MASKS)
def test_outlines_enclose_their_region(mask):
    for region in regions(mask, [0, 1, 2]):
        outline, *holes = region.loops
        whole = np.zeros_like(mask, bool)
        whole[region.place()] = region.inside
        np.testing.assert_array_equal(even_odd(region.loops, *mask.shape), whole)
        assert outline.area() > 0 and all(hole.area() < 0 for hole in holes)
        assert outline.area() + sum(hole.area() for hole in holes) == region.inside.sum()
        assert outline.area() == region.filled.sum()
        assert all(whole[y, x] for loop in region.loops for x, y in loop.middles())


def test_only_what_lies_in_a_hole_is_enclosed():
    mask = hard_mask()
    inner = enclosed(regions(mask, [0]), regions(mask, [1, 2, 3]), mask.shape)
    assert sorted((region.top, region.left) for region in inner) == [(3, 4), (28, 14)]
