"""Tables of pairs."""

import pytest

from pipeline import own_folder
from semiproto.data.own.contents import contents

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def test_pairs(base, discovered):
    source, said = discovered(own_folder.paired(base))
    assert source.masks == "pairs.csv" and source.images == "images"
    assert "pairs of images and masks from pairs.csv" in said
    assert "2 validation images, from pairs.csv" in said and "4 images with masks to train with, from pairs.csv" in said


def test_a_csv_of_something_else_is_no_table_of_pairs(base, discovered):
    (base / "notes.csv").write_text("file,remark\na,b\n")
    assert discovered(base)[0].masks == "masks"


def test_folders_of_any_name_are_known_by_a_table(base, discovered):
    (base / "images").rename(base / "pics")
    (base / "masks").rename(base / "anno")
    (base / "all.csv").write_text("image,mask\npics/photo0.png,anno/photo0.png\npics/photo1.png,anno/photo1.png\n")
    source, _ = discovered(base)
    assert (source.images, source.masks) == ("pics", "all.csv")
    assert contents.read(source).counts() == {"train": 2, "val": 0, "unlabeled": 4}
