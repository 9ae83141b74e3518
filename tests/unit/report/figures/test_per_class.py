"""The bars are the classes' scores, in the variants' colours."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.container import BarContainer

from semiproto.report.drawing import style
from semiproto.report.figures import per_class


def test_a_variant_keeps_its_colour(results_of):
    (axes,) = per_class.draw(results_of({"prototype": [60.0], "mine": [61.0], "yours": [62.0]})).axes
    bars = [bars for bars in axes.containers if isinstance(bars, BarContainer)]
    colours = {own.get_label(): own.patches[0].get_facecolor()[:3] for own in bars}
    assert colours["prototype"] == to_rgb(style.VARIANT_COLOURS["prototype"])
    assert len(set(colours.values())) == 3


def test_bars_are_the_classes_scores(results_of):
    (axes,) = per_class.draw(results_of({"prototype": [60.0, 61.0]})).axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights[:2] == [70.5, 50.5]
    assert np.isnan(heights[2])  # neither shown nor predicted
    assert [label.get_text() for label in axes.get_xticklabels()] == ["background", "cat", "None"]
    assert [(text.get_text(), text.get_position()[0]) for text in axes.texts] == [("not in the images", 2)]


@pytest.mark.parametrize(("classes", "variants", "rows"), [(3, 1, 1), (21, 12, 6), (200, 3, 12), (254, 30, 51)])
def test_many_classes_are_in_rows_that_fit_a_page(classes, variants, rows):
    names = [f"class{index}" for index in range(classes)]
    found = per_class._rows(names, variants)
    assert len(found) == rows and [name for row in found for name in row] == names


def test_every_class_of_every_row_is_drawn(results_of, monkeypatch):
    monkeypatch.setattr(per_class, "WIDEST", 0.6 + 2.5 * per_class.BAR)
    figure = per_class.draw(results_of({"prototype": [60.0]}))
    labels = [[label.get_text() for label in axes.get_xticklabels()] for axes in figure.axes]
    assert labels == [["background", "cat"], ["None"]]
    assert len(figure.legends[0].get_texts()) == 1
