"""Samples of all kinds of pictures, and how they become 8 bits."""

import sys

import numpy as np
import pytest
from PIL import Image, features
from pydantic import ValidationError

from semiproto.data.images import pixels
from semiproto.data.images.pixels import RGB8, PixelFormat, Samples, bands_of, decode, shown, to_bytes
from semiproto.errors import UserError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 9), dtype=np.uint8)
DEEP = RNG.integers(100, 1120, (6, 9), dtype=np.uint16)
TURNS = {1: lambda a: a, 3: lambda a: a[::-1, ::-1], 6: lambda a: np.rot90(a, -1), 8: np.rot90}


def write_tiff(path, values, **options):
    """values [height, width, bands], by GDAL."""
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    height, width, count = values.shape
    shape = {"width": width, "height": height, "count": count, "dtype": values.dtype.name}
    with rasterio.open(path, "w", driver="GTiff", **shape, **options) as file:
        file.write(values.transpose(2, 0, 1))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "PPM", "WEBP", "AVIF"])
def test_eight_bit_pictures_are_as_they_are(tmp_path, format):
    if format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    values = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    lossless = {"lossless": True} if format == "WEBP" else {"quality": 100} if format == "AVIF" else {}
    Image.fromarray(values).save(tmp_path / "a.png", format=format, **lossless)
    found = decode(tmp_path / "a.png", 3)
    assert found.kind == "8-bit" and found.known is None
    if format != "AVIF":
        np.testing.assert_array_equal(found.values, values)
    np.testing.assert_array_equal(to_bytes(tmp_path, found, RGB8), found.values)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_a_large_picture_is_taken_in_strips(tmp_path, monkeypatch, mode, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    picture = Image.fromarray(RNG.integers(0, 256, (6, 9, 4), dtype=np.uint8)).convert(mode)
    picture.save(tmp_path / "a.png", exif=exif)
    whole = decode(tmp_path / "a.png", 3).values
    assert whole.shape == TURNS[turn](np.empty((6, 9, 3))).shape
    for pixels_of_a_strip in (1, 20):
        monkeypatch.setattr(pixels, "STRIP", pixels_of_a_strip)
        np.testing.assert_array_equal(decode(tmp_path / "a.png", 3).values, whole)


@pytest.mark.parametrize("options", [{"compression": c} for c in (None, "tiff_lzw", "tiff_adobe_deflate")])
@pytest.mark.parametrize("values", [DEEP, DEEP.astype(np.int32) - 900, DEEP.astype(np.float32) / 7])
def test_deep_grey_tiffs_are_read_to_the_bit(tmp_path, values, options):
    Image.fromarray(values).save(tmp_path / "a.tif", **options)
    for bands in (1, 3):
        found = decode(tmp_path / "a.tif", bands)
        np.testing.assert_array_equal(found.values, np.repeat(values[..., None], bands, axis=2))
        assert found.kind == ("float" if values.dtype == np.float32 else "integer")


@pytest.mark.parametrize("name", ["a.png", "a.pgm"])
def test_sixteen_bit_pngs_and_pgms_are_read_to_the_bit(tmp_path, name):
    if name == "a.pgm":
        (tmp_path / name).write_bytes(b"P5\n9 6\n65535\n" + DEEP.astype(">u2").tobytes())
    else:
        Image.fromarray(DEEP).save(tmp_path / name)
    found = decode(tmp_path / name, 1).values
    np.testing.assert_array_equal(found[..., 0], DEEP)
    assert found.dtype == np.uint16


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("values", [GREY, DEEP])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_pictures_are_turned_as_they_are_shown(tmp_path, format, values, turn):
    image = Image.fromarray(values)
    exif = image.getexif()
    exif[0x0112] = turn
    image.save(tmp_path / "a.png", format=format, exif=exif)
    np.testing.assert_array_equal(decode(tmp_path / "a.png", 1).values[..., 0], TURNS[turn](values))


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (RNG.integers(0, 65536, (6, 9, 3), dtype=np.uint16), {"photometric": "RGB", "compress": "lzw"}),
        (RNG.integers(0, 256, (6, 9, 4), dtype=np.uint8), {"photometric": "RGB"}),
        (RNG.integers(0, 65536, (6, 9, 6), dtype=np.uint16), {"tiled": True, "blockxsize": 16, "blockysize": 16}),
        (RNG.random((6, 9, 2)), {}),
        (RNG.integers(0, 2**32, (6, 9, 1), dtype=np.uint32), {}),
        (RNG.integers(-128, 128, (6, 9, 1), dtype=np.int8), {}),
        (RNG.random((6, 9, 5)).astype(np.float32), {"interleave": "band"}),
    ],
)
def test_what_pillow_would_cut_down_is_read_to_the_bit(tmp_path, values, options):
    """16-bit colour loses its lower eight bits in Pillow, and a fourth band is dropped."""
    write_tiff(tmp_path / "a.tif", values, **options)
    found = decode(tmp_path / "a.tif", values.shape[2])
    np.testing.assert_array_equal(found.values, values)
    assert found.values.dtype == values.dtype


