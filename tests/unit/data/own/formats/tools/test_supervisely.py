"""Supervisely's objects: bitmaps, polygons with holes, rectangles, and what has no area."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline import exports
from semiproto.data.own.formats import outlines
from semiproto.data.own.formats.tools import supervisely
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'
CLASSES = ["background", "cat", "dog"]


@pytest.fixture(autouse=True)
def _tools():
    pytest.importorskip("pycocotools")


def records(tmp_path, *objects):
    path = tmp_path / "ds/ann/a.b.jpg.json"
    exports.write(path, json.dumps({"size": {"width": 16, "height": 12}, "objects": list(objects)}))
    return supervisely.records(path, tmp_path, CLASSES, supervisely.read(path))


def polygon(exterior, *interior, kind="polygon", label="cat"):
    return {"classTitle": label, "geometryType": kind, "points": {"exterior": exterior, "interior": list(interior)}}


def square(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def test_a_bitmap_lies_at_its_origin(tmp_path):
    data = exports.packed_png(np.array([[0, 255], [255, 255]], np.uint8))
    for kind in ({"geometryType": "bitmap"}, {}):
        one = {"classTitle": "dog", "bitmap": {"data": data, "origin": [14, 3]}} | kind
        (record,), faults = records(tmp_path, one)
        drawn = outlines.draw(record.mask)
        assert np.argwhere(drawn == 2).tolist() == [[3, 15], [4, 14], [4, 15]] and not faults
    assert record.image == "ds/img/a.b.jpg"


def test_polygons_have_holes_and_a_later_object_is_on_top(tmp_path):
    hole, later = square(3, 3, 5, 5), polygon([[9, 9], [6, 6]], kind="rectangle", label="dog")
    (record,), _ = records(tmp_path, polygon(square(1, 1, 8, 8), hole), later)
    expected = np.zeros((12, 16), np.uint8)
    expected[1:9, 1:9], expected[3:6, 3:6], expected[6:10, 6:10] = 1, 0, 2
    np.testing.assert_array_equal(outlines.draw(record.mask), expected)


def test_an_image_without_an_object_is_not_annotated(tmp_path):
    (record,), _ = records(tmp_path)
    assert not record.mask.whole and not record.mask.instances


def test_classes_are_those_that_are_used_in_the_order_of_the_project(tmp_path):
    records(tmp_path, polygon(square(1, 1, 8, 8)), polygon(square(1, 1, 8, 8), label="dog"))
    exports.write(tmp_path / "meta.json", json.dumps({"classes": [{"title": n} for n in ("dog", "moon", "cat")]}))
    files = [tmp_path / "ds/ann/a.b.jpg.json"]
    assert supervisely.names(files, tmp_path / "meta.json") == ["background", "dog", "cat"]
    assert supervisely.names(files, None) == ["background", "cat", "dog"]


def test_lines_are_warnings_and_strange_labels_errors(tmp_path):
    _, faults = records(tmp_path, polygon([[0, 0], [1, 1]], kind="line"), polygon(square(1, 1, 8, 8), label="moon"))
    assert [(fault.kind, fault.warning) for fault in faults] == [("no-area", True), ("label", False)]


@pytest.mark.parametrize(
    "one",
    [
        polygon([[0, 0], [1, 1]]),
        polygon(square(0, 0, float("nan"), 1)),
        polygon(square(0, 0, 1e9, 1)),
        {"classTitle": "cat", "geometryType": "bitmap"},
        {"classTitle": "cat", "bitmap": {"data": "????", "origin": [0, 0]}},
        {"classTitle": "cat", "bitmap": {"data": "AAAA", "origin": [0, 0]}},
    ],
)
def test_an_object_that_cannot_be_drawn_is_named(tmp_path, one_line, one):
    (record,), _ = records(tmp_path, one)
    with pytest.raises(UserError) as error:
        outlines.draw(record.mask)
    one_line(error, tmp_path / "ds/ann/a.b.jpg.json", "annotation 1")


def test_another_json_is_none_of_superviselys(tmp_path, one_line):
    assert not supervisely.is_supervisely({"objects": 3}) and not supervisely.is_supervisely([])
    (tmp_path / "b.json").write_text(json.dumps({"objects": [{}], "size": {"width": 1, "height": 1}}))
    with pytest.raises(UserError) as error:
        supervisely.read(tmp_path / "b.json")
    one_line(error, tmp_path / "b.json", "not a file of Supervisely")
    assert supervisely.image_of(Path("photos/a.json")) == "photos/a"


def test_classes_that_are_no_list_are_one_line(tmp_path, one_line):
    records(tmp_path, polygon([[1, 1], [5, 1], [5, 5]]))
    meta = tmp_path / "meta.json"
    meta.write_text('{"classes": null}')
    with pytest.raises(UserError) as error:
        supervisely.names([tmp_path / "ds/ann/a.b.jpg.json"], meta)
    one_line(error, meta, "export it again")
