"""Label Studio: regions in per cent, brushes, versions of a task, and PNGs whose images another file names."""

import json

import numpy as np
import pytest

from pipeline import exports
from semiproto.data.own.formats import outlines
from semiproto.data.own.formats.tools import labelstudio
from semiproto.data.own.layouts.recognise import annotation_files
from semiproto.data.own.layouts.tree import Tree
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'
CLASSES = ["background", "cat", "dog"]


def region(kind, value, label="cat"):
    size = {"original_width": 10, "original_height": 20}
    return {"id": "r1", "type": kind, "value": value | {kind: [label]}, **size}


def task(*regions, **changes):
    annotation = {"id": 1, "result": list(regions), "created_at": "2025-01-01"} | changes
    return {"id": 7, "data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"}, "annotations": [annotation]}


def records(tmp_path, *tasks):
    pytest.importorskip("pycocotools")
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    return labelstudio.records(tmp_path / "tasks.json", tmp_path, CLASSES)


@pytest.mark.parametrize(
    "value",
    [
        ("rectanglelabels", {"x": 20, "y": 10, "width": 50, "height": 40, "rotation": 0}),
        ("rectanglelabels", {"x": 70, "y": 10, "width": 80, "height": 25, "rotation": 90}),
        ("polygonlabels", {"points": [[20, 10], [70, 10], [70, 50], [20, 50]], "closed": True}),
    ],
)
def test_regions_cover_their_pixels(tmp_path, value):
    (record,), faults = records(tmp_path, task(region(*value)))
    expected = np.zeros((20, 10), np.uint8)
    expected[2:10, 2:7] = 1
    np.testing.assert_array_equal(outlines.draw(record.mask), expected)
    assert not faults and record.image == "/data/upload/1/0a1b2c3d-a.jpg"


def test_a_brush_is_decoded_to_the_pixel(tmp_path):
    shape = np.random.default_rng(0).random((20, 10)) > 0.5
    value = {"format": "rle", "rle": exports.brush_runs(shape)}
    (record,), _ = records(tmp_path, task(region("brushlabels", value)))
    np.testing.assert_array_equal(outlines.draw(record.mask), shape)


def test_a_file_of_predictions_alone_is_read_and_said_to_be_one(tmp_path):
    covered = region("rectanglelabels", {"x": 20, "y": 10, "width": 50, "height": 40})
    (record, bare), _ = records(
        tmp_path,
        {"id": 1, "data": {"image": "a.jpg"}, "predictions": [{"model_version": "m", "result": [covered]}]},
        {"id": 2, "data": {"image": "b.jpg"}, "predictions": []},
    )
    assert outlines.draw(record.mask).sum() == 40 and bare.mask is None
    assert labelstudio.is_predicted(tmp_path / "tasks.json")


def test_predictions_are_no_labels_where_a_task_is_annotated(tmp_path):
    covered = region("rectanglelabels", {"x": 20, "y": 10, "width": 50, "height": 40})
    waiting = {"id": 8, "data": {"image": "b.jpg"}, "annotations": [], "predictions": [{"result": [covered]}]}
    (_, record), _ = records(tmp_path, task(covered), waiting)
    assert record.mask is None and not labelstudio.is_predicted(tmp_path / "tasks.json")


def test_runs_of_bytes_that_differ_are_decoded():
    """One byte that is repeated, then four that are not: bits by hand."""
    bits = f"{8:032b}{7:05b}" + "0010001101111111"
    bits += "10001100000000"  # four times 0
    bits += "000011" + "".join(f"{value:08b}" for value in (9, 9, 9, 200))
    bits += "0" * (-len(bits) % 8)
    brush = labelstudio.Brush(tuple(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)))
    assert brush.pixels(1, 2).tolist() == [[False, True]]


@pytest.mark.parametrize("values", [(), (1, 2, 3), (0,) * 200, tuple(exports.brush_runs(np.ones((3, 3), bool)))])
def test_a_brush_of_something_else_is_refused(values):
    with pytest.raises(ValueError, match="cannot be decoded"):
        labelstudio.Brush(values).pixels(20, 10)


def test_the_ground_truth_or_the_newest_annotation_is_used(tmp_path):
    box = {"x": 0, "y": 0, "width": 100, "height": 100, "rotation": 0}
    several = task(region("rectanglelabels", box, "cat"))
    newest = {"id": 2, "result": [region("rectanglelabels", box, "dog")], "created_at": "2025-02-01"}
    cancelled = newest | {"created_at": "2025-03-01", "was_cancelled": True, "result": []}
    several["annotations"] += [newest, cancelled]
    (record,), _ = records(tmp_path, several)
    assert outlines.draw(record.mask)[0, 0] == 2
    several["annotations"][0]["ground_truth"] = True
    (record,), _ = records(tmp_path, several)
    assert outlines.draw(record.mask)[0, 0] == 1


