"""What the figures show, read back from their axes, and that they are the same bytes each time."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.container import BarContainer
from PIL import Image

from semiproto.analysis import figures
from semiproto.analysis.evaluations import read_evaluations, read_table
from semiproto.analysis.tables import tables as write_tables
from semiproto.data.layout import voc_palette
from semiproto.errors import UserError

NAMES = ("curves", "gain", "per_class", "samples", "tsne")


@pytest.fixture
def block_of(results):
    """Writes runs and makes of them what a figure is drawn from."""

    def make(scores, tsne=None):
        folders = results.grid(scores)
        write_tables(folders, results.tables)
        names = ("runs", "per_class", "validation", "history")
        tables = {name: read_table(results.tables / f"{name}.csv") for name in names}
        return figures.Block(read_evaluations(folders), tables, tsne, results.data())

    return make


def draw(results, scores, out, tsne=()):
    folders = results.grid(scores)
    write_tables(folders, results.tables)
    figures.figures(results.tables, folders, list(tsne), results.data(), out)
    return folders


def test_same_input_same_bytes(results, three_variants):
    folders = draw(results, three_variants, results.root / "one", [results.tsne(["supervised", "prototype"])])
    tsne = results.root / "tsne" / "digits" / "30" / "seed0"
    figures.figures(results.tables, folders, [tsne], results.root / "raw", results.root / "two")
    files = sorted((results.root / "one").iterdir())
    assert [file.name for file in files] == [f"{name}.{kind}" for name in NAMES for kind in ("pdf", "png")]
    for file in files:
        assert file.read_bytes() == (results.root / "two" / file.name).read_bytes()
    with Image.open(results.root / "one" / "gain.png") as image:
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)


def test_several_splits_have_their_own_figures(results, monkeypatch):
    monkeypatch.setattr(figures, "_FIGURES", {"gain": figures.gain})
    folders = results.grid({"prototype": [60.0]}) + results.grid({"prototype": [70.0]}, split="all")
    write_tables(folders, results.tables)
    figures.figures(results.tables, folders, [], results.data(), results.root / "out")
    names = [file.name for file in sorted((results.root / "out").iterdir())]
    assert names == ["gain-30.pdf", "gain-30.png", "gain-all.pdf", "gain-all.png"]
    assert (results.root / "out" / "gain-30.png").read_bytes() != (results.root / "out" / "gain-all.png").read_bytes()


def test_a_second_data_set_is_refused(results):
    folders = [results.run("prototype", 0, 60.0), results.run("prototype", 1, 60.0, dataset="voc")]
    write_tables(folders, results.tables)
    with pytest.raises(UserError, match="figures show one data set"):
        figures.figures(results.tables, folders, [], results.data(), results.root / "out")


def test_curves_show_means_over_seeds(block_of, three_variants):
    left, right = figures.curves(block_of(three_variants)).axes
    supervised = left.lines[0]
    assert supervised.get_xydata().tolist() == [[500, 41.5], [1000, 51.5]]  # of 40.5, 41.5, 42.5 and 50.5, ...
    band = left.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (40.5, 52.5)
    shown = [line.get_xydata().tolist() for line in right.lines if len(line.get_xdata())]
    assert shown == [[[10, 25], [20, 75]]] * 2  # consistency and prototype, in percent


def test_curves_without_pseudo_labels_say_so(block_of):
    _, right = figures.curves(block_of({"supervised": [50.0]})).axes
    assert "no variant with pseudo-labels was run" in [text.get_text() for text in right.texts]


def test_gain_has_a_dot_for_each_seed(block_of, three_variants):
    (axes,) = figures.gain(block_of(three_variants)).axes
    dots = [sorted(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert dots == [[50, 52, 54], [50, 60, 70], [63, 64, 65]]
    assert [text.get_text() for text in axes.texts] == ["52.0 ± 2.0", "60.0 ± 10.0", "64.0 ± 1.0"]


def test_gain_without_a_score_says_so(block_of):
    (axes,) = figures.gain(block_of({"supervised": [None], "prototype": [60.0]})).axes
    assert [text.get_text() for text in axes.texts] == ["no score", "60.0 (one seed)"]


def test_a_variant_keeps_its_colour(block_of):
    block = block_of({"prototype": [60.0], "mine": [61.0], "yours": [62.0]})
    (axes,) = figures.per_class(block).axes
    bars = [bars for bars in axes.containers if isinstance(bars, BarContainer)]
    colours = {own.get_label(): own.patches[0].get_facecolor()[:3] for own in bars}
    assert colours["prototype"] == to_rgb(figures.COLOURS["prototype"])
    assert len(set(colours.values())) == 3


def test_bars_are_the_classes_scores(block_of):
    (axes,) = figures.per_class(block_of({"prototype": [60.0, 61.0]})).axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights[:2] == [80.5, 60.0]
    assert np.isnan(heights[2])  # neither shown nor predicted
    assert [label.get_text() for label in axes.get_xticklabels()] == ["background", "cat", "None"]


def test_samples_show_truth_predictions_and_errors(block_of, three_variants):
    figure = figures.samples(block_of(three_variants))
    shown = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
    assert len(shown) == 2 * 6
    assert [image.shape[:2] for image in shown] == [(16, 24)] * 6 + [(20, 12)] * 6
    titles = [axes.get_title().replace("\n", " ") for axes in figure.axes[:6]]
    assert titles[1:] == ["truth", "supervised seed 0", "consistency seed 0", "prototype seed 0", "prototype's errors"]
    palette = voc_palette()
    assert shown[1][0, 0].tolist() == palette[255].tolist()
    assert shown[1][0, 5].tolist() == palette[1].tolist()
    assert shown[4][0, 5].tolist() == palette[0].tolist()
    for errors, expected in ((shown[5], figures.WRONG), (shown[11], figures.RIGHT)):  # image a is wrong, b is right
        np.testing.assert_allclose(errors[:, 3:], np.broadcast_to(to_rgb(expected), errors[:, 3:].shape))
        np.testing.assert_allclose(errors[:, :3], np.broadcast_to(palette[255] / 255, errors[:, :3].shape))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["background", "cat", "None", "void, not scored", "right", "wrong"]


def test_samples_without_prototype_have_no_error_map(block_of):
    figure = figures.samples(block_of({"supervised": [50.0]}))
    assert [axes.get_title() for axes in figure.axes[:3]] == ["image", "truth", "supervised\nseed 0"]
    assert len(figure.axes) == 2 * 3


def test_a_missing_truth_is_named(block_of, results):
    block = block_of({"prototype": [60.0]})
    (results.root / "raw" / "SegmentationClass" / "b.png").unlink()
    with pytest.raises(UserError, match=r"SegmentationClass/b\.png: no such mask"):
        figures.samples(block)


def test_no_samples_are_said(block_of, results):
    block = block_of({"prototype": [60.0]})
    for path in results.root.glob("eval/**/predictions/*.png"):
        path.unlink()
    assert "No sample predictions were kept" in figures.samples(block).texts[0].get_text()


def test_tsne_has_a_panel_for_each_variant(block_of, results):
    block = block_of({"prototype": [60.0]}, results.tsne(["prototype", "supervised"]))
    panels = figures.tsne(block).axes
    assert [panel.get_title() for panel in panels] == ["supervised", "prototype"]
    assert panels[0].get_xlabel() == "silhouette 0.25\nwithin/between not known"
    cat = panels[0].collections[1]
    assert len(cat.get_offsets()) == 4
    assert tuple(cat.get_facecolor()[0][:3]) == tuple(voc_palette()[1] / 255)


def test_tsne_that_was_not_run_is_said(block_of):
    assert "not run" in figures.tsne(block_of({"prototype": [60.0]})).texts[0].get_text()


def test_the_first_seed_of_the_split_is_projected(results):
    folders = [results.tsne(["prototype"], seed) for seed in (10, 9)]
    assert figures._first_seed(folders, "digits", "30") == folders[1]
    assert figures._first_seed(folders, "digits", "60") is None
