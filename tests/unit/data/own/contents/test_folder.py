"""What names of folders and parameters say."""

from pipeline import own_folder
from semiproto.data.own.contents.folder import Folder, deepest


def test_a_file_is_of_the_part_of_its_folders_below_the_set(tmp_path):
    base = own_folder.make(tmp_path / "test set")
    (base / "images/val").mkdir()
    (base / "images/photo9.png").rename(base / "images/val/photo9.png")
    folder = Folder(own_folder.source(base), base)
    assert (
        folder.part_of(base / "images/val/photo9.png") == "val" and folder.part_of(base / "images/photo8.png") is None
    )


def test_what_lies_below_masks_is_found_and_the_closest_folder_is_meant(base):
    folder = Folder(own_folder.source(base), base)
    assert {path.parent.name for path in folder.below_labels()} == {"masks"} and len(folder.below_labels()) == 6
    assert folder.relative(base / "masks/photo0.png").as_posix() == "masks/photo0.png"
    assert deepest(base / "a/b/c.png", [base, base / "a", base / "b"]) == base / "a"
    assert deepest(base / "a/b/c.png", [base / "b"]) is None


def test_a_parameter_names_one_file_or_several_or_none(base):
    folder = Folder(own_folder.source(base), base)
    assert folder.paths("a.txt") == [base / "a.txt"] and folder.paths(["a", "b"]) == [base / "a", base / "b"]
    assert folder.paths(None) == []
