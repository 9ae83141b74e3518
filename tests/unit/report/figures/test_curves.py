"""The curves are means over seeds, and a panel without numbers says so."""

import numpy as np

from semiproto.report.drawing.results import read_health
from semiproto.report.drawing.style import class_colour
from semiproto.report.figures import curves


def test_curves_show_means_over_seeds(results_of, three_variants, results):
    shown = results_of(three_variants)
    shown.tables.update(read_health([results.health("prototype", seed) for seed in (0, 1)], shown.runs))
    left, middle, right, foreground, precision, coverage = curves.draw(shown).axes
    assert left.lines[0].get_xydata().tolist() == [[500, 41.5], [1000, 51.5]]  # of 40.5, 41.5, 42.5 and 50.5, ...
    band = left.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (40.5, 52.5)
    shown = [line.get_xydata() for line in middle.lines if len(line.get_xdata())]
    np.testing.assert_allclose(shown, [[[10, 55], [20, 75]]])  # 0.4 of 25 % and 0.6 of 75 %, then all of 75 %
    shown = [line.get_xydata().tolist() for line in right.lines if len(line.get_xdata())]
    assert shown == [[[10, 25], [20, 75]]] * 2  # consistency and prototype, in percent
    assert [line.get_xydata().tolist() for line in foreground.lines] == [[[1000, 80]]] * 3
    assert precision.get_title() == "Right by class, prototype"
    shown = {line.get_label(): line.get_xydata().tolist() for line in coverage.lines}
    assert shown == {"background": [[20, 50]], "cat": [[20, 50]], "None": []}  # of 25 % and 75 %; without a pixel
    assert [line.get_color() for line in coverage.lines] == [class_colour(index) for index in range(3)]


def test_curves_without_pseudo_labels_say_so(results_of, texts_of):
    assert texts_of(curves.draw(results_of({"supervised": [50.0]}))) == ["no variant has\na number for it"] * 4


def test_curves_of_supervised_runs_alone_are_drawn(results_of, results):
    """Their health has pseudo-labels of no class: lines without a point."""
    shown = results_of({"supervised": [50.0, 60.0]})
    shown.tables.update(read_health([results.health("supervised", seed) for seed in (0, 1)], shown.runs))
    classes = shown.tables["pseudo_labels"]
    shown.tables["pseudo_labels"] = classes.assign(**{"class": "of another set"})
    assert all(np.isfinite(axes.get_ylim()).all() for axes in curves.draw(shown).axes)
