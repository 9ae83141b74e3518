"""Datumaro's items: each shape, their order, and what is wrong with one."""

import json

import numpy as np
import pytest

from pipeline import exports
from semiproto.data.own.formats import outlines
from semiproto.data.own.formats.tools import datumaro
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'
CLASSES = ["background", "cat", "dog"]


@pytest.fixture(autouse=True)
def _tools():
    pytest.importorskip("pycocotools")


def file_of(tmp_path, *annotations, **item):
    labels = {"label": {"labels": [{"name": "cat"}, {"name": "dog"}, {"name": "bird"}]}}
    items = [{"id": "a", "annotations": list(annotations), "image": {"path": "a.jpg", "size": [12, 16]}, **item}]
    path = tmp_path / "annotations/val.json"
    exports.write(path, json.dumps({"categories": labels, "items": items}))
    return path


def read(tmp_path, *annotations, **item):
    return datumaro.records(file_of(tmp_path, *annotations, **item), tmp_path, CLASSES)


def test_shapes_are_drawn_in_the_order_of_z_order(tmp_path):
    box = {"type": "bbox", "label_id": 1, "bbox": [2, 2, 6, 5], "z_order": 1}
    below = {"type": "polygon", "label_id": 0, "points": [0, 0, 10, 0, 10, 10, 0, 10], "z_order": 0}
    (record,), faults = read(tmp_path, box, below)
    expected = np.zeros((12, 16), np.uint8)
    expected[:10, :10], expected[2:7, 2:8] = 1, 2
    np.testing.assert_array_equal(outlines.draw(record.mask), expected)
    assert (record.image, record.part) == ("a.jpg", "val") and not faults


def test_an_ellipse_fills_its_box(tmp_path):
    (record,), _ = read(tmp_path, {"type": "ellipse", "label_id": 0, "points": [2, 2, 12, 10]})
    rows, columns = np.nonzero(outlines.draw(record.mask))
    assert abs(len(rows) - np.pi * 5 * 4) < 8 and rows.min() >= 1 and columns.max() <= 12


def test_an_item_without_a_picture_is_named_by_its_id_and_is_not_annotated(tmp_path):
    (record,), _ = read(tmp_path, image={})
    assert record.image == "a" and not record.mask.instances and not record.mask.whole


def test_what_has_no_area_is_a_warning_and_an_unknown_label_an_error(tmp_path):
    line = {"type": "polyline", "label_id": 0, "points": [0, 0, 3, 3]}
    bird = {"type": "bbox", "label_id": 2, "bbox": [0, 0, 3, 3]}
    _, faults = read(tmp_path, line, bird)
    assert [(fault.kind, fault.warning) for fault in faults] == [("no-area", True), ("label", False)]


def test_classes_are_those_that_have_an_area(tmp_path):
    path = file_of(tmp_path, {"type": "bbox", "label_id": 1, "bbox": [0, 0, 3, 3]}, {"type": "label", "label_id": 0})
    assert datumaro.names(path) == ["background", "dog"]


@pytest.mark.parametrize(
    "shape", [{"type": "bbox", "bbox": [1, 2]}, {"type": "mask"}, {"type": "polygon", "points": [1]}]
)
def test_a_malformed_shape_is_named(shape, tmp_path):
    (record,), _ = read(tmp_path, {**shape, "label_id": 0})
    with pytest.raises(UserError, match=r"val\.json: annotation .* of a\.jpg: "):
        outlines.draw(record.mask)


def test_a_file_without_annotations_of_items_is_refused(tmp_path):
    exports.write(tmp_path / "a.json", json.dumps({"categories": {}, "items": [{"annotations": 3}]}))
    with pytest.raises(UserError, match=r"a\.json: not a file of Datumaro .* export it again"):
        datumaro.read(tmp_path / "a.json")
