"""What the figures show, read back from their axes, and that they are the same bytes each time."""

import json
import subprocess
import sys

import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.container import BarContainer
from PIL import Image

from semiproto.errors import UserError
from semiproto.provenance.artifacts import RECEIPT_FIELDS
from semiproto.report import style as drawing
from semiproto.report.evaluations import read_evaluations, read_table
from semiproto.report.figures import charts, gallery
from semiproto.report.figures import registry as figures
from semiproto.report.figures import tsne as spaces
from semiproto.report.tables import tables as write_tables


@pytest.fixture
def block_of(results):
    """Writes runs and makes of them what a figure is drawn from."""

    def make(scores, tsne=(), patches=None):
        folders = results.grid(scores)
        write_tables(folders, results.tables)
        tables = {name: read_table(results.tables / f"{name}.csv") for name in figures.TABLES}
        tables |= figures._health([], [])
        return drawing.Block(read_evaluations(folders), tables, results.data(), list(tsne), patches)

    return make


def sources(results, folders, **others):
    write_tables(folders, results.tables)
    return figures.Sources(results.tables, folders, results.root / "raw", **others)


def words(figure):
    """All that is written in a figure's axes and beside them."""
    own = [text.get_text() for axes in figure.axes for text in axes.texts]
    return own + [text.get_text() for text in figure.texts]


# ------------------------------------------------------------------------------------------------ the files


def test_same_input_same_bytes_and_no_torch(results, three_variants):
    """As the command draws them, twice, each in a process of its own that never loads torch."""
    folders = results.grid(three_variants)
    results.data().rename(results.root / "files")
    write_tables(folders, results.tables)
    options = [f"--evaluation={folder}" for folder in folders]
    options += [f"--tsne={results.tsne(['supervised', 'prototype'])}", f"--patches={results.patches()}"]
    options += [f"--health={results.health('prototype')}", f"--tables={results.tables}", f"--data={results.root}"]
    others = ("", "tables", "tsne/digits/30/seed0", "patches/digits/30/prototype/seed0")
    for folder in [*folders, *(results.root / other for other in others)]:
        (folder / "receipt.json").write_text(json.dumps({name: {} for name in RECEIPT_FIELDS}))
    code = "import sys; from semiproto import cli; cli.app(standalone_mode=False); assert 'torch' not in sys.modules"
    for out in ("one", "two"):
        command = [sys.executable, "-c", code, "figures", *options, f"--out={results.root / out}"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    files = sorted(path.name for path in (results.root / "one").iterdir() if path.name != "receipt.json")
    names = sorted(("method", "labels", *figures.OF_A_SPLIT))
    assert files == [f"{name}.{kind}" for name in names for kind in ("pdf", "png")]
    for file in files:
        assert (results.root / "one" / file).read_bytes() == (results.root / "two" / file).read_bytes(), file
    with Image.open(results.root / "one" / "gain.png") as image:
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)


def test_several_splits_have_their_own_figures(results, monkeypatch):
    monkeypatch.setattr(figures, "OF_A_SPLIT", {"gain": charts.gain})
    folders = results.grid({"prototype": [60.0]}) + results.grid({"prototype": [70.0]}, split="all")
    figures.figures(sources(results, folders), results.root / "out")
    names = [file.name for file in sorted((results.root / "out").glob("*.png"))]
    assert names == ["gain-30.png", "gain-all.png", "labels.png", "method.png"]
    assert (results.root / "out" / "gain-30.png").read_bytes() != (results.root / "out" / "gain-all.png").read_bytes()


def test_a_second_data_set_is_refused(results):
    folders = [results.run("prototype", 0, 60.0), results.run("prototype", 0, 60.0, "60", dataset="voc")]
    with pytest.raises(UserError, match="figures show one data set"):
        figures.figures(sources(results, folders), results.root / "out")


