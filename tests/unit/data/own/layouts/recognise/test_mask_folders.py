"""Folders of masks, whatever people call them."""

import shutil

import numpy as np
import pytest
from PIL import Image

from pipeline import exports
from semiproto.data.own import check
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def test_folders_with_words_for_images_and_masks_in_their_names(base, discovered):
    """As Kaggle's semantic drone data set; masks of values come before those in colours."""
    (base / "images").rename(base / "original_images")
    for path in (base / "masks").iterdir():
        coloured = np.array([(0, 0, 0), (9, 8, 7), (5, 0, 0)], np.uint8)[np.array(Image.open(path)).clip(max=2)]
        (base / "RGB_color_image_masks").mkdir(exist_ok=True)
        Image.fromarray(coloured).save(base / "RGB_color_image_masks" / path.name)
    (base / "masks").rename(base / "label_images_semantic")
    source, _ = discovered(base)
    assert (source.images, source.masks) == ("original_images", "label_images_semantic")
    assert check.check(source, contents.read(source)).errors() == 0


def test_folders_of_any_name_are_known_by_the_names_of_their_masks(base, discovered):
    (base / "images").rename(base / "rushes")
    (base / "masks").rename(base / "approved")
    for path in (base / "approved").iterdir():
        path.rename(path.with_name(f"{path.stem}_L.png"))
    source, _ = discovered(base)
    assert (source.images, source.masks) == ("rushes", "approved")
    assert contents.read(source).counts() == {"train": 6, "val": 0, "unlabeled": 4}


def _numbered(base, image, mask):
    """Images 0 and 1 in a folder of each part, and their masks, with these names."""
    for number, stem in enumerate(exports.TRAIN):
        place = {"part": ("train", "val")[number // 2], "n": number % 2}
        path = base / image.format(**place)
        exports.save_image(path.parent, stem, path.name)
        exports.save_mask(base / mask.format(**place), exports.truth(stem))


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{part}/{n}_sat.png", "{part}/{n}_mask.png"),
        ("{part}/images/image_{n}.png", "{part}/masks/mask_{n}.png"),
        ("{part}/images/img-{n}.png", "{part}/masks/{n}.png"),
        ("{part}/images_png/{n}.png", "{part}/masks_png/{n}.png"),
        ("images/10k/{part}/{n}.png", "labels/sem_seg/masks/{part}/{n}.png"),
    ],
)
def test_images_and_masks_are_called_as_people_call_them(image, mask, tmp_path):
    _numbered(tmp_path, image, mask)
    if "sem_seg" in mask:  # BDD100K has the masks in colours too
        shutil.copytree(tmp_path / "labels/sem_seg/masks", tmp_path / "labels/sem_seg/colormaps")
    found = contents.read(discover(tmp_path, "set")[0])
    assert found.counts() == {"train": 2, "val": 2, "unlabeled": 0} and not found.faults
    stems = iter(exports.TRAIN)
    assert all((np.array(Image.open(item.mask)) == exports.truth(next(stems))).all() for item in found.items)


@pytest.mark.parametrize("folder", ["depth", "v1.2/panoptic"])
def test_what_lies_beside_the_images_of_a_part_is_no_image(folder, tmp_path):
    base = tmp_path / "set"
    _numbered(base, "{part}/images/{n}.png", "{part}/masks/{n}.png")
    for part in ("train", "val"):
        shutil.copytree(base / part / "images", base / part / folder)
    exports.save_image(base / "unlabeled/day1", exports.BARE[0])
    found = contents.read(discover(base, "set")[0])
    assert found.counts() == {"train": 2, "val": 2, "unlabeled": 1}
    assert [row.count for row in found.files if "neither in dataset.images" in row.use] == [2, 2]


def test_a_further_mask_of_an_image_is_no_image_and_an_error_until_it_is_joined(tmp_path):
    base = tmp_path / "set" / "benign"
    for stem in exports.TRAIN:
        exports.save_image(base, stem, f"{stem} (1).png")
        exports.save_mask(base / f"{stem} (1)_mask.png", exports.truth(stem))
    further = base / "photo0 (1)_mask_1.png"
    exports.save_mask(further, exports.truth("photo0"))
    found = contents.read(discover(base.parent, "set")[0])
    assert found.counts() == {"train": 4, "val": 0, "unlabeled": 0}
    assert [fault.kind for fault in found.faults] == ["same-stem"] and "join them into one file" in str(found.faults[0])
    further.unlink()
    assert not contents.read(discover(base.parent, "set")[0]).faults


def test_a_folder_beside_the_images_called_like_them_and_like_masks(tmp_path):
    base = tmp_path / "camvid"
    exports.save_images(base / "default")
    for stem in exports.TRAIN:
        exports.save_mask(base / f"defaultannot/{stem}.png", np.array(exports.COLOURS, np.uint8)[exports.truth(stem)])
    lines = (
        f"{' '.join(map(str, colour))} {name}" for colour, name in zip(exports.COLOURS, exports.CLASSES, strict=True)
    )
    exports.write(base / "label_colors.txt", "\n".join(lines))
    source = discover(base, "set").source
    assert source.classes == list(exports.CLASSES) and source.colours == [list(one) for one in exports.COLOURS]
    assert contents.read(source).counts() == {"train": 4, "val": 0, "unlabeled": 4}


@pytest.mark.parametrize("ending", ["_Simple Segmentation", "_cp_masks", "-labels", "_label_ground-truth_semantic"])
def test_masks_of_programs_beside_their_images(ending, tmp_path):
    for stem in exports.TRAIN:
        exports.save_image(tmp_path / "set", stem, f"{stem}.png")
        exports.save_mask(tmp_path / f"set/{stem}{ending}.png", exports.truth(stem))
    assert contents.read(discover(tmp_path / "set", "set")[0]).counts() == {"train": 4, "val": 0, "unlabeled": 0}


def test_of_the_pictures_of_segments_ai_those_of_classes_are_masks(tmp_path):
    base = tmp_path / "set"
    for stem in exports.TRAIN:
        exports.save_image(base, stem)
        exports.save_mask(base / f"{stem}_label_ground-truth_semantic.png", exports.truth(stem))
        for ending in ("", "_instance", "_semantic_colored"):
            exports.save_mask(base / f"{stem}_label_ground-truth{ending}.png", 7 * exports.truth(stem))
    source = discover(base, "set").source
    found = contents.read(source)
    assert len(source.classes) == 3 and not found.faults and found.counts() == {"train": 4, "val": 0, "unlabeled": 0}
    assert all(item.mask.stem.endswith("_semantic") for item in found.items)
