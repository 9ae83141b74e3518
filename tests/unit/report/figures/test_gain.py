"""The gain: a dot for each seed, mean and spread in words."""

from semiproto.report.figures import gain


def test_gain_has_a_dot_for_each_seed(results_of, three_variants):
    (axes,) = gain.draw(results_of(three_variants)).axes
    dots = [sorted(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert dots == [[50, 52, 54], [50, 60, 70], [63, 64, 65]]
    assert [text.get_text() for text in axes.texts] == ["52.0 ± 2.0", "60.0 ± 10.0", "64.0 ± 1.0"]


def test_gain_without_a_score_says_so(results_of, texts_of):
    figure = gain.draw(results_of({"supervised": [None], "prototype": [60.0]}))
    assert texts_of(figure) == ["no score", "60.0 (one seed)"]