@pytest.mark.parametrize("name", ["a.png", "a.ppm"])
def test_sixteen_bit_colour_is_read_to_the_bit(tmp_path, name):
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    values = RNG.integers(0, 65536, (6, 9, 3), dtype=np.uint16)
    if name == "a.ppm":
        (tmp_path / name).write_bytes(b"P6\n# by hand\n9 6 65535\n" + values.astype(">u2").tobytes())
    else:
        shape = {"width": 9, "height": 6, "count": 3, "dtype": "uint16"}
        with rasterio.open(tmp_path / name, "w", driver="PNG", **shape) as file:
            file.write(values.transpose(2, 0, 1))
    np.testing.assert_array_equal(decode(tmp_path / name, 3).values, values)


def test_without_rasterio_the_remedy_is_named(tmp_path, monkeypatch, one_line):
    write_tiff(tmp_path / "a.tif", RNG.integers(0, 65536, (6, 9, 3), dtype=np.uint16), photometric="RGB")
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(UserError) as error:
        decode(tmp_path / "a.tif", 3)
    one_line(error, tmp_path / "a.tif", "pip install 'semiproto[geo]'")


# ----------------------------------------------------------------------------------------------------- bands


def test_alpha_is_data_only_where_four_bands_are_asked_for(tmp_path):
    values = RNG.integers(0, 255, (6, 9, 4), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    colour, all_four = decode(tmp_path / "a.png", 3), decode(tmp_path / "a.png", 4)
    np.testing.assert_array_equal(colour.values, values[..., :3])
    np.testing.assert_array_equal(all_four.values, values)
    assert colour.alpha and not all_four.alpha
    Image.fromarray(values).convert("RGB").convert("RGBA").save(tmp_path / "a.png")
    assert not decode(tmp_path / "a.png", 3).alpha  # opaque everywhere: nothing is lost


@pytest.mark.parametrize(("mode", "bands"), [("RGB", 4), ("RGB", 1), ("L", 4), ("RGBA", 2), ("P", 1), ("CMYK", 4)])
def test_another_number_of_bands_is_refused(tmp_path, one_line, mode, bands):
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.new("RGB", (5, 4)).convert(mode).save(path)
    with pytest.raises(UserError) as error:
        decode(path, bands)
    one_line(error, path, "band")


@pytest.mark.parametrize(("count", "bands"), [(4, 3), (6, 3), (3, 4), (6, 4)])
def test_another_number_of_bands_in_a_tiff_is_refused(tmp_path, one_line, count, bands):
    write_tiff(tmp_path / "a.tif", np.zeros((6, 9, count), np.uint8), photometric="RGB")
    with pytest.raises(UserError) as error:
        decode(tmp_path / "a.tif", bands)
    one_line(error, tmp_path / "a.tif", f"{count} bands", f"set dataset.bands to {count}")


@pytest.mark.parametrize(("count", "found"), [(1, 3), (2, 2), (3, 3), (6, 6)])
def test_how_many_bands_init_proposes(tmp_path, count, found):
    write_tiff(tmp_path / "a.tif", np.zeros((6, 9, count), np.uint8))
    Image.new("RGBA", (5, 4)).save(tmp_path / "a.png")
    assert bands_of(tmp_path / "a.tif") == found and bands_of(tmp_path / "a.png") == 3


# ----------------------------------------------------------------------------------------------------- scale


def test_the_range_becomes_0_to_255_and_values_outside_its_ends(tmp_path):
    form = PixelFormat(bands=2, kind="float", low=[0.0, -10.0], high=[1.0, 10.0])
    values = np.array([[[-1, -10], [0.5, 0], [1, 10], [np.nan, np.inf], [7, -np.inf]]], np.float32)
    found = to_bytes(tmp_path, Samples(values), form)
    assert found.tolist() == [[[0, 0], [128, 128], [255, 255], [0, 255], [255, 0]]]
    assert found.dtype == np.uint8


@pytest.mark.parametrize("samples_of_a_strip", [1, 40])
def test_a_large_picture_is_scaled_strip_by_strip(tmp_path, monkeypatch, samples_of_a_strip):
    values = np.random.default_rng(0).integers(0, 2**16, (9, 5, 3)).astype(np.uint16)
    known = np.random.default_rng(1).random((9, 5)) < 0.8
    form = PixelFormat(kind="integer", low=[100, 2000, 0], high=[60000, 65535, 1])
    whole = to_bytes(tmp_path, Samples(values, known), form)
    monkeypatch.setattr(pixels, "STRIP", samples_of_a_strip)
    np.testing.assert_array_equal(to_bytes(tmp_path, Samples(values, known), form), whole)


def test_large_integers_keep_their_differences(tmp_path):
    form = PixelFormat(bands=1, kind="integer", low=[2.0**31], high=[2.0**31 + 255])
    values = (np.arange(256, dtype=np.uint32) + np.uint32(2**31)).reshape(1, -1, 1)
    assert to_bytes(tmp_path, Samples(values), form).ravel().tolist() == list(range(256))


def test_pixels_of_which_nothing_is_known_are_black(tmp_path):
    write_tiff(tmp_path / "a.tif", np.array([[[-9999.0], [3.0]]], np.float32), nodata=-9999.0)
    samples = decode(tmp_path / "a.tif", 1)
    assert samples.known.tolist() == [[False, True]]
    form = PixelFormat(bands=1, kind="float", low=[2.0], high=[4.0])
    assert to_bytes(tmp_path, samples, form).ravel().tolist() == [0, 128]


def test_another_depth_than_the_sets_is_refused(tmp_path, one_line):
    for samples, form in (
        (Samples(GREY[..., None]), PixelFormat(bands=1, kind="integer", low=[0.0], high=[1.0])),
        (Samples(DEEP[..., None]), PixelFormat(bands=1)),
        (Samples(DEEP[..., None]), PixelFormat(bands=1, kind="float", low=[0.0], high=[1.0])),
    ):
        with pytest.raises(UserError) as error:
            to_bytes(tmp_path / "a.png", samples, form)
        one_line(error, tmp_path / "a.png", "those of the set are")


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "integer"},
        {"low": [0.0] * 3, "high": [1.0] * 3},
        {"kind": "float", "low": [0.0] * 2, "high": [1.0] * 3},
        {"kind": "float", "low": [1.0] * 3, "high": [1.0] * 3},
        {"bands": 0},
    ],
)
def test_formats_that_make_no_sense_are_refused(fields):
    with pytest.raises(ValidationError):
        PixelFormat(**fields)


@pytest.mark.parametrize(("bands", "expected"), [(1, [0, 0, 0]), (2, [0, 0, 0]), (3, [0, 1, 2]), (6, [0, 1, 2])])
def test_any_number_of_bands_can_be_shown(bands, expected):
    image = RNG.integers(0, 256, (4, 5, bands), dtype=np.uint8)
    np.testing.assert_array_equal(shown(image), image[..., expected])


def test_the_modes_whose_channels_are_data_have_as_many(tmp_path):
    assert all(len(Image.new(mode, (1, 1)).getbands()) == n for n, modes in pixels.MODES.items() for mode in modes)
