"""Which pictures need rasterio, and what is read of them."""

import os
import struct

import numpy as np
import pytest

from semiproto.data.images import opening, raster
from semiproto.errors import UserError

rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")


def write(path, values, **options):
    count, height, width = values.shape
    shape = {"width": width, "height": height, "count": count, "dtype": values.dtype.name}
    with rasterio.open(path, "w", driver="GTiff", **shape, **options) as file:
        file.write(values)
    return path


@pytest.mark.parametrize(
    ("start", "driver"),
    [
        (b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBB", 13, b"IHDR", 9, 6, 16, 2), "PNG"),
        (b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBB", 13, b"IHDR", 9, 6, 16, 6), "PNG"),
        (b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBB", 13, b"IHDR", 9, 6, 16, 0), None),
        (b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBB", 13, b"IHDR", 9, 6, 8, 2), None),
        (b"P6\n9 6\n65535\n", "PNM"),
        (b"P6 # 70000\n9 6 255\n", None),
        (b"P5\n9 6\n65535\n", None),
        (b"\xff\xd8\xff\xe0", None),
        (b"", None),
    ],
)
def test_pictures_that_pillow_would_cut_down(start, driver):
    assert raster.driver_for(start.ljust(64, b"\0") if start else start, None) == driver


def test_a_file_is_read_by_the_named_driver_alone(tmp_path, one_line):
    """GDAL's other formats name further files: a virtual raster would read them."""
    write(tmp_path / "a.tif", np.zeros((1, 4, 5), np.uint8))
    (tmp_path / "b.tif").write_text(
        f'<VRTDataset rasterXSize="5" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{tmp_path}/a.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with rasterio.open(tmp_path / "b.tif") as data:
        assert data.driver == "VRT"  # left to guess, it would
    with pytest.raises(UserError) as error, raster.dataset(tmp_path / "b.tif", "GTiff"):
        pass
    one_line(error, tmp_path / "b.tif", "cannot be read as an image")


@pytest.mark.parametrize("name", ["a.tif.aux.xml", "a.tif.msk", "A.TIF.MSK", "a.aux", "a.tfw"])
def test_a_pipe_beside_a_picture_does_not_block(tmp_path, one_line, name):
    path = write(tmp_path / "a.tif", np.zeros((1, 4, 5), np.uint8), nodata=7)
    (tmp_path / "a.link").symlink_to("nothing")
    (tmp_path / "a.folder").mkdir()
    raster.read(path, "GTiff", 1)
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError) as error:
        raster.read(path, "GTiff", 1)
    one_line(error, tmp_path / name, "not a regular file; remove it")
    (tmp_path / name).unlink()
    raster.read(path, "GTiff", 1)


def test_a_window_is_a_part_of_the_whole(tmp_path):
    from rasterio.windows import Window

    values = np.arange(2 * 30 * 40, dtype=np.uint16).reshape(2, 30, 40)
    path = write(tmp_path / "a.tif", values, nodata=7)
    whole, known = raster.read(path, "GTiff", 2)
    with raster.dataset(path, "GTiff") as data:
        part, known_part = raster.window(path, data, 2, Window(3, 5, 10, 6))
    np.testing.assert_array_equal(part, whole[5:11, 3:13])
    np.testing.assert_array_equal(known_part, known[5:11, 3:13])
    assert known.sum() == 30 * 40  # one band knows nothing of the pixel of value 7, the other does


def test_more_pixels_than_fit_are_refused(tmp_path, one_line, monkeypatch):
    monkeypatch.setattr(opening, "MOST_PIXELS", 100)
    path = write(tmp_path / "a.tif", np.zeros((2, 30, 40), np.uint8))
    with pytest.raises(UserError) as error:
        raster.read(path, "GTiff", 2)
    one_line(error, path, "40x30 pixels", "cut it into tiles")


def test_complex_samples_are_refused(tmp_path, one_line):
    path = write(tmp_path / "a.tif", np.zeros((1, 4, 5), np.complex64))
    with pytest.raises(UserError) as error:
        raster.read(path, "GTiff", 1)
    one_line(error, path, "complex samples")


def test_errors_of_the_block_are_not_the_files(tmp_path):
    path = write(tmp_path / "a.tif", np.zeros((1, 4, 5), np.uint8))
    with pytest.raises(OSError, match="disk"), raster.dataset(path, "GTiff"):
        raise OSError("disk")
