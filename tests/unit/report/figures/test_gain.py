"""The gain: a dot for each seed, mean and spread in words; over the fairest supervised variant, with its interval."""

import pytest

from semiproto.report.figures import gain
from semiproto.report.verdict import compare

LONGER = "supervised-equal-compute"


def test_gain_has_a_dot_for_each_seed(results_of, three_variants):
    axes, _ = gain.draw(results_of(three_variants)).axes
    dots = [sorted(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert dots == [[50, 52, 54], [50, 60, 70], [63, 64, 65]]
    assert [text.get_text() for text in axes.texts] == ["52.0 ± 2.0", "60.0 ± 10.0", "64.0 ± 1.0"]


def test_gain_without_a_score_says_so(results_of, texts_of):
    figure = gain.draw(results_of({"supervised": [None], "prototype": [60.0]}))
    assert texts_of(figure)[:3] == ["no score", "60.0 (one seed)", "no score of both over supervised"]


@pytest.mark.parametrize(
    ("variant", "base"),
    [("unimatch", f"{LONGER}-unimatch"), ("unimatch-prototype", f"{LONGER}-unimatch"), ("prototype", LONGER)],
)
def test_the_base_is_the_control_with_as_much_compute(variant, base):
    known = ["supervised", LONGER, f"{LONGER}-unimatch"]
    assert gain.base_of(variant, known) == base
    assert gain.base_of(variant, known[:1]) == "supervised" and gain.base_of(variant, ["unimatch"]) == ""


def test_the_interval_is_that_of_the_verdict_and_controls_have_none(results_of):
    scores = {"supervised": [50.0, 52.0], LONGER: [51.0, 54.0], "consistency": [55.0, 60.0]}
    shown = results_of(scores | {"consistency-equal-loss": [55.0, 61.0], "unimatch": [40.0, 41.0]})
    _, axes = gain.draw(shown).axes
    said = [text.get_text() for text in axes.texts]
    assert said == [f"+5.0 over {LONGER}", f"−12.0 over {LONGER}", "+24.3", "+12.4"]
    more, less = ([run for run in shown.runs if run.variant == name] for name in ("consistency", LONGER))
    low, high = compare(more, less).gains.interval()
    row = shown.variants.index("consistency")
    assert [low[0], high[0]] in [list(line.get_xdata()) for line in axes.lines if list(line.get_ydata()) == [row, row]]
