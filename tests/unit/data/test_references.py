"""Images of the user's folder that are used where they are: the ones that the set was prepared from, or none."""

import os
import shutil

import numpy as np
import pytest

from pipeline import own_folder
from semiproto.data import layout, references
from semiproto.data.dataset import Images
from semiproto.data.layout import FILES
from semiproto.data.own import prepare
from semiproto.data.own.contents import contents
from semiproto.data.references import MANIFEST, PLACES, image_files
from semiproto.errors import UserError
from semiproto.params import FolderSource
from semiproto.report.images.sample import PreparedSet


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


@pytest.fixture
def root(base, tmp_path):
    """The files of a set that refers to the images of `base`."""
    root, source = tmp_path / "set" / FILES, FolderSource.model_validate(own_folder.section(base, storage="reference"))
    found = contents.read(source)
    prepare.prepare(root, source, found)
    references.write_places(root.parent, {item.id: item.image for item in found.items})
    return root


def rewritten(file, data):
    """Other content with the length and time that the file had."""
    facts = file.stat()
    with file.open("r+b") as stream:
        stream.write(data)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_images_are_those_of_a_copied_set_and_none_is_stored(root, base, tmp_path):
    copies = tmp_path / "copies"
    prepare.prepare(copies, FolderSource.model_validate(own_folder.section(base)))
    ids = [f"photo{n}" for n in range(10)]
    assert list(image_files(root)) == list(image_files(copies)) == ids
    for own, other in zip(
        map(Images(root, ids).image, range(10)), map(Images(copies, ids).image, range(10)), strict=True
    ):
        np.testing.assert_array_equal(own, other)
    assert not (root / layout.IMAGES).exists()
    assert Images(root, ids).files == [base / f"images/{name}.png" for name in ids]
    assert len((root / MANIFEST).read_bytes()) < 100 * 10


def test_names_that_are_no_text_are_found_again(base, tmp_path):
    odd = base / "images" / os.fsdecode(b'caf\xe9, "a"\n b.png')
    (base / "images/photo9.png").rename(odd)
    (tmp_path / "set").mkdir()
    references.write_places(tmp_path / "set", {"a": odd})
    references.write(tmp_path / "set", {})
    assert dict(references._rows(tmp_path / "set" / PLACES, "id", "path")) == {"a": str(odd)}


def test_what_changed_in_place_is_named_and_not_used(root, base, one_line):
    images, file = Images(root, ["photo3"]), base / "images/photo3.png"
    images.image(0)
    rewritten(file, (base / "images/photo4.png").read_bytes()[: file.stat().st_size])
    for reader in (images, Images(root, ["photo3"])):  # one that has read it, and one that has not
        with pytest.raises(UserError) as error:
            reader.image(0)
        one_line(error, str(file), "changed since the set was prepared", "snakemake --cores all")
    with pytest.raises(UserError, match="changed since"):
        PreparedSet(root).sample("photo3", [])
    assert list(references.changed(root)) == [file]


def test_what_changes_while_it_is_read_is_not_used(root, base, monkeypatch):
    real, file = layout.read_image, base / "images/photo3.png"

    def read(path, form):
        image = real(path, form)
        shutil.copyfile(base / "images/photo4.png", path)
        return image

    monkeypatch.setattr(layout, "read_image", read)
    with pytest.raises(UserError, match=f"{file}: changed since"):
        image_files(root)["photo3"].read()


def test_what_was_restored_or_touched_is_used(root, base):
    images, file = Images(root, ["photo3"]), base / "images/photo3.png"
    before, aside = images.image(0), base / "aside.png"
    shutil.copyfile(file, aside)
    file.unlink()
    aside.rename(file)
    os.utime(file, (1, 1))
    file.chmod(0o600)
    np.testing.assert_array_equal(images.image(0), before)
    np.testing.assert_array_equal(Images(root, ["photo3"]).image(0), before)
    assert not list(references.changed(root))


def test_a_file_is_hashed_once_for_each_state(root, monkeypatch):
    hashed, real = [], references.sha256_file
    monkeypatch.setattr(references, "sha256_file", lambda path: hashed.append(path) or real(path))
    images = Images(root, ["photo3"])
    for _ in "123":
        images.image(0)
    assert len(hashed) == 1
    os.utime(images.files[0], (1, 1))
    images.image(0)
    assert len(hashed) == 2


@pytest.mark.parametrize("gone", ["unlinked", "dead link", "a folder"])
def test_a_missing_image_is_named(root, base, gone, one_line):
    file = base / "images/photo3.png"
    file.unlink()
    if gone == "dead link":
        file.symlink_to("nothing")
    if gone == "a folder":
        file.mkdir()
    with pytest.raises(UserError) as error:
        Images(root, ["photo3"]).image(0)
    one_line(error, str(file))
    assert list(references.changed(root)) == [file]


@pytest.mark.parametrize("text", ["", "id,path\n", "a\n", "id,path\nphoto0\n", "id,path\nphoto0,\0\n"])
def test_places_that_are_missing_or_damaged_are_named(root, text, one_line):
    places = root.parent / PLACES
    places.write_text(text)
    with pytest.raises(UserError) as error:
        image_files(root)
    one_line(error, PLACES, "snakemake --cores all")
    places.unlink()
    with pytest.raises(UserError) as error:
        image_files(root)
    one_line(error, "no such file", "snakemake --cores all")
    assert references.unplaced(root)


@pytest.mark.parametrize("text", ["", "id,bytes,sha256\nphoto0,many,0\n", "id,bytes\n"])
def test_a_damaged_manifest_is_named(root, text, one_line):
    (root / MANIFEST).write_text(text)
    with pytest.raises(UserError) as error:
        image_files(root)
    one_line(error, ".csv")
