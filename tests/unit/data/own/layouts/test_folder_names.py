"""What folders of images and masks may be called."""

import pytest

from pipeline import exports
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("train/images", "train/masks"),
        ("img_dir/train", "ann_dir/train"),
        ("Images", "Masks"),
        ("train", "trainannot"),
        ("training/image_2", "training/semantic"),
        ("train2017", "stuffthingmaps_trainval2017/train2017"),
    ],
)
def test_other_names_of_folders(base, images, masks, discovered):
    for old, new in (("images", images), ("masks", masks)):
        (base / new).parent.mkdir(exist_ok=True)
        (base / old).rename(base / f"moved-{old}")
        (base / f"moved-{old}").rename(base / new)
    source, _ = discovered(base)
    found = contents.read(source)
    assert found.counts() == {"train": 6, "val": 0, "unlabeled": 4} and not found.faults


@pytest.mark.parametrize("names", [("Bilder", "Masken"), ("Bilder", "labels"), ("Fotos", "Maske")])
def test_folders_in_german(tmp_path, names):
    base = tmp_path / "set"
    exports.save_images(base / names[0])
    for stem, mask in exports.truths().items():
        exports.save_mask(base / names[1] / f"{stem}.png", mask)
    source = discover(base, "own").source
    assert (source.images, source.masks) == names and contents.read(source).counts()["train"] == 6
