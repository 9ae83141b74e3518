"""Masks that are files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import exports, own_folder
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def uses(found):
    return {row.use: row.count for row in found.files}


def as_jpeg(base, *numbers, folder="masks", ending=""):
    for number in numbers:
        path = base / f"masks/photo{number}.png"
        with Image.open(path) as mask:
            target = base / folder / f"photo{number}{ending}.jpg"
            Image.fromarray(255 * np.array(mask)).resize((41, 41)).save(target, quality=50)
        path.unlink()


def test_jpeg_masks_are_one_line_that_says_what_they_lost(base):
    as_jpeg(base, 0, 1, 2)
    found = contents.read(own_folder.source(base))
    (fault,) = found.faults
    assert fault.kind == "mask-suffix" and "(and so for 2 more files)" in fault.found
    assert "different ones lie around 0" in fault.found and "export the masks again as PNG" in fault.remedy
    assert uses(found)["passed over: .jpg files where a mask should be"] == 3


def test_jpeg_masks_in_folders_of_parts_and_beside_their_images_are_no_images(base):
    for folder in ("images", "masks"):
        for part in ("train", "val"):
            (base / folder / part).mkdir()
            Image.new("L", (40, 40)).save(base / folder / part / ("x.png" if folder == "images" else "x.jpg"))
    assert [fault.kind for fault in contents.read(own_folder.source(base)).faults] == ["mask-suffix"]

    as_jpeg(base, 0, folder="images", ending="_mask")
    for path in sorted((base / "masks").glob("*.png")):
        path.rename(base / f"images/{path.stem}_mask.png")
    found = contents.read(own_folder.source(base, masks="images"))
    assert [(fault.kind, "photo0_mask.jpg" in fault.file) for fault in found.faults] == [("mask-suffix", True)]
    assert not [item for item in found.items if "mask" in item.image.stem]


def test_masks_in_two_forms_are_not_mixed(tmp_path):
    base = exports.cityscapes(tmp_path / "streets")
    for path in sorted((base / "gtFine/train/ulm").glob("*_labelIds.png"))[:-1]:
        exports.save_mask(path.with_name(path.name.replace("labelIds", "labelTrainIds")), exports.truth(path.name[:6]))
    source = discover(base, "own").source
    found = contents.read(source)
    assert not found.faults and found.counts()["train"] == 4  # label ids are those of most
    assert uses(found)["passed over: masks in another form than labelids"] == 3
    last = sorted((base / "gtFine/train/ulm").glob("*_labelIds.png"))[-1]
    last.rename(last.with_name(last.name.replace("labelIds", "labelTrainIds")))
    (fault,) = contents.read(source).faults
    assert (fault.kind, Path(fault.file).name) == ("mask-form", last.name.replace("labelIds", "labelTrainIds"))


def test_class_files_of_folders_that_contradict_each_other_are_an_error_with_old_parameters_too(tmp_path):
    base = exports.roboflow_masks(tmp_path / "set")
    source = discover(base, "own").source
    exports.write(base / "valid/_classes.csv", "Pixel Value, Class\n0, background\n1, dog\n2, cat\n")
    (fault,) = contents.read(source).faults
    assert fault.kind == "class-files" and fault.file == str(base / "valid/_classes.csv")
    with pytest.raises(UserError, match="1 is 'dog', and 'cat'"):
        discover(base, "own")


def test_class_names_written_after_the_parameters_are_looked_at(base):
    source = discover(base, "own").source
    assert contents.read(source).faults == []
    for text, words in (("square\nbackground\n", "'square' is 0, and 1 by dataset.classes"), ("", "")):
        (base / "classes.txt").write_text(text)
        assert [fault.found for fault in contents.read(source).faults if not fault.warning] == [words] * bool(words)
    (base / "classes.txt").unlink()
    (base / "masks/classes.txt").write_text("background\nbox\n")
    (fault,) = contents.read(source).faults
    assert (
        fault.warning and fault.file == str(base / "masks/classes.txt") and "box, which dataset.classes" in fault.found
    )
