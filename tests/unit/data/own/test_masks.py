"""Masks of a user's own as class indices, and the first value of one that means no class."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import own_folder
from semiproto.data.own import check, masks
from semiproto.data.own.contents import contents
from semiproto.data.own.formats import coco
from semiproto.data.own.layouts.discover import discover


def save_mask(base, array, name="photo1"):
    Image.fromarray(array).save(base / f"masks/{name}.png")


def mask_of(base, name="photo1"):
    return np.array(Image.open(base / f"masks/{name}.png"))


@pytest.mark.parametrize(
    ("array", "kind", "words"),
    [
        (np.full((40, 40, 3), 9, np.uint8), "mask-colour", ["colour (9, 9, 9)", "row 0, column 0", "1600 such pixels"]),
        (np.zeros((40, 40, 4), np.uint8), "mask-unreadable", ["mode RGBA", "without alpha"]),
        (np.zeros((40, 40), np.uint16), "mask-unreadable", ["mode I;16"]),
        (np.zeros((9, 9, 3), np.uint8), "mask-size", ["9x9"]),
    ],
)
def test_faults_of_masks_drawn_in_colours(base, array, kind, words):
    own_folder.drawn_in_colours(base)
    save_mask(base, array)
    source = discover(base, "own")[0]
    (fault,) = check.check(source, contents.read(source)).faults
    assert (fault.kind, fault.file) == (kind, str(base / "masks/photo1.png"))
    assert all(word in str(fault) for word in words)


def test_an_unknown_colour_is_placed_exactly(base):
    own_folder.drawn_in_colours(base)
    pixels = mask_of(base)
    pixels[7, 3] = pixels[20, 1] = (1, 2, 3)
    save_mask(base, pixels)
    source = discover(base, "own")[0]
    (fault,) = check.check(source, contents.read(source)).faults
    assert "colour (1, 2, 3) is not a class (first at row 7, column 3, 2 such pixels)" in fault.found


def rules_of(**changes):
    fields = {"classes": ["background", "square"], "colours": None, "ignore": 255} | changes
    return masks.rules(own_folder.source("own", **fields))


@pytest.fixture
def saved(tmp_path):
    def save(array, mode=None):
        path = tmp_path / "mask.png"
        image = Image.fromarray(np.array(array, np.uint8))
        (image if mode is None else image.convert(mode)).save(path)
        return path

    return save


@pytest.mark.parametrize(
    ("ignore", "values", "expected"),
    [(255, [0, 1, 255], [0, 1, 255]), (0, [0, 1, 1], [255, 1, 1]), (9, [9, 0, 1], [255, 0, 1]), (None, [1, 0], [1, 0])],
)
def test_void_is_any_value_that_the_section_names(saved, ignore, values, expected):
    found = masks.read(saved([values]), (len(values), 1), rules_of(ignore=ignore))
    np.testing.assert_array_equal(found, [expected])
    assert found.dtype == np.uint8


def test_without_void_255_is_a_fault_even_beside_256_colours(saved):
    fault = masks.read(saved([[0, 255, 255]]), (3, 1), rules_of(ignore=None))
    assert fault.kind == "mask-value"
    assert "value 255 is not a class (first at row 0, column 1, 2 such pixels" in fault.found
    assert "values 0 to 1 are classes" in fault.found and "255 is void" not in fault.found


def test_colours_are_told_apart_by_every_channel(saved):
    colours = [[1, 2, 3], [3, 2, 1]]
    rules = rules_of(colours=colours, ignore=[1, 2, 4])
    found = masks.read(saved([[*colours, [1, 2, 4]]]), (3, 1), rules)
    np.testing.assert_array_equal(found, [[0, 1, 255]])


def test_a_palette_mask_may_be_drawn_in_colours(saved):
    colours = [[0, 0, 0], [200, 30, 90]]
    path = saved([colours], mode="P")
    with Image.open(path) as image:
        assert image.mode == "P"
        shown = np.asarray(image.convert("RGB")).tolist()
    rules = rules_of(colours=[[*one] for one in shown[0]], ignore=None)
    np.testing.assert_array_equal(masks.read(path, (2, 1), rules), [[0, 1]])


@pytest.mark.parametrize("suffix", [one for one in masks.MASK_SUFFIXES if one != ".npy"])
def test_every_kind_of_mask_keeps_its_values_and_colours(tmp_path, suffix):
    indices = np.random.default_rng(0).integers(0, 2, (8, 8), np.uint8)
    colours = [(9, 8, 7), (1, 2, 3)]
    grey, drawn = Image.fromarray(indices), Image.fromarray(np.array(colours, np.uint8)[indices]).quantize(4)
    rules = {"grey": rules_of(), "drawn": rules_of(colours=[list(colour) for colour in colours], ignore=None)}
    for name, image in (("grey", grey), ("drawn", drawn)):
        path = tmp_path / f"{name}{suffix}"
        image.save(path)
        np.testing.assert_array_equal(masks.read(path, (8, 8), rules[name]), indices)
    _, palette = masks.read_with_palette(path, (8, 8), rules_of())
    assert (palette is not None) == (suffix == ".png")


def test_the_colours_that_a_palette_mask_uses(tmp_path):
    mask = Image.fromarray(np.array([[0, 2]], np.uint8))
    mask.save(tmp_path / "grey.png")
    mask.putpalette([0, 0, 0, 1, 2, 3, 9, 8, 7])
    mask.save(tmp_path / "palette.png")
    found = [masks.read_with_palette(tmp_path / f"{name}.png", (2, 1), rules_of())[1] for name in ("palette", "grey")]
    assert found == [{0: (0, 0, 0), 2: (9, 8, 7)}, None]


@pytest.mark.parametrize("colours", [None, [[0, 0, 0], [1, 2, 3]]])
def test_a_jpeg_is_no_mask_whatever_it_is_called(tmp_path, colours):
    path = tmp_path / "mask.png"
    Image.new("RGB" if colours else "L", (8, 8)).save(path, format="JPEG")
    found = masks.read(path, (8, 8), rules_of(colours=colours, ignore=None))
    assert found.kind == "mask-unreadable" and "JPEG, which does not keep values" in found.found


def test_an_outline_of_another_size_names_its_image():
    mask = coco.Outlines(Path("a.json"), "photo.png", 30, 40, ())
    fault = masks.read(mask, (40, 40), rules_of())
    assert fault.kind == "mask-size" and fault.file == "a.json"
    assert fault.found == "30x40 pixels, its image photo.png has 40x40"


def test_colours_that_compression_changed_are_told_with_what_to_do(tmp_path):
    drawn = np.zeros((40, 40, 3), np.uint8)
    drawn[8:30, 9:31] = 250, 50, 83
    Image.fromarray(drawn).save(tmp_path / "a.jpg", quality=60)
    assert "different ones lie around 0, (" in masks.near_values(tmp_path / "a.jpg")
    Image.open(tmp_path / "a.jpg").save(tmp_path / "a.png")
    fault = masks.read(tmp_path / "a.png", (40, 40), rules_of(colours=[[0, 0, 0], [250, 50, 83]], ignore=None))
    assert "near the colour of a class, as a JPEG" in fault.found and fault.remedy == masks.LOSSY_REMEDY
    (tmp_path / "b.jpg").write_bytes(b"")
    assert masks.near_values(tmp_path / "b.jpg") == ""
