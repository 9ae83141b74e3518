"""Ids, lists, images and masks of a prepared set."""

import numpy as np
import pytest
from PIL import Image

from semiproto.data.layout import (
    check_id,
    images_by_id,
    read_classes,
    read_image,
    read_list,
    read_mask,
    voc_palette,
    write_mask,
)
from semiproto.errors import UserError


@pytest.mark.parametrize(
    "image_id", ["a", "2007_000032", "munster_000000_000019_leftImg8bit", "x.y-z", "_a", "A" * 200]
)
def test_plain_names_are_ids(image_id):
    assert check_id(image_id, "here") == image_id


@pytest.mark.parametrize(
    "image_id",
    ["", ".", "..", ".hidden", "a/b", "../a", "/etc/passwd", "a b", "a\nb", "a\n", "-a", "ä", "A" * 201, "a\\b"],
)
def test_names_that_could_leave_the_folder_are_refused(image_id, one_line):
    with pytest.raises(UserError) as error:
        check_id(image_id, "list.txt, line 3")
    one_line(error, "list.txt, line 3")


def test_a_list_keeps_its_order_and_skips_blank_lines(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"c\r\n\r\na\n  b  \n\n")
    assert read_list(path) == ["c", "a", "b"]


def test_an_empty_list_is_empty(tmp_path):
    (tmp_path / "list.txt").write_text("")
    assert read_list(tmp_path / "list.txt") == []


@pytest.mark.parametrize(
    ("text", "words"), [("a\nb\na\n", ["line 3", "'a'", "line 1"]), ("a\n../b\n", ["line 2", "../b"])]
)
def test_bad_lists_name_the_line(tmp_path, one_line, text, words):
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        read_list(path)
    one_line(error, path, *words)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00a"])
def test_unreadable_lists(tmp_path, one_line, content):
    path = tmp_path / "list.txt"
    if content:
        path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_list(path)
    one_line(error, path)


def test_classes_are_the_lines(tmp_path):
    (tmp_path / "classes.txt").write_text("background\nzero\none\n")
    assert read_classes(tmp_path) == ["background", "zero", "one"]


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_images_are_found_by_stem(tmp_path):
    touch(tmp_path, "b.PNG", "a.jpg", "c.d.jpeg", "notes.txt", ".hidden.png")
    found = images_by_id(tmp_path)
    assert {image_id: path.name for image_id, path in found.items()} == {"a": "a.jpg", "b": "b.PNG", "c.d": "c.d.jpeg"}


@pytest.mark.parametrize("names", [["a.jpg", "a.png"], ["bad name.png"]])
def test_ambiguous_or_bad_image_names(tmp_path, one_line, names):
    touch(tmp_path, *names)
    with pytest.raises(UserError) as error:
        images_by_id(tmp_path)
    one_line(error, names[-1])


def test_a_missing_image_folder(tmp_path, one_line):
    with pytest.raises(UserError) as error:
        images_by_id(tmp_path / "absent")
    one_line(error, tmp_path / "absent")


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "1", "LA", "CMYK"])
def test_any_image_is_read_as_rgb(tmp_path, mode):
    suffix = "jpg" if mode == "CMYK" else "png"
    path = tmp_path / f"image.{suffix}"
    Image.new("RGB", (5, 4), (255, 255, 255)).convert(mode).save(path)
    image = read_image(path)
    assert image.shape == (4, 5, 3) and image.dtype == np.uint8
    assert image.min() > 250


def test_sixteen_bits_become_eight(tmp_path):
    values = np.array([[0, 255, 256, 32768, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    assert read_image(tmp_path / "deep.png")[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_the_exif_turn_is_applied(tmp_path):
    image = Image.new("RGB", (8, 4))
    exif = image.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").shape == (8, 4, 3)


@pytest.mark.parametrize("kept", [20, 400, -1])
def test_a_truncated_jpeg_is_one_clear_error(tmp_path, one_line, kept):
    path = tmp_path / "image.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError) as error:
        read_image(path)
    one_line(error, path, "replace or remove it")


@pytest.mark.parametrize("read", [read_image, read_mask])
@pytest.mark.parametrize("kind", ["missing", "empty", "garbage", "truncated"])
def test_damaged_files_are_one_clear_error(tmp_path, one_line, read, kind):
    path = tmp_path / "file.png"
    if kind == "truncated":
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:-600])
    elif kind != "missing":
        path.write_bytes(b"" if kind == "empty" else b"not an image" * 9)
    with pytest.raises(UserError) as error:
        read(path)
    one_line(error, path)


def test_a_mask_is_written_and_read_unchanged(tmp_path):
    mask = np.random.default_rng(0).integers(0, 256, (9, 13), dtype=np.uint8)
    write_mask(tmp_path / "mask.png", mask)
    found = read_mask(tmp_path / "mask.png")
    np.testing.assert_array_equal(found, mask)
    assert found.dtype == np.uint8
    with Image.open(tmp_path / "mask.png") as image:
        assert image.mode == "P"
        colours = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(colours, voc_palette()[mask])


@pytest.mark.parametrize("mode", ["L", "P"])
def test_grey_and_palette_masks_give_their_indices(tmp_path, mode):
    image = Image.fromarray(np.array([[0, 1, 20, 255]], dtype=np.uint8))
    if mode == "P":
        image.putpalette([7] * 768)
    image.save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png").tolist() == [[0, 1, 20, 255]]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_a_coloured_mask_is_refused(tmp_path, one_line, mode):
    Image.new(mode, (4, 4)).save(tmp_path / "mask.png")
    with pytest.raises(UserError) as error:
        read_mask(tmp_path / "mask.png")
    one_line(error, "mask.png", mode)


def test_the_palette_is_vocs():
    expected = [
        (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128),
        (128, 128, 128), (64, 0, 0), (192, 0, 0), (64, 128, 0), (192, 128, 0), (64, 0, 128), (192, 0, 128),
        (64, 128, 128), (192, 128, 128), (0, 64, 0), (128, 64, 0), (0, 192, 0), (128, 192, 0), (0, 64, 128),
    ]  # fmt: skip
    palette = voc_palette()
    assert palette.shape == (256, 3) and palette.dtype == np.uint8
    assert [tuple(colour) for colour in palette[:21].tolist()] == expected
    assert palette[255].tolist() == [224, 224, 192]
    assert len({tuple(colour) for colour in palette.tolist()}) == 256
