"""The feature spaces: a panel for each variant, the numbers over seeds."""

from semiproto.report.drawing import style
from semiproto.report.figures import tsne


def test_tsne_has_a_panel_for_each_variant_and_the_numbers_over_seeds(results_of, results, texts_of):
    folders = [results.tsne(["prototype", "supervised"], seed) for seed in (0, 1)]
    figure = tsne.draw(results_of({"prototype": [60.0]}, folders))
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [panel.get_title() for panel in panels] == ["supervised, seed 0", "prototype, seed 0"]
    cat = panels[0].collections[2]  # pixels and prototypes of each class in turn
    assert len(cat.get_offsets()) == 4
    assert tuple(cat.get_facecolor()[0][:3]) == style.class_colour(1)
    assert len(panels[0].collections[3].get_offsets()) == 1
    said = texts_of(figure)
    for text in ("0.55 ± 0.07", "0.75 ± 0.00", "0.40 ± 0.00", "0.25 ± 0.00", "not known", "no pixel"):
        assert text in said, text


def test_tsne_that_was_not_run_is_said(results_of, texts_of):
    assert "not run" in texts_of(tsne.draw(results_of({"prototype": [60.0]})))[0]
