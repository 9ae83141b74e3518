"""Classes and colours as tools tell them apart."""

import numpy as np
import pytest

from semiproto.data.layout import voc_palette
from semiproto.deploy.exchange.predictions import Predictions, distinct


@pytest.mark.parametrize("first", ["background", "_background_", "Background"])
def test_background_is_not_drawn(first):
    predictions = Predictions([], [first, "cat"], voc_palette()[:2])
    assert predictions.background == 0 and predictions.drawn() == [1]


def test_without_background_all_classes_are_drawn():
    predictions = Predictions([], ["road", "sky"], voc_palette()[:2])
    assert predictions.background is None and predictions.drawn() == [0, 1]


def test_colours_of_a_palette_that_tells_all_apart_are_kept():
    palette = np.array([(9, 9, 9), (250, 50, 83), (51, 221, 255)], np.uint8)
    assert distinct(["background", "a", "b"], palette).tolist() == [[0, 0, 0], [250, 50, 83], [51, 221, 255]]
    assert distinct(["road", "a", "b"], palette).tolist() == palette.tolist()


@pytest.mark.parametrize("palette", [[(0, 0, 0), (9, 9, 9), (9, 9, 9)], [(1, 1, 1), (0, 0, 0), (9, 9, 9)]])
def test_colours_that_two_classes_share_give_way_to_vocs(palette):
    assert distinct(["background", "a", "b"], np.array(palette, np.uint8)).tolist() == voc_palette()[:3].tolist()
    assert distinct(["road", "a", "b"], np.array(palette, np.uint8)).tolist() == voc_palette()[1:4].tolist()


def test_254_classes_have_a_colour_each():
    colours = distinct([f"class{n}" for n in range(254)], np.zeros((254, 3), np.uint8))
    assert len(np.unique(colours, axis=0)) == 254 and colours.any(axis=1).all()
