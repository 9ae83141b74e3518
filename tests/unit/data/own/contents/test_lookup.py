"""Which image a name in a list means."""

import pytest

from pipeline import own_folder
from semiproto.data.own.contents import contents

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def test_lists_of_pairs_name_image_and_mask_and_names_may_hold_blanks(base):
    for folder in ("images", "masks"):
        (base / folder / "photo0.png").rename(base / folder / "my photo.png")
    (base / "masks/photo1.png").rename(base / "masks/other.png")
    (base / "train.txt").write_text("images/my photo.png masks/my photo.png\nimages/photo1.png masks/other.png\n")
    found = contents.read(own_folder.source(base, train_list="train.txt"))
    assert [item.mask.name for item in found.of("train")] == ["my photo.png", "other.png"]
    assert [fault.kind for fault in found.faults] == []


def test_a_name_in_a_list_that_two_folders_of_images_have_is_ambiguous(base):
    (base / "more").mkdir()
    (base / "more/photo8.png").write_bytes((base / "images/photo9.png").read_bytes())
    (base / "unlabeled.txt").write_text("photo8.png\n")
    found = contents.read(own_folder.source(base, images=["images", "more"], unlabeled_list="unlabeled.txt"))
    assert [fault.kind for fault in found.faults] == ["ambiguous-name"]


def test_names_with_blanks_are_read_in_quotes(base):
    (base / "images/photo0.png").rename(base / "images/my photo.png")
    (base / "masks/photo0.png").rename(base / "masks/my photo.png")
    (base / "train.txt").write_text('"my photo"\nphoto1\n')
    found = contents.read(own_folder.source(base, train_list="train.txt"))
    assert found.counts()["train"] == 2 and not found.faults