def test_little_was_run(results):
    """One variant, one seed, no score, no t-SNE, no prototypes: every figure is made."""
    results.data()
    figures.figures(sources(results, [results.run("supervised", 0, None)]), results.root / "out")
    assert len(list((results.root / "out").glob("*.png"))) == 2 + len(figures.OF_A_SPLIT)


@pytest.mark.filterwarnings("error")
def test_numbers_that_are_missing_are_said_and_not_made_up(block_of, results):
    """A run that diverged: no score, no coverage, no pixel in any bin, no feature to compare, no pixel won."""
    tsne, patches = results.tsne(["prototype"]), results.patches()
    (tsne / "compactness.csv").write_text("variant,space,class,silhouette,within_between\nprototype,plane,all,,\n")
    shares = pd.read_csv(patches / "prototypes.csv", keep_default_na=False).assign(pixels=0, right="")
    shares.to_csv(patches / "prototypes.csv", index=False)
    block = block_of({"supervised": [50.0], "prototype": [None]}, [tsne], patches)
    for name, columns in {"history": ["coverage"], "calibration": ["confidence", "accuracy"]}.items():
        block.tables[name][columns] = np.nan
    block.tables["calibration"]["pixels"] = 0
    assert words(charts.gain(block)) == ["50.0 (one seed)", "no score"]
    assert words(charts.curves(block)) == ["no variant has\na number for it"] * 4
    assert all(len(line.get_xdata()) == 0 for line in charts.calibration(block).axes[1].lines)
    said = words(spaces.tsne(block))
    assert "not known" in said and "no pixel" in said
    assert words(gallery.patches(block))[1] == "labelled: no pixel, right: no pixel\nunlabelled: no pixel"
    for draw in figures.OF_A_SPLIT.values():
        draw(block).draw_without_rendering()


def test_the_parts_of_a_split_are_found(results):
    folders = results.grid({"prototype": [60.0]}) + results.grid({"prototype": [70.0]}, split="60")
    tsne = [results.tsne(["prototype"], seed) for seed in (10, 9)]
    given = sources(results, folders, tsne=tsne, patches=[results.patches()])
    tables = {"runs": read_table(results.tables / "runs.csv")}
    block, other = (figures._block(given, tables, [run]) for run in read_evaluations(folders))
    assert block.tsne == [tsne[1], tsne[0]] and block.patches == given.patches[0]
    assert other.tsne == [] and other.patches is None
    assert list(block.tables["runs"]["miou"]) == [60] and list(other.tables["runs"]["miou"]) == [70]


# ----------------------------------------------------------------------------------------------- the charts


def test_curves_show_means_over_seeds(block_of, three_variants, results):
    block = block_of(three_variants)
    block.tables.update(figures._health([results.health("prototype", seed) for seed in (0, 1)], block.runs))
    left, middle, right, foreground, precision, coverage = charts.curves(block).axes
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
    assert [line.get_color() for line in coverage.lines] == [drawing.class_colour(index) for index in range(3)]


def test_curves_without_pseudo_labels_say_so(block_of):
    assert words(charts.curves(block_of({"supervised": [50.0]}))) == ["no variant has\na number for it"] * 4


