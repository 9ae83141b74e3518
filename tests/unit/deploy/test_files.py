"""Where results go, and what of the named folders is used."""

import os

import numpy as np
import pytest
from PIL import Image

from semiproto.deploy.files import Options, files_of, images, uses
from semiproto.errors import UserError


@pytest.fixture
def folder(tmp_path):
    for name in ("b.JPG", "a.png", "c.tif", "d.webp", "e.bmp", "notes.txt", "more.txt", "README", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/f.png").touch()
    return tmp_path


def test_images_of_all_formats_are_used_and_the_rest_is_counted_with_an_example(folder):
    assert [path.name for path in images([folder])] == ["a.png", "b.JPG", "c.tif", "d.webp", "e.bmp"]
    assert [(row.use, row.count, row.example) for row in uses([folder])] == [
        ("images", 5, "a.png"),
        ("passed over: .txt files", 2, "more.txt"),
        ("passed over: hidden files and those of the system", 1, ".hidden.png"),
        ("passed over: images in subfolders; name the subfolders too", 1, "sub/f.png"),
        ("passed over: without suffix files", 1, "README"),
    ]


def test_files_that_are_named_themselves_are_used_whatever_they_are_called(folder):
    assert images([folder / "notes.txt"]) == [folder / "notes.txt"] and uses([folder / "notes.txt"]) == []


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.symlink_to("absent"), lambda path: None])
def test_nothing_to_predict_is_one_line(tmp_path, one_line, make):
    make(tmp_path / "images")
    with pytest.raises(UserError) as error:
        images([tmp_path / "images"])
    one_line(error, tmp_path / "images")


def test_two_images_of_one_stem_are_refused_and_links_in_circles_are_not_followed(tmp_path, one_line):
    (tmp_path / "a.png").symlink_to("a.png")
    assert images([tmp_path]) == [tmp_path / "a.png"]
    (tmp_path / "a.tif").touch()
    with pytest.raises(UserError) as error:
        images([tmp_path])
    one_line(error, "a.tif", "a.png", "same name")


def test_pictures_have_png_masks_and_scenes_geotiffs(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "plain.tif")
    Image.new("L", (4, 4)).save(tmp_path / "world.tif")
    (tmp_path / "world.tfw").write_text("1\n0\n0\n-1\n0\n0\n")
    options = Options(overlay=True, confidence=True)
    plain, world = (files_of(tmp_path / f"{name}.tif", tmp_path / "out", options, "") for name in ("plain", "world"))
    assert [path.name for path in plain.outputs()] == ["plain.png", "plain.jpg", "plain.png"] and not plain.is_scene
    assert [path.name for path in world.outputs()] == ["world.tif"] * 3 and world.is_scene


def test_the_text_of_a_mask_changes_with_its_image_and_the_key(tmp_path):
    path = tmp_path / "a.bmp"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    first = files_of(path, tmp_path, Options(), "key").text
    others = [files_of(path, tmp_path, Options(), "other").text]
    os.utime(path, (1, 1))
    assert files_of(path, tmp_path, Options(), "key").text == first
    Image.fromarray(np.ones((4, 4), np.uint8)).save(path)  # as long as before
    os.utime(path, (1, 1))
    others.append(files_of(path, tmp_path, Options(), "key").text)
    assert len({first, *others}) == 3
