"""Binary masks of one class each."""

import shutil

import numpy as np
import pytest
from PIL import Image

from pipeline import exports
from semiproto.data.own import masks
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def test_masks_by_class_in_the_folder_of_each_part(base, discovered):
    numbers = {"training": (0, 1, 2), "validation": (3, 4), "Test": (5,)}
    for part, those in numbers.items():
        for number in those:
            mask = np.array(Image.open(base / f"masks/photo{number}.png"))
            (base / part / "img").mkdir(parents=True, exist_ok=True)
            (base / f"images/photo{number}.png").rename(base / part / f"img/{number}.png")
            for name, covered in (("square", mask == 1), ("corner", np.arange(mask.size).reshape(mask.shape) < 50)):
                (base / part / "label" / name).mkdir(parents=True, exist_ok=True)
                Image.fromarray(255 * covered.astype(np.uint8)).save(base / part / f"label/{name}/{number}.png")
    for name in ("images", "masks"):
        shutil.rmtree(base / name)
    (base / "classes.txt").unlink()
    source, _ = discovered(base)
    assert (source.format, source.classes) == ("per-class", ["background", "corner", "square"])
    found = contents.read(source)
    assert found.counts() == {"train": 3, "val": 2, "unlabeled": 0} and not found.faults
    assert all(len(item.mask.layers) == 2 for item in found.items)


def test_masks_by_class_of_images_that_each_show_one_class(base, discovered):
    (base / "classes.txt").unlink()
    for number in range(6):
        folder = base / "masks" / ("round" if number % 2 else "square")
        folder.mkdir(exist_ok=True)
        (base / f"masks/photo{number}.png").rename(folder / f"photo{number}.png")
    assert discovered(base)[0].classes == ["background", "round", "square"]
    for number in range(6):  # folders that the images lie in too are no classes
        folder = base / "images" / ("round" if number % 2 else "square")
        folder.mkdir(exist_ok=True)
        (base / f"images/photo{number}.png").rename(folder / f"photo{number}.png")
    assert discovered(base)[0].classes == ["background", "class1"]


def test_folders_of_classes_may_lie_beside_that_of_the_images(tmp_path):
    base = tmp_path / "set"
    for part, stems in (("train", exports.TRAIN), ("val", exports.VAL)):
        exports.save_images(base / part / "images", stems)
        for stem in stems:
            for index, name in enumerate(exports.CLASSES[1:], start=1):
                exports.save_mask(base / part / f"{name}/{stem}.png", (exports.truth(stem) == index) * np.uint8(255))
    source, said, _ = discover(base, "set")
    found = contents.read(source)
    assert said[0].startswith("layout: a folder of masks per class;") and source.classes == list(exports.CLASSES)
    assert found.counts() == {"train": 4, "val": 2, "unlabeled": 0} and not found.faults
    rules = masks.rules(source)
    for item in found.items:
        drawn = masks.read(item.mask, (exports.WIDTH, exports.HEIGHT), rules)
        np.testing.assert_array_equal(drawn, exports.truth(item.image.stem))


def test_masks_by_class_in_folders_of_any_name(tmp_path):
    base = tmp_path / "set"
    for stem in exports.TRAIN:
        exports.save_image(base / "1. Originals/a. Training Set", stem)
        for index, name in enumerate(("MA", "EX"), start=1):
            mask = (exports.truth(stem) == index) * np.uint8(255)
            exports.save_mask(base / f"2. Truths/a. Training Set/{index}. {name.lower()}/{stem}_{name}.tif", mask)
    source = discover(base, "set").source
    found = contents.read(source)
    assert source.classes == ["background", "EX", "MA"] and found.counts()["train"] == 4 and not found.faults
