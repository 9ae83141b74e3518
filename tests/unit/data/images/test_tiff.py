"""Headers of TIFFs: bands, depth and pages."""

import io

import numpy as np
import pytest
from PIL import Image

from semiproto.data.images.tiff import is_tiff, read_header
from semiproto.errors import UserError


def saved(path, image, **options):
    image.save(path, **options)
    return path


def header(path):
    with path.open("rb") as stream:
        return read_header(path, stream)


@pytest.mark.parametrize(
    ("mode", "samples", "bits", "alpha"),
    [("L", 1, 8, False), ("RGB", 3, 8, False), ("RGBA", 4, 8, True), ("I;16", 1, 16, False), ("F", 1, 32, False)],
)
def test_what_pillow_writes_is_plain(tmp_path, mode, samples, bits, alpha):
    found = header(saved(tmp_path / "a.tif", Image.new(mode, (5, 4))))
    assert (found.width, found.height, found.samples, found.bits, found.alpha) == (5, 4, samples, bits, alpha)
    assert found.plain and not found.geographic and not found.nodata and found.orientation == 1


@pytest.mark.parametrize("big", ["YES", "NO"])
@pytest.mark.parametrize(
    ("count", "dtype", "photometric", "bands", "plain"),
    [
        (6, "uint8", None, 6, False),
        (4, "uint8", "RGB", 4, False),  # the fourth is said to be no alpha
        (4, "uint8", None, 3, True),  # GDAL calls the fourth of four alpha
        (3, "uint16", "RGB", 3, False),
        (1, "uint16", None, 1, True),
        (1, "uint32", None, 1, False),
        (1, "float64", None, 1, False),
        (1, "int8", None, 1, False),
        (2, "float32", None, 2, False),
    ],
)
def test_bands_and_depth_of_what_gdal_writes(tmp_path, count, dtype, photometric, bands, plain, big):
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    options = {"photometric": photometric} if photometric else {}
    shape = {"width": 5, "height": 4, "count": count, "dtype": dtype, "bigtiff": big}
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", **shape, **options) as file:
        file.write(np.zeros((count, 4, 5), dtype))
    found = header(tmp_path / "a.tif")
    assert (found.samples, found.data_bands, found.plain) == (count, bands, plain)


def test_smaller_copies_of_the_page_are_no_pages(tmp_path):
    """Cloud-optimised GeoTIFFs hold them."""
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    shape = {"width": 600, "height": 600, "count": 1, "dtype": "uint8"}
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", **shape) as file:
        file.write(np.zeros((1, 600, 600), np.uint8))
    with rasterio.open(tmp_path / "a.tif", "r+") as file:
        file.build_overviews([2, 4])
    assert header(tmp_path / "a.tif").width == 600


def test_several_pages_are_refused_and_circles_end(tmp_path, one_line):
    page = Image.new("L", (5, 4))
    path = saved(tmp_path / "a.tif", page, save_all=True, append_images=[page, page])
    with pytest.raises(UserError) as error:
        header(path)
    one_line(error, path, "several pages")
    single = saved(tmp_path / "b.tif", page).read_bytes()
    first = int.from_bytes(single[4:8], "little")
    entries = int.from_bytes(single[first : first + 2], "little")
    place = first + 2 + 12 * entries
    (tmp_path / "b.tif").write_bytes(single[:place] + single[4:8] + single[place + 4 :])
    assert header(tmp_path / "b.tif").width == 5


def test_what_a_tiff_is():
    stream = io.BytesIO()
    Image.new("L", (5, 4)).save(stream, format="TIFF")
    assert is_tiff(stream.getvalue()[:64]) and not is_tiff(b"\x89PNG") and not is_tiff(b"")