def test_labels_show_means_spread_and_what_was_published(results):
    folders = [
        results.run("prototype", s, m, n)
        for n, ms in {"92": (60.0, 64.0), "183": (70.0,)}.items()
        for s, m in enumerate(ms)
    ]
    write_tables(folders, results.tables)
    runs = read_table(results.tables / "runs.csv")
    published = pd.DataFrame({"labels": [92.0, 366.0], "method": "its released checkpoints", "variant": "prototype"})
    figure = charts.labels(runs, published.assign(published=[70.06, 77.16], note=np.nan))
    (axes,) = figure.axes
    container = axes.containers[0]
    assert container.lines[0].get_xydata().tolist() == [[92, 62], [183, 70]]
    low, high = container.lines[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((62 - 8**0.5, 62 + 8**0.5))
    dotted = next(line for line in axes.lines if line.get_label().startswith("its released"))
    assert dotted.get_xydata().tolist() == [[92, 70.06], [366, 77.16]]
    assert dotted.get_color() == container.lines[0].get_color()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["92", "183", "366"]
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= legend.x0 and legend.x1 <= figure.bbox.x1  # with names as long as the published ones'


def test_labels_say_why_nothing_published_is_shown(block_of):
    block = block_of({"prototype": [60.0]})
    (axes,) = charts.labels(block.tables["runs"], block.tables["published"]).axes
    assert "no published curve: nobody published results on these images" in axes.get_xlabel()


def test_gain_has_a_dot_for_each_seed(block_of, three_variants):
    (axes,) = charts.gain(block_of(three_variants)).axes
    dots = [sorted(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert dots == [[50, 52, 54], [50, 60, 70], [63, 64, 65]]
    assert [text.get_text() for text in axes.texts] == ["52.0 ± 2.0", "60.0 ± 10.0", "64.0 ± 1.0"]


def test_gain_without_a_score_says_so(block_of):
    assert words(charts.gain(block_of({"supervised": [None], "prototype": [60.0]}))) == ["no score", "60.0 (one seed)"]


def test_a_variant_has_the_colour_of_its_base_unless_that_is_taken():
    colours = drawing.variant_colours(["supervised-long", "prototype-long", "supervised-equal-compute", "other"])
    assert colours["prototype-long"] == colours["prototype"] and colours["supervised-long"] == colours["supervised"]
    colours = drawing.variant_colours(["prototype", "prototype-long", "consistency-a", "consistency-b", "other"])
    drawn = [colours[v] for v in ("prototype", "prototype-long", "consistency-a", "consistency-b")]
    assert len(set(drawn)) == 4 and colours["other"] in drawing.OTHER_COLOURS


def test_a_variant_keeps_its_colour(block_of):
    (axes,) = charts.per_class(block_of({"prototype": [60.0], "mine": [61.0], "yours": [62.0]})).axes
    bars = [bars for bars in axes.containers if isinstance(bars, BarContainer)]
    colours = {own.get_label(): own.patches[0].get_facecolor()[:3] for own in bars}
    assert colours["prototype"] == to_rgb(drawing.VARIANT_COLOURS["prototype"])
    assert len(set(colours.values())) == 3


def test_bars_are_the_classes_scores(block_of):
    (axes,) = charts.per_class(block_of({"prototype": [60.0, 61.0]})).axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights[:2] == [70.5, 50.5]
    assert np.isnan(heights[2])  # neither shown nor predicted
    assert [label.get_text() for label in axes.get_xticklabels()] == ["background", "cat", "None"]
    assert [(text.get_text(), text.get_position()[0]) for text in axes.texts] == [("not in the images", 2)]


def test_calibration_pools_the_seeds(block_of):
    block = block_of({"prototype": [60.0, 61.0]})
    bins = {"low": [0.0, 0.5, 0.0, 0.5], "pixels": [10, 30, 0, 10], "accuracy": [0.2, 0.8, np.nan, 0.4]}
    table = pd.DataFrame(bins | {"confidence": [0.4, 0.9, np.nan, 0.7], "variant": "prototype"})
    block.tables["calibration"] = table
    left, right = charts.calibration(block).axes
    np.testing.assert_allclose(left.lines[1].get_xydata(), [[40, 20], [85, 70]])  # (30 * 0.8 + 10 * 0.4) / 40 right
    precision, coverage = right.lines
    np.testing.assert_allclose(precision.get_xydata(), [[50, 70], [0, 60]])  # 28 of 40, then 30 of 50
    np.testing.assert_allclose(coverage.get_xydata(), [[50, 80], [0, 100]])


# ----------------------------------------------------------------------------------------------- the images


def test_samples_show_truth_predictions_and_errors(block_of, three_variants):
    figure = gallery.samples(block_of(three_variants))
    shown = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
    assert [image.shape[:2] for image in shown] == [(16, 24)] * 6 + [(20, 12)] * 6
    titles = [axes.get_title().replace("\n", " ") for axes in figure.axes[:6]]
    assert titles[1:] == ["truth", "supervised seed 0", "consistency seed 0", "prototype seed 0", "prototype's errors"]
    np.testing.assert_allclose(shown[1][0, 0], drawing.VOID)
    np.testing.assert_allclose(shown[1][0, 5], drawing.class_colour(1))
    np.testing.assert_allclose(shown[4][0, 5], drawing.class_colour(0))
    for errors, expected in ((shown[5], gallery.WRONG), (shown[11], gallery.RIGHT)):  # image a is wrong, b is right
        np.testing.assert_allclose(errors[:, 3:], np.broadcast_to(to_rgb(expected), errors[:, 3:].shape))
        np.testing.assert_allclose(errors[:, :3], np.broadcast_to(drawing.VOID, errors[:, :3].shape))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["background", "cat", "None", "void, not scored", "right", "wrong"]
    assert "best\n+13.0" in words(figure)
    rule = "by the gain of prototype over supervised in the mIoU of the image's own classes, points."
    assert f"Best, median and worst {rule}" in words(figure)


def test_samples_of_one_variant_have_no_error_map(block_of):
    figure = gallery.samples(block_of({"supervised": [50.0]}))
    assert [axes.get_title() for axes in figure.axes[:3]] == ["image", "truth", "supervised\nseed 0"]
    assert len(figure.axes) == 2 * 3


def test_best_median_and_worst_are_chosen_by_the_gain(results):
    folders = [results.run(variant, 0, 50.0) for variant in ("supervised", "prototype")]
    header = "image,class,pixels,intersection,union,boundary_intersection,boundary_union\n"
    gains = {f"i{n}": n for n in (3, 0, 7, 5, 1, 2, 6, 4)}
    for folder, better in zip(folders, (0, 1), strict=True):
        rows = [f"{i},cat,100,{10 + better * 2 * n},100,0,0\n{i},dog,0,0,50,0,0\n" for i, n in gains.items()]
        (folder / "images.csv").write_text(header + "".join(rows))
    chosen, rule = gallery.chosen_images(read_evaluations(folders))
    kinds = ["best", "best", "median", "median", "worst", "worst"]
    assert chosen == list(zip(kinds, ("i7", "i6", "i4", "i3", "i1", "i0"), (14, 12, 8, 6, 2, 0), strict=True))
    assert rule == "by the gain of prototype over supervised in the mIoU of the image's own classes, points"


def test_a_missing_truth_or_prediction_is_named(block_of, results):
    block = block_of({"prototype": [60.0]})
    (results.root / "raw" / "SegmentationClass" / "b.png").rename(results.root / "b.png")
    with pytest.raises(UserError, match=r"SegmentationClass/b\.png: no such mask"):
        gallery.samples(block)
    (results.root / "b.png").rename(results.root / "raw" / "SegmentationClass" / "b.png")
    (block.runs[0].folder / "predictions" / "a.png").unlink()
    with pytest.raises(UserError, match=r"predictions/a\.png: no such mask"):
        gallery.samples(block)


def test_no_scored_image_is_said(block_of):
    block = block_of({"prototype": [60.0]})
    (block.runs[0].folder / "images.csv").write_text("image,class,pixels,intersection,union\n")
    assert words(gallery.samples(block)) == ["No validation image has a score."]


def test_regions_are_named_at_their_deepest_pixel():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:21, 5:16], mask[25:36, 40:51], mask[0, 0] = 1, 1, 2
    assert gallery.regions(mask, ["background", "cat", "speck"]) == [("cat", 15, 10), ("cat", 30, 45)]


def test_large_images_are_made_small(monkeypatch):
    monkeypatch.setattr(gallery, "SIDE", 10)
    mask = np.repeat(np.repeat(np.arange(6, dtype=np.uint8).reshape(2, 3), 7, 0), 7, 1)  # 14 x 21: every third pixel
    assert gallery._small(mask).tolist() == [[0, 0, 1, 1, 1, 2, 2], [0, 0, 1, 1, 1, 2, 2]] + [[3, 3, 4, 4, 4, 5, 5]] * 3
    picture = np.dstack([mask] * 3) * 50
    assert gallery._small(picture).shape == (5, 7, 3)


def test_patches_have_a_row_for_each_prototype(block_of, results):
    figure = gallery.patches(block_of({"prototype": [60.0]}, patches=results.patches(size=4)))
    assert len(figure.axes) == 3 * 3  # words, labelled and unlabelled for each class
    assert [axes.get_title() for axes in figure.axes[1:3]] == ["labelled images", "unlabelled images"]
    strips = [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
    assert {strip.shape for strip in strips} == {(8, 12, 3)}
    assert [strip[0, 0].tolist() for strip in strips[:2]] == [[255, 0, 0], [0, 0, 255]]
    assert words(figure)[:3] == [
        "background",
        "labelled: 75 %, right: 50 %\nunlabelled: no pixel",
        "labelled: 25 %, right: no pixel\nunlabelled: no pixel",
    ]


def test_patches_that_were_not_looked_for_are_said(block_of):
    assert words(gallery.patches(block_of({"supervised": [60.0]}))) == ["No variant with prototypes was run."]


# -------------------------------------------------------------------------------------------- feature spaces


def test_tsne_has_a_panel_for_each_variant_and_the_numbers_over_seeds(block_of, results):
    folders = [results.tsne(["prototype", "supervised"], seed) for seed in (0, 1)]
    figure = spaces.tsne(block_of({"prototype": [60.0]}, folders))
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [panel.get_title() for panel in panels] == ["supervised, seed 0", "prototype, seed 0"]
    cat = panels[0].collections[2]  # pixels and prototypes of each class in turn
    assert len(cat.get_offsets()) == 4
    assert tuple(cat.get_facecolor()[0][:3]) == drawing.class_colour(1)
    assert len(panels[0].collections[3].get_offsets()) == 1
    said = words(figure)
    for text in ("0.55 ± 0.07", "0.75 ± 0.00", "0.40 ± 0.00", "0.25 ± 0.00", "not known", "no pixel"):
        assert text in said, text


def test_odd_names_and_a_hundred_classes(block_of, results):
    """Names that matplotlib takes for mathematics, or for no label, and one that is longer than there is room for."""
    odd = ["_background_", "$x$", "$\\frac$", "a long name that is seen at both ends"]
    results.classes = [*odd, *(f"class {n}" for n in range(96))]
    block = block_of({"prototype": [60.0]}, [results.tsne(["prototype"])], results.patches())
    (block.runs[0].folder / "images.csv").write_text(
        "image,class,pixels,intersection,union\na,$x$,5,5,9\nb,$x$,5,5,9\n"
    )
    block.tables.update(figures._health([results.health("prototype")], block.runs))
    with matplotlib.style.context(["default", drawing.STYLE]):
        for draw in (charts.curves, gallery.samples, spaces.tsne, charts.per_class, gallery.patches):
            figure = draw(block)
            figure.draw_without_rendering()
            for legend in figure.legends:
                box = legend.get_window_extent()
                assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, draw
                assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, draw
            named = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
            named += [text.get_text() for axes in figure.axes for text in (*axes.get_xticklabels(), *axes.texts)]
            assert {*odd[:3], "a long nam…both ends", "class 95"} <= set(named), draw


def test_tsne_that_was_not_run_is_said(block_of):
    assert "not run" in words(spaces.tsne(block_of({"prototype": [60.0]})))[0]


def test_classes_are_told_apart_without_colour():
    """No two of VOC's 21 classes share a colour, and neighbours of one hue have another marker."""
    colours = [drawing.class_colour(index) for index in range(22)]
    assert len(set(colours)) == 22
    looks = {(drawing.class_colour(index), drawing.class_marker(index)) for index in range(200)}
    assert len(looks) == 200
