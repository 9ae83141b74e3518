"""Masks whose values may number the objects of each image."""

import numpy as np
import pytest
from PIL import Image

from pipeline import exports
from semiproto.data.own import check
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def numbered(base, counts, save=exports.save_mask):
    """Masks of 1 to n objects, each one column."""
    for stem, count in zip(exports.TRAIN, counts, strict=True):
        exports.save_image(base / "images", stem)
        mask = np.zeros((exports.HEIGHT, exports.WIDTH), np.uint8)
        mask[4:20, 1 : 2 * count : 2] = np.arange(1, count + 1)
        save(base / f"masks/{stem}.png", mask)
    return base


def test_values_that_may_number_objects_are_said_and_two_names_make_them_one_class(tmp_path):
    base = numbered(tmp_path / "set", (2, 2, 3, 2))
    source, said, _ = discover(base, "set")
    assert source.classes == ["background", "class1", "class2", "class3"]
    assert any("1 to 2, ... and 1 to 3" in line and "write classes.txt" in line for line in said)
    (base / "classes.txt").write_text("background\nobject\n")
    source, said, _ = discover(base, "set")
    assert source.classes == ["background", "object"] and check.check(source, contents.read(source)).errors() == 0
    assert any("which are all object" in line for line in said)


def test_many_objects_are_one_class_until_each_value_has_a_name(tmp_path):
    base = numbered(tmp_path / "set", (1, 2, 3, 4))
    source, said, _ = discover(base, "set")
    assert source.classes == ["background", "object"] and any("write classes.txt" in line for line in said)
    (base / "classes.txt").write_text("background\na\nb\nc\nd\n")
    source, said, _ = discover(base, "set")
    assert source.classes == ["background", "a", "b", "c", "d"] and source.values is None
    assert not any("objects" in line for line in said)


def test_hundreds_of_objects_in_label_images_of_16_and_32_bits_are_one_class(tmp_path):
    for kind in (np.uint16, np.int32):
        base = tmp_path / kind.__name__
        for step, stem in enumerate(exports.TRAIN, start=2):
            exports.save_image(base / "images", stem)
            mask = np.zeros((exports.HEIGHT, exports.WIDTH), kind)
            inside = mask[::step, ::step]
            inside[:] = np.arange(1, inside.size + 1).reshape(inside.shape)
            (base / "masks").mkdir(exist_ok=True)
            Image.fromarray(mask).save(base / f"masks/{stem}.tif")
        source = discover(base, "set").source
        assert source.values == {"0": "background", "1-65535": "object"} and source.ignore is None
        assert check.check(source, contents.read(source)).errors() == 0


def test_void_around_objects_stays_void(tmp_path):
    def bordered(path, mask):
        mask[0] = 255
        exports.save_mask(path, mask)

    source = discover(numbered(tmp_path / "set", (1, 2, 3, 4), bordered), "set").source
    assert (source.values, source.ignore) == ({"0": "background", "1-254": "object"}, 255)


@pytest.mark.parametrize(
    "shown", [((1, 2), (2,), (1, 3), (3,)), ((1,), (1, 2), (4,), (2, 3)), ((1, 2, 3),) * 4, ((1,),) * 4]
)
def test_masks_that_show_some_of_the_classes_number_no_objects(shown, tmp_path):
    def of_classes(path, mask):
        mask[mask > 0] = np.array(shown[int(path.stem[-1])])[mask[mask > 0] - 1]
        exports.save_mask(path, mask)

    base = numbered(tmp_path / "set", [len(values) for values in shown], of_classes)
    source, said, _ = discover(base, "set")
    assert len(source.classes) == 1 + max(max(values) for values in shown) and source.values is None
    assert not any("object" in line for line in said)


def test_classes_in_several_regions_number_no_objects(tmp_path):
    def twice(path, mask):
        exports.save_mask(path, np.roll(mask, 24, axis=1) + mask)

    source, said, _ = discover(numbered(tmp_path / "set", (1, 2, 3, 4), twice), "set")
    assert len(source.classes) == 5 and not any("object" in line for line in said)
