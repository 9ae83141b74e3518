"""Every file is accounted for."""

import pytest

from pipeline import own_folder
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def test_every_file_is_accounted_for(base):
    for name in ("images/a.jp2", "masks/photo0.npy", "notes.pdf", "more/b.jpg", "images/.hidden", "masks/stray.png"):
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).write_bytes(b"x")
    found = contents.read(own_folder.source(base))
    assert sum(row.count for row in found.files) == sum(path.is_file() for path in base.rglob("*"))
    assert {
        row.use.removeprefix("passed over: "): row.example for row in found.files if row.use.startswith("passed")
    } == {
        ".jp2 files, which are not read as images": "images/a.jp2",
        ".npy masks of images that have a .png mask": "masks/photo0.npy",
        "other files (.pdf)": "notes.pdf",
        "pictures in more/, which is neither in dataset.images nor in dataset.masks": "more/b.jpg",
        "hidden files and those of the system": "images/.hidden",
        "masks without an image": "masks/stray.png",
    }


def test_images_that_a_test_list_names_are_counted_as_test_images(base):
    (base / "train.txt").write_text("photo0\nphoto1\n")
    (base / "test.txt").write_text("photo4\nphoto5\n")
    rows = {row.use: row.count for row in contents.read(discover(base, "own")[0]).files}
    assert rows["passed over: test images, left out of everything"] == 2
