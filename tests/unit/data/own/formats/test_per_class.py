"""Binary masks in a folder for each class."""

import numpy as np
import pytest

from pipeline import exports
from semiproto.data.own.formats import outlines, per_class
from semiproto.errors import UserError

CLASSES = ["background", "cat", "dog"]


def save(tmp_path, name, values):
    exports.save_mask(tmp_path / name, np.array(values, np.uint8))
    return tmp_path / name


def test_of_two_masks_that_share_a_pixel_the_smaller_is_on_top(tmp_path):
    large, small = save(tmp_path, "cat/a.png", [[255, 255, 200, 0]]), save(tmp_path, "dog/a.png", [[1, 0, 0, 0]])
    for layers in (((1, large), (2, small)), ((2, small), (1, large))):
        assert per_class.draw(outlines.Layers(tmp_path, "a", layers)).tolist() == [[2, 1, 1, 0]]


def test_soft_edges_end_in_the_middle(tmp_path):
    path = save(tmp_path, "cat/a.png", [[0, 100, 127, 128, 255]])
    assert per_class.draw(outlines.Layers(tmp_path, "a", ((1, path),))).tolist() == [[0, 0, 0, 1, 1]]


def test_masks_of_different_sizes_are_one_line(tmp_path, one_line):
    layers = ((1, save(tmp_path, "cat/a.png", [[1, 1]])), (2, save(tmp_path, "dog/a.png", [[1]])))
    with pytest.raises(UserError) as error:
        per_class.draw(outlines.Layers(tmp_path, "a", layers))
    one_line(error, "dog/a.png", "1x1 and 2x1")


def test_folders_are_classes_and_parts(tmp_path):
    files = [save(tmp_path, f"masks/{name}/a.png", [[1]]) for name in ("cat/train", "dog/train", "cat/val", "moon")]
    root = tmp_path / "masks"
    assert per_class.class_folders(root, files) == ["cat", "dog", "moon"]
    found, (fault,) = per_class.records(root, files, tmp_path, CLASSES)
    assert {(one.image, one.part): len(one.mask.layers) for one in found} == {
        ("masks/train/a", "train"): 2,
        ("masks/val/a", "val"): 1,
    }
    assert "'moon' is not named like a class" in fault.found
    assert per_class.class_folders(root, [*files, save(tmp_path, "masks/b.png", [[1]])]) == []


@pytest.mark.parametrize(
    ("stem", "classes", "split"),
    [
        ("img_1_cat", ["cat", "dog"], ("cat", "img_1")),
        ("img-CAT_2", ["cat", "dog"], ("cat", "img")),
        ("img_traffic-light_mask_1", ["light", "traffic_light"], ("traffic_light", "img")),
        ("img_1_moon", ["cat", "dog"], ("", "img_1_moon")),
        ("img_1_mask_2", ["object"], ("", "img_1")),
        ("img_1_2", ["object"], ("", "img_1")),
        ("concat", ["cat"], ("", "concat")),
    ],
)
def test_a_name_holds_the_class_and_the_image(stem, classes, split):
    assert per_class.split_name(stem, classes) == split


def test_a_name_without_a_class_is_a_fault_that_renaming_mends(tmp_path):
    path = save(tmp_path, "masks/a_moon.png", [[1]])
    found, (fault,) = per_class.records(tmp_path / "masks", [path], tmp_path, CLASSES)
    assert not found and fault.file == str(path) and "rename it" in fault.remedy
    path = path.rename(path.with_name("a_cat.png"))
    (record,), faults = per_class.records(tmp_path / "masks", [path], tmp_path, CLASSES)
    assert (record.image, record.mask.layers, faults) == ("a", ((1, path),), [])
