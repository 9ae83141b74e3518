"""Ids, lists, images and masks of a prepared set."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from semiproto.data.images.pixels import PixelFormat, SetPixels
from semiproto.data.layout import (
    PIXELS,
    check_id,
    images_by_id,
    read_classes,
    read_image,
    read_list,
    read_mask,
    read_pixels,
    read_values,
    voc_palette,
    write_mask,
    write_pixels,
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


def test_deep_samples_become_eight_bits_by_the_sets_range(tmp_path):
    values = np.array([[90, 100, 102, 610, 1120, 2000]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    form = PixelFormat(kind="integer", low=[100.0] * 3, high=[1120.0] * 3)
    image = read_image(tmp_path / "deep.png", form)
    assert image[0].tolist() == [[value] * 3 for value in (0, 0, 0, 128, 255, 255)]


def test_deep_samples_without_a_range_are_refused(tmp_path, one_line):
    Image.fromarray(np.array([[700]], dtype=np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(UserError) as error:
        read_image(tmp_path / "deep.png")
    one_line(error, tmp_path / "deep.png", "more than 8 bits")


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


def grey_png(values, bits):
    """A grey PNG of 1, 2 or 4 bits a pixel, as optimisers write it; values [height, width]."""
    height, width = values.shape
    spread = (values[..., None] >> np.arange(bits)[::-1]) & 1
    rows = np.packbits(spread.astype(np.uint8).reshape(height, -1), axis=1)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_masks_of_few_bits_keep_their_indices(tmp_path, bits):
    """Decoders multiply them to show them: index 3 of 2 bits would be 255, which is void."""
    values = np.arange(2**bits, dtype=np.uint8).reshape(2, -1)
    (tmp_path / "mask.png").write_bytes(grey_png(values, bits))
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), values)


@pytest.mark.parametrize("zero", ["MINISBLACK", "MINISWHITE"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_tiff_masks_keep_their_indices_also_where_zero_is_shown_white(tmp_path, bits, zero):
    """ImageJ's inverting table makes 0 white; of two values, those that are shown count, as drawn."""
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    values = np.arange(2**bits, dtype=np.uint8).repeat(8).reshape(2, -1)
    shape = {"width": values.shape[1], "height": 2, "count": 1, "dtype": "uint8", "nbits": bits, "photometric": zero}
    with rasterio.open(tmp_path / "mask.png", "w", driver="GTiff", **shape) as file:
        file.write(values, 1)
    shown = 1 - values if bits == 1 and zero == "MINISWHITE" else values
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), shown)


def test_sixteen_bit_masks_are_read_where_their_values_fit(tmp_path, one_line):
    Image.fromarray(np.array([[0, 7, 255]], np.uint16)).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png").tolist() == [[0, 7, 255]]
    Image.fromarray(np.array([[0, 256]], np.uint16)).save(tmp_path / "mask.png")
    with pytest.raises(UserError) as error:
        read_mask(tmp_path / "mask.png")
    one_line(error, "mask.png", "value 256", "0 to 253")


@pytest.mark.parametrize(("format", "name"), [("JPEG", "JPEG"), ("WEBP", "WEBP"), ("PPM", "PPM")])
def test_masks_in_formats_that_change_values_are_refused_by_name(tmp_path, one_line, format, name):
    Image.new("L", (4, 4)).save(tmp_path / "mask.png", format=format)
    with pytest.raises(UserError) as error:
        read_mask(tmp_path / "mask.png")
    one_line(error, "mask.png", name, "save it as PNG")


def test_a_mask_that_claims_too_many_pixels_is_one_clear_error(tmp_path, one_line):
    header = struct.pack(">IIBBBBB", 60000, 60000, 1, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    (tmp_path / "mask.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    with pytest.raises(UserError) as error:
        read_mask(tmp_path / "mask.png")
    one_line(error, "mask.png", "3600000000 pixels")


def test_what_is_measured_of_the_images_is_kept_and_read(tmp_path, one_line):
    assert read_pixels(tmp_path) == SetPixels()
    write_pixels(tmp_path, SetPixels())
    assert not (tmp_path / PIXELS).exists()  # 8-bit colour: the prepared set is what it has always been
    measured = SetPixels(format=PixelFormat(bands=4), mean=[0.1] * 4, std=[0.2] * 4)
    write_pixels(tmp_path, measured)
    assert read_pixels(tmp_path) == measured
    (tmp_path / PIXELS).write_text('{"format": {"bands": 0}}')
    with pytest.raises(UserError) as error:
        read_pixels(tmp_path)
    one_line(error, tmp_path / PIXELS)


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


def test_whole_numbers_in_floating_point_are_class_indices(tmp_path, one_line):
    """As GIS tools write them."""
    values = np.array([[0, 1], [2, 255]], np.float32)
    Image.fromarray(values).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_values(tmp_path / "a.tif"), values)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.tif"), values)
    for other in (0.5, np.nan, np.inf, 1e12):
        values[1, 0] = other
        Image.fromarray(values).save(tmp_path / "a.tif")
        with pytest.raises(UserError) as error:
            read_values(tmp_path / "a.tif")
        one_line(error, tmp_path / "a.tif", "mode F is not a mask")
