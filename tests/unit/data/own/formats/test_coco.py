"""COCO outlines: what they draw, and each fault of a file of them under its name."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import exports, own_folder
from semiproto.data.own import check, masks
from semiproto.data.own.contents import contents
from semiproto.data.own.formats import coco
from semiproto.data.own.layouts.discover import discover
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


@pytest.fixture
def base(tmp_path):
    pytest.importorskip("pycocotools")
    return own_folder.make(tmp_path / "own")


def findings_of(base, **changes):
    source = own_folder.source(base, **changes)
    return check.check(source, contents.read(source))


def annotation(**changes):
    return {"id": 5, "image_id": 1, "category_id": 7, "segmentation": [[1, 1, 9, 1, 9, 9]], **changes}


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("mask-unreadable", annotation(segmentation=[[0, 0, float("nan"), 1, 2, 2]]), ["nan", "40x40"]),
        ("mask-unreadable", annotation(segmentation=[[0, 0, 1e9, 1, 2, 2]]), ["1000000000"]),
        ("mask-unreadable", annotation(segmentation=[[0, 0, 4, 4, 1]]), ["three or more"]),
        ("mask-unreadable", annotation(segmentation=[["a", 0, 4, 4, 1, 1]]), ["'a'"]),
        ("mask-unreadable", annotation(segmentation=None), ["no outline"]),
        ("mask-unreadable", annotation(segmentation=[]), ["no outline"]),
        ("mask-unreadable", annotation(segmentation={"counts": [1, 2], "size": [40, 40]}), ["3 pixels in all", "1600"]),
        ("mask-unreadable", annotation(segmentation={"counts": [1600], "size": [20, 80]}), ["[20, 80]"]),
        ("mask-unreadable", annotation(segmentation={"counts": "", "size": [40, 40]}), ["0 pixels in all"]),
        ("mask-unreadable", annotation(segmentation={"counts": "ÿ!", "size": [40, 40]}), ["mean nothing"]),
        ("mask-unreadable", annotation(segmentation={"counts": [-1, 1601], "size": [40, 40]}), ["not numbers"]),
        ("coco-annotation", annotation(image_id=77), ["image 77"]),
        ("coco-annotation", annotation(category_id=8), ["category 8"]),
    ],
)
def test_a_malformed_annotation_is_named(base, kind, change, words):
    file = own_folder.outlined(base) / "annotations/instances.json"
    content = json.loads(file.read_text())
    content["annotations"].append(change)
    file.write_text(json.dumps(content))
    (fault,) = findings_of(base, masks="annotations/instances.json").faults
    assert (fault.kind, fault.file) == (kind, str(file))
    assert all(word in str(fault) for word in ["annotation 5", *words])


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("mask-size", lambda c: c["images"][1].update(width=30), ["30x40", "photo1.png", "40x40"]),
        ("missing-file", lambda c: c["images"][1].update(file_name="none.jpg"), ["'none.jpg'"]),
        ("coco-image", lambda c: c["images"].append(c["images"][1] | {"id": 99}), ["'photo1.png'", "twice"]),
        (
            "coco-category",
            lambda c: (
                c["categories"].append({"id": 8, "name": "moon"}),
                c["annotations"].append(annotation(category_id=8)),
            ),
            ["'moon' is not a class"],
        ),
    ],
)
def test_a_fault_of_a_coco_file_is_named(base, kind, change, words):
    file = own_folder.outlined(base) / "annotations/instances.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    (fault,) = findings_of(base, masks="annotations/instances.json").faults
    assert (fault.kind, fault.file) == (kind, str(file))
    assert all(word in str(fault) for word in words)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"images": []}', '{"images": [{"id": 1}], "annotations": []}', "\xff"]
)
def test_a_file_that_is_no_coco_file_is_one_line(base, one_line, text):
    (base / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError) as error:
        findings_of(base, masks="a.json")
    one_line(error, base / "a.json", "not a file of COCO instances")


def test_without_pycocotools_one_line_says_how_to_get_it(base, monkeypatch, one_line):
    own_folder.outlined(base)
    monkeypatch.setitem(sys.modules, "pycocotools.mask", None)  # what an absent module looks like
    with pytest.raises(UserError) as error:
        contents.read(own_folder.source(base, masks="annotations/instances.json"))
    one_line(error, base / "annotations/instances.json", "pip install 'semiproto[coco]'")


def test_of_two_outlines_that_overlap_the_smaller_is_on_top(base):
    file = own_folder.outlined(base) / "annotations/instances.json"
    content = json.loads(file.read_text())
    content["categories"].append({"id": 3, "name": "traffic light"})
    small, large = [[4, 4, 8, 4, 8, 8, 4, 8]], [[0, 0, 20, 0, 20, 20, 0, 20]]
    for order in ((small, 3, large, 7), (large, 7, small, 3)):
        content["annotations"] = [
            {"image_id": 0, "category_id": order[n + 1], "segmentation": order[n]} for n in (0, 2)
        ]
        file.write_text(json.dumps(content))
        source = discover(base, "own")[0]
        assert source.classes == ["background", "traffic_light", "square"]
        (item,) = contents.read(source).of("train")
        found = masks.read(item.mask, (40, 40), masks.rules(source))
        expected = np.zeros((40, 40), np.uint8)
        expected[:20, :20], expected[4:8, 4:8] = 2, 1
        np.testing.assert_array_equal(found, expected)


def outlines(*instances, size=(6, 4)):
    """Outlines of an image of `size` (width, height): (class, segmentation) each."""
    numbered = tuple(
        (number, class_index, segmentation) for number, (class_index, segmentation) in enumerate(instances)
    )
    return coco.Outlines(Path("a.json"), "a.png", *size, numbered)


def test_run_lengths_go_down_the_columns():
    """[5, 3, ...]: five pixels outside (a column of four and one more), then three inside."""
    drawn = coco.draw(outlines((2, {"counts": [5, 3, 16], "size": [4, 6]})))
    expected = np.zeros((4, 6), np.uint8)
    expected[1:, 1] = 2
    np.testing.assert_array_equal(drawn, expected)


def test_packed_run_lengths_are_those_that_pycocotools_packs(base):
    from pycocotools import mask as tools

    rng = np.random.default_rng(0)
    for shape in (rng.random((40, 30)) > 0.5, np.zeros((40, 30), bool), np.ones((40, 30), bool)):
        packed = tools.encode(np.asfortranarray(shape.astype(np.uint8)))["counts"].decode()
        drawn = coco.draw(outlines((1, {"counts": packed, "size": [40, 30]}), size=(30, 40)))
        np.testing.assert_array_equal(drawn, shape)


def test_an_image_without_instances_is_background():
    assert not coco.draw(outlines()).any()


def test_categories_of_one_name_are_one_class_and_background_comes_first():
    content = coco.Instances.model_validate(
        {
            "images": [],
            "annotations": [],
            "categories": [
                {"id": 9, "name": "traffic  light"},
                {"id": 2, "name": "background"},
                {"id": 10, "name": "traffic light"},
                {"id": 3, "name": "cat"},
            ],
        }
    )
    assert content.class_names(Path("x.json")) == ["background", "cat", "traffic_light"]


def test_a_panoptic_png_that_is_missing_or_of_another_size_is_named(tmp_path):
    pytest.importorskip("pycocotools")
    base = exports.panoptic(tmp_path / "set")
    source = discover(base, "set").source
    png = base / "annotations/panoptic_train2017/photo0.png"
    exports.save_mask(png, np.zeros((4, 5, 3), np.uint8))
    faults = [fault for fault in check.check(source, contents.read(source)).faults if not fault.warning]
    assert [fault.kind for fault in faults] == ["mask-unreadable"] and "photo0.png has 5x4 pixels" in str(faults[0])
    png.unlink()
    faults = [fault for fault in check.check(source, contents.read(source)).faults if not fault.warning]
    assert [fault.kind for fault in faults] == ["mask-unreadable"] and "photo0.png" in str(faults[0])


def test_the_segments_of_a_panoptic_png_are_read_once(tmp_path):
    """Each took as long as reading the picture."""
    ids = np.random.default_rng(0).integers(0, 2, (6, 8, 3), np.uint8)
    exports.save_mask(tmp_path / "a.png", ids)
    before = coco._ids.cache_info().misses
    for number in (0, 1, 256, 65536, 65536 + 256 + 1, 2**70):
        expected = (ids.astype(int) @ [1, 256, 65536]) == number
        np.testing.assert_array_equal(coco.Segment(tmp_path / "a.png", number).pixels(6, 8), expected)
    assert coco._ids.cache_info().misses == before + 1


@pytest.mark.parametrize("broken", [{"file_name": "a.png", "segments_info": [{}], "image_id": 1}, {"segments_info": 3}])
def test_a_malformed_panoptic_file_is_refused(broken, tmp_path):
    pytest.importorskip("pycocotools")
    exports.write(tmp_path / "a.json", json.dumps({"images": [], "categories": [], "annotations": [broken]}))
    with pytest.raises(UserError, match=r"a\.json: not a file of panoptic annotations; export it again"):
        coco.read(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("key", "twin", "words"),
    [
        ("images", {"file_name": "other.jpg"}, "and 'other.jpg'"),
        ("categories", {"name": "other"}, "and 'other'"),
    ],
)
def test_an_id_that_means_two_things_is_an_error(base, key, twin, words):
    """Files that were joined without new ids: each image would have the outlines of both."""
    file = own_folder.outlined(base) / "annotations/instances.json"
    content = json.loads(file.read_text())
    content[key].append(content[key][0] | twin)
    file.write_text(json.dumps(content))
    _, faults = coco.outlines(file, coco.read(file), ["background", "square"])
    assert any(words in str(fault) and "an id of its own" in fault.remedy for fault in faults)


def test_a_category_that_is_there_twice_is_one(base):
    file = own_folder.outlined(base) / "annotations/instances.json"
    content = json.loads(file.read_text())
    content["categories"] *= 2
    file.write_text(json.dumps(content))
    assert not [one for one in coco.outlines(file, coco.read(file), ["background"])[1] if "own" in one.remedy]
