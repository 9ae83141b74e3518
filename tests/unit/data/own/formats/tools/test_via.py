"""VIA's regions: all shapes, the attribute that is the label, and the forms of its files."""

import csv
import json

import numpy as np
import pytest

from semiproto.data.own.formats import outlines
from semiproto.data.own.formats.tools import via
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'
CLASSES = ["background", "cat", "dog"]
SQUARE = {"name": "polygon", "all_points_x": [2, 8, 8, 2], "all_points_y": [3, 3, 9, 9]}


@pytest.fixture(autouse=True)
def _tools():
    pytest.importorskip("pycocotools")


def region(shape=SQUARE, **attributes):
    return {"shape_attributes": shape, "region_attributes": attributes}


def image(*regions):
    return {"a.jpg7": {"filename": "a.jpg", "size": 7, "regions": list(regions), "file_attributes": {}}}


def records(tmp_path, content):
    (tmp_path / "via.json").write_text(json.dumps(content))
    return via.records(tmp_path / "via.json", tmp_path, CLASSES)


@pytest.mark.parametrize(
    "shape",
    [
        SQUARE,
        {"name": "rect", "x": 2, "y": 3, "width": 6, "height": 6},
        {"name": "polyline", "all_points_x": [2, 8, 8, 2, 2], "all_points_y": [3, 3, 9, 9, 3]},
    ],
)
def test_a_square_in_every_form(tmp_path, shape):
    (record,), faults = records(tmp_path, image(region(shape, **{"class": "dog"})))
    expected = np.zeros((12, 16), np.uint8)
    expected[3:9, 2:8] = 2
    np.testing.assert_array_equal(outlines.draw(record.mask, (16, 12)), expected)
    assert not faults


@pytest.mark.parametrize(
    "shape",
    [
        {"name": "circle", "cx": 20, "cy": 20, "r": 9},
        {"name": "ellipse", "cx": 20, "cy": 20, "rx": 13.5, "ry": 6, "theta": np.pi / 2},
    ],
)
def test_circles_and_turned_ellipses(tmp_path, shape):
    (record,), _ = records(tmp_path, image(region(shape, label="cat")))
    drawn = outlines.draw(record.mask, (40, 40))
    assert drawn.sum() == pytest.approx(np.pi * 81, rel=0.03)
    assert drawn[9 if shape["name"] == "ellipse" else 12, 20] == 1


def test_projects_version_1_and_tables_say_the_same(tmp_path):
    (expected,), _ = records(tmp_path, image(region(label="cat")))
    of_version_1 = image()
    of_version_1["a.jpg7"]["regions"] = {"0": region(label="cat")}
    for content in (of_version_1, {"_via_settings": {}, "_via_img_metadata": image(region(label="cat"))}):
        assert via.is_via(content)
        assert records(tmp_path, content)[0][0].mask.instances == expected.mask.instances
    with (tmp_path / "via.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["filename", "file_size", "file_attributes", "region_count", "region_id",
                       "region_shape_attributes", "region_attributes"])  # fmt: skip
        rows.writerow(["a.jpg", 7, "{}", 1, 0, json.dumps(SQUARE), json.dumps({"label": "cat"})])
        rows.writerow(["b.jpg", 7, "{}", 0, 0, "{}", "{}"])
    assert via.is_table(tmp_path / "via.csv")
    (first, second), _ = via.records(tmp_path / "via.csv", tmp_path, CLASSES)
    assert first.mask.instances == expected.mask.instances and not second.mask.instances and not second.mask.whole
    with (tmp_path / "via.csv").open(newline="") as file:
        cells = list(csv.reader(file))
    with (tmp_path / "via.csv").open("w", newline="") as file:  # as Excel writes it elsewhere
        file.write("sep=;\r\n#")
        csv.writer(file, delimiter=";").writerows(cells)
    assert via.is_table(tmp_path / "via.csv")
    assert via.records(tmp_path / "via.csv", tmp_path, CLASSES)[0] == [first, second]


@pytest.mark.parametrize(
    ("attributes", "attribute", "names"),
    [
        ([{"Class": "cat", "hue": "red"}, {"Class": "dog", "hue": "red"}], "Class", ["cat", "dog"]),
        ([{"animal": "cat"}, {"animal": "dog", "fur": "long"}], "animal", ["cat", "dog"]),
        ([{"type": {"cat": True, "dog": False}}], "type", ["cat"]),
        ([{}, {}], None, ["object"]),
    ],
)
def test_the_attribute_that_is_the_label(tmp_path, attributes, attribute, names):
    (tmp_path / "via.json").write_text(json.dumps(image(*(region(**one) for one in attributes))))
    assert via.read(tmp_path / "via.json").attribute == attribute
    assert via.names(tmp_path / "via.json") == ["background", *names]


def test_what_cannot_be_used_is_named(tmp_path):
    line = {"name": "point", "cx": 1, "cy": 1}
    regions = [region(line, label="cat"), region(label=""), region(label="moon"), region(label={"cat": 1, "dog": 1})]
    _, faults = records(tmp_path, image(*regions))
    assert [(fault.kind, fault.warning) for fault in faults] == [
        ("no-area", True), ("label", False), ("label", False), ("label", True)]  # fmt: skip


@pytest.mark.parametrize(
    "content", [[], {"a": {"filename": "a", "regions": [3]}}, image(region({"name": "rect", "x": "?"}, label="cat"))]
)
def test_a_malformed_file_is_one_line(tmp_path, one_line, content):
    with pytest.raises(UserError) as error:
        records(tmp_path, content)
    one_line(error, tmp_path / "via.json", "export it again")


@pytest.mark.parametrize(
    "change", [{"filename": None}, {"filename": 5}, {"regions": [region() | {"region_attributes": ["cat"]}]}]
)
def test_a_text_that_is_none_is_one_line(tmp_path, one_line, change):
    with pytest.raises(UserError) as error:
        records(tmp_path, {"a.jpg7": image(region())["a.jpg7"] | change})
    one_line(error, tmp_path / "via.json", "export it again")