def test_a_task_without_annotation_is_not_annotated_and_an_empty_one_is_background(tmp_path):
    bare = task() | {"annotations": []}
    (first, second), _ = records(tmp_path, bare, task())
    assert first.mask is None and second.mask.whole


@pytest.mark.parametrize(
    ("value", "words"),
    [({"polygonlabels": []}, "has no label"), ({"polygonlabels": ["moon"]}, "'moon' is not a class"),
     ({"polygonlabels": ["cat", "dog"]}, "has 2 labels")],
)  # fmt: skip
def test_labels_that_cannot_be_used_are_named(tmp_path, value, words):
    points = {"points": [[0, 0], [50, 0], [50, 50]]}
    one = region("polygonlabels", points) | {"value": points | value}
    _, (fault,) = records(tmp_path, task(one))
    assert words in fault.found and fault.warning == ("labels" in words)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/data/local-files/?d=photos/a%20b.jpg", "photos/a b.jpg"),
        ("s3://bucket/photos/a.jpg", "/photos/a.jpg"),
        ("https://host/x/a.png?sign=1", "/x/a.png"),
    ],
)
def test_the_image_of_an_address(address, name):
    assert labelstudio.is_labelstudio([{"id": 1, "picture": address}])
    assert labelstudio._image_of({"data": {"caption": "text", "picture": address}}) == name


def test_pngs_whose_task_no_file_names_are_an_error_with_a_remedy_that_works(tmp_path):
    base = exports.labelstudio_brush(tmp_path / "export")
    tasks = (base / "project-1.json").read_text()
    (base / "project-1.json").unlink()
    pngs = sorted(base.glob("*.png"))
    found, faults = labelstudio.layers(base, pngs, CLASSES)
    assert (
        not found
        and "no file says which image" in faults[0].found
        and "export the same project as JSON" in faults[0].remedy
    )
    (base / "tasks.json").write_text(tasks)
    found, faults = labelstudio.layers(base, pngs, CLASSES)
    assert len(found) == 6 and not faults
    (base / "tasks.json").unlink()
    rows = "".join(f"{row['id']},{row['image']}\n" for row in json.loads(tasks))
    (base / "tasks.csv").write_text(f"id,image\n{rows}")
    assert len(labelstudio.layers(base, pngs, CLASSES)[0]) == 6


@pytest.mark.parametrize("text", ["[]", "{}", '[{"id": 1}]'])
def test_another_json_is_one_line(tmp_path, one_line, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError) as error:
        labelstudio.names(tmp_path / "a.json")
    one_line(error, tmp_path / "a.json", "not a list of Label Studio tasks")


def test_a_key_point_has_no_area(tmp_path):
    point = region("keypointlabels", {"x": 5, "y": 5, "width": 0.5})
    (record,), (fault,) = records(tmp_path, task(point))
    assert fault.warning and fault.kind == "no-area" and not record.mask.instances
    assert labelstudio.names(tmp_path / "tasks.json") == ["background"]


def test_a_region_without_the_size_of_its_image_is_an_error(tmp_path):
    square = region("polygonlabels", {"points": [[0, 0], [9, 0], [9, 9]]}) | {"original_width": None}
    _, (fault,) = records(tmp_path, task(square))
    assert not fault.warning and "does not say the size" in fault.found


@pytest.mark.parametrize(
    "change",
    [
        {"annotations": None}, {"annotations": [{"result": {}}]}, {"annotations": [{"result": [5]}]},
        {"annotations": [{"result": [region("polygonlabels", {"points": "abc"})]}]},
        {"annotations": [{"result": [region("polygonlabels", {"points": [[1, 1]] * 3}) | {"original_width": "x"}]}]},
    ],
)  # fmt: skip
def test_what_the_tool_never_writes_is_one_line(tmp_path, one_line, change):
    exports.write(tmp_path / "images/a.jpg", "")
    exports.write(tmp_path / "tasks.json", json.dumps([task() | change]))
    with pytest.raises(UserError) as error:
        annotation_files.of_labelstudio(Tree(tmp_path))
    one_line(error, tmp_path / "tasks.json", "export it again")


def test_an_address_that_is_none_names_no_picture(tmp_path):
    (record,), _ = records(tmp_path, task() | {"data": {"image": "http://[::1/a.jpg"}})
    assert record.image == ""
