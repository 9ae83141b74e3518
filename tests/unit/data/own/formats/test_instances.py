"""Folders of one image each, with a mask of each object."""

from pathlib import Path

from semiproto.data.own.formats import instances

ONE = [Path("a/images/a.png"), Path("a/masks/1.png"), Path("a/masks/2.png")]
TWO = [Path("b/images/b.png"), Path("b/masks/1.png")]


def test_several_images_have_folders_and_masks_of_other_names():
    alike = [*ONE[:1], Path("a/masks/a.png"), *TWO[:1], Path("b/masks/b.png")]
    assert instances.is_layout(instances.grouped(ONE + TWO))
    for other in (ONE, alike, [*ONE, Path("a/images/c.png"), *TWO]):
        assert not instances.is_layout(instances.grouped(other))


def test_a_record_has_the_masks_of_its_image_as_one_class(tmp_path):
    files = [tmp_path / "train" / path for path in ONE + TWO]
    first, second = instances.records(tmp_path, files, tmp_path)
    assert (first.image, first.part) == ("train/a/images/a.png", "train")
    assert first.mask.layers == ((1, files[1]), (1, files[2])) and second.mask.layers == ((1, files[4]),)
