"""Sample images: which are chosen, and what is shown of them."""

import numpy as np
import pytest

from semiproto.errors import UserError
from semiproto.report.drawing import style
from semiproto.report.evaluations import read_evaluations
from semiproto.report.figures import samples
from semiproto.report.images.sample import RIGHT, WRONG


def test_samples_show_truth_predictions_and_errors(results_of, three_variants, texts_of):
    figure = samples.draw(results_of(three_variants))
    shown = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
    assert [image.shape[:2] for image in shown] == [(16, 24)] * 6 + [(20, 12)] * 6
    titles = [axes.get_title().replace("\n", " ") for axes in figure.axes[:6]]
    assert titles[1:] == ["truth", "supervised seed 0", "consistency seed 0", "prototype seed 0", "prototype's errors"]
    np.testing.assert_allclose(shown[1][0, 0], style.VOID)
    np.testing.assert_allclose(shown[1][0, 5], style.class_colour(1))
    np.testing.assert_allclose(shown[4][0, 5], style.class_colour(0))
    for errors, expected in ((shown[5], WRONG), (shown[11], RIGHT)):  # image a is wrong, b is right
        np.testing.assert_allclose(errors[:, 3:], np.broadcast_to(style.ERRORS[expected], errors[:, 3:].shape))
        np.testing.assert_allclose(errors[:, :3], np.broadcast_to(style.VOID, errors[:, :3].shape))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["background", "cat", "None", "void, not scored", "right", "wrong"]
    assert "best\n+13.0" in texts_of(figure)
    rule = "by the gain of prototype over supervised in the mIoU of the image's own classes, points."
    assert f"Best, median and worst {rule}" in texts_of(figure)


def test_samples_of_one_variant_have_no_error_map(results_of):
    figure = samples.draw(results_of({"supervised": [50.0]}))
    assert [axes.get_title() for axes in figure.axes[:3]] == ["image", "truth", "supervised\nseed 0"]
    assert len(figure.axes) == 2 * 3


def test_best_median_and_worst_are_chosen_by_the_gain(results):
    folders = [results.run(variant, 0, 50.0) for variant in ("supervised", "prototype")]
    header = "image,class,pixels,intersection,union,boundary_intersection,boundary_union\n"
    gains = {f"i{n}": n for n in (3, 0, 7, 5, 1, 2, 6, 4)}
    for folder, better in zip(folders, (0, 1), strict=True):
        rows = [f"{i},cat,100,{10 + better * 2 * n},100,0,0\n{i},dog,0,0,50,0,0\n" for i, n in gains.items()]
        (folder / "images.csv").write_text(header + "".join(rows))
    chosen, rule = samples.chosen_images(read_evaluations(folders))
    kinds = ["best", "best", "median", "median", "worst", "worst"]
    assert chosen == list(zip(kinds, ("i7", "i6", "i4", "i3", "i1", "i0"), (14, 12, 8, 6, 2, 0), strict=True))
    assert rule == "by the gain of prototype over supervised in the mIoU of the image's own classes, points"


def test_a_missing_truth_or_prediction_is_named(results_of, results):
    shown = results_of({"prototype": [60.0]})
    (results.root / "raw" / "SegmentationClass" / "b.png").rename(results.root / "b.png")
    with pytest.raises(UserError, match=r"SegmentationClass/b\.png: no such mask"):
        samples.draw(shown)
    (results.root / "b.png").rename(results.root / "raw" / "SegmentationClass" / "b.png")
    (shown.runs[0].folder / "predictions" / "a.png").unlink()
    with pytest.raises(UserError, match=r"predictions/a\.png: no such mask"):
        samples.draw(shown)


def test_no_scored_image_is_said(results_of, texts_of):
    shown = results_of({"prototype": [60.0]})
    (shown.runs[0].folder / "images.csv").write_text("image,class,pixels,intersection,union\n")
    assert texts_of(samples.draw(shown)) == ["No validation image has a score."]
