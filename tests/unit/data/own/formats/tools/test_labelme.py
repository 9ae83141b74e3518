"""LabelMe's JSON: shapes as labelme2voc draws them."""

import json

import numpy as np
import pytest

from pipeline import exports
from semiproto.data.layout import IGNORE_INDEX
from semiproto.data.own.formats import outlines
from semiproto.data.own.formats.tools import labelme
from semiproto.errors import UserError

CLASSES = ["background", "cat", "dog"]


def records(tmp_path, *shapes, **changes):
    content = {"shapes": list(shapes), "imagePath": "a.jpg", "imageHeight": 12, "imageWidth": 16, **changes}
    (tmp_path / "a.json").write_text(json.dumps(content))
    return labelme.records(tmp_path / "a.json", tmp_path, CLASSES, labelme.read(tmp_path / "a.json"))


def shape(kind, points, label="cat", **more):
    return {"label": label, "points": points, "shape_type": kind, **more}


@pytest.mark.parametrize("kind", ["polygon", "rectangle", "mask"])
def test_the_outline_belongs_to_the_shape(tmp_path, kind):
    points = [[2, 3], [7, 3], [7, 8], [2, 8]] if kind == "polygon" else [[7, 8], [2, 3]]
    more = {}
    if kind == "mask":
        points, more = [[2, 3], [7, 8]], {"mask": exports.png_text(np.full((6, 6), 255, np.uint8))}
    (record,), faults = records(tmp_path, shape(kind, points, **more))
    expected = np.zeros((12, 16), np.uint8)
    expected[3:9, 2:8] = 1
    np.testing.assert_array_equal(outlines.draw(record.mask), expected)
    assert not faults


@pytest.mark.parametrize("kind", ["rectangle", "rotation", "quadrilateral"])
def test_the_corners_of_a_box_are_a_polygon(tmp_path, kind):
    """As X-AnyLabeling writes them."""
    corners = [[2, 3], [7, 3], [7, 8], [2, 8]]
    turned = [[8, 1], [13, 6], [8, 11], [3, 6]]
    for points in (corners, turned):
        (record,), faults = records(tmp_path, shape(kind, points))
        (expected,), _ = records(tmp_path, shape("polygon", points))
        np.testing.assert_array_equal(outlines.draw(record.mask), outlines.draw(expected.mask))
        assert not faults and outlines.draw(record.mask).sum() > 30
    assert labelme.names([tmp_path / "a.json"]) == ["background", "cat"]


def test_a_shape_that_covers_pixels_and_is_not_drawn_is_an_error(tmp_path):
    _, faults = records(tmp_path, shape("cuboid", [[0, 0]] * 8))
    assert [(fault.kind, fault.warning) for fault in faults] == [("shape", False)]
    assert "cuboid 'cat' (shape 1) covers pixels, and is not read" in str(faults[0])


def test_a_circle_is_a_centre_and_a_point_on_it(tmp_path):
    (record,), _ = records(tmp_path, shape("circle", [[8, 6], [8, 2]]))
    assert outlines.draw(record.mask).sum() == pytest.approx(np.pi * 4.5**2, rel=0.1)


def test_a_later_shape_is_on_top_and_ignore_is_void(tmp_path):
    corners = [[0, 0], [9, 9]]
    (record,), _ = records(tmp_path, shape("rectangle", corners), shape("rectangle", corners, "__ignore__"))
    assert outlines.draw(record.mask)[5, 5] == IGNORE_INDEX
    assert labelme.names([tmp_path / "a.json"]) == ["background", "cat"]


def test_a_file_without_shapes_is_background_as_a_whole(tmp_path):
    (record,), _ = records(tmp_path)
    assert record.mask.whole and not outlines.draw(record.mask).any()


def test_points_and_lines_are_warnings_and_strange_labels_errors(tmp_path):
    _, faults = records(tmp_path, shape("point", [[1, 1]]), shape("polygon", [[0, 0], [1, 1], [2, 0]], "moon"))
    assert [(fault.kind, fault.warning) for fault in faults] == [("no-area", True), ("label", False)]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (shape("polygon", [[0, 0], [1, 1]]), "a polygon of 2 points"),
        (shape("circle", [[0, 0], [1e9, 1]]), "outside an image"),
        (shape("mask", [[0, 0], [1, 1]], mask="????"), "no picture"),
    ],
)
def test_a_shape_that_cannot_be_drawn_is_named(tmp_path, one_line, one, words):
    (record,), _ = records(tmp_path, one)
    with pytest.raises(UserError) as error:
        outlines.draw(record.mask)
    one_line(error, tmp_path / "a.json", words)


def test_another_json_is_none_of_labelmes(tmp_path, one_line):
    assert not labelme.is_labelme({"shapes": 3}) and not labelme.is_labelme([])
    (tmp_path / "b.json").write_text('{"shapes": [{}], "imagePath": "a"}')
    with pytest.raises(UserError) as error:
        labelme.read(tmp_path / "b.json")
    one_line(error, tmp_path / "b.json", "not a file of LabelMe")
