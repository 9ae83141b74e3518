"""Pictures that Pillow does not read at full depth, and scenes that are read by windows: through rasterio, an extra.

Multi-band, 16-bit colour, 64-bit and unsigned 32-bit TIFF; 16-bit colour PNG and PPM. GDAL is told which driver reads a
file, so that it does not guess: some of its formats name other files or addresses.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semiproto.data.images import opening
from semiproto.data.images.tiff import TiffHeader
from semiproto.errors import UserError

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

Array = np.ndarray
BLOCK_CACHE = 256
"""MiB of decoded blocks that GDAL keeps; its own default is a twentieth of the machine's memory."""


def driver_for(start: bytes, header: TiffHeader | None) -> str | None:
    """GDAL's driver for a file that begins with `start` (64 bytes); None where Pillow reads it whole.

    header: of a TIFF.
    """
    if header is not None:
        return None if header.plain else "GTiff"
    if start.startswith(b"\x89PNG") and start[24] == 16 and start[25] in (2, 4, 6):  # depth, and colour or alpha
        return "PNG"
    if start.startswith(b"P6"):
        numbers = b" ".join(line.partition(b"#")[0] for line in start[2:].split(b"\n")).split()
        deep = len(numbers) > 2 and numbers[2].isdigit() and int(numbers[2]) > 255
        return "PNM" if deep else None
    return None


@contextmanager
def dataset(path: Path, driver: str) -> Iterator[DatasetReader]:
    """The file opened by rasterio; UserError where rasterio is not installed or cannot read it."""
    try:
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning
    except ImportError:
        raise UserError(
            f"{path}: needs rasterio, since Pillow does not read all its bands at full depth; pip install"
            " 'semiproto[geo]', or save it as 8-bit RGB"
        ) from None
    with warnings.catch_warnings(), rasterio.Env(GDAL_CACHEMAX=BLOCK_CACHE):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with opening.door(path):
            _require_files_beside(path)
            data = rasterio.open(path.absolute(), driver=driver)
        with data:
            yield data


def _require_files_beside(path: Path) -> None:
    """UserError where a pipe or a device has one of the names beside a picture (its .aux.xml, .msk, .tfw) that GDAL
    opens too: it would wait there for ever."""
    folder = path.absolute().parent
    for name in _no_files(folder, folder.stat().st_mtime_ns):
        if name.lower().startswith(path.stem.lower()):
            raise UserError(f"{path.with_name(name)}: not a regular file; remove it")


@functools.lru_cache(maxsize=64)
def _no_files(folder: Path, _changed: int) -> list[str]:
    """What is neither a file, a folder nor a link to nothing; once for each time of a folder, which may hold a million
    pictures."""
    with os.scandir(folder) as entries:
        others = [Path(one) for one in entries if not one.is_file(follow_symlinks=False)]
    return [one.name for one in others if one.exists() and not (one.is_file() or one.is_dir())]


def read(path: Path, driver: str, bands: int) -> tuple[Array, Array | None]:
    """All samples [height, width, bands], and where they are known, bool [height, width], or None: everywhere."""
    with dataset(path, driver) as data:
        opening.require_sides(path, data.width, data.height)
        opening.require_length(path, path.stat().st_size, data.width * data.height * data.count)
        return window(path, data, bands)


def window(path: Path, data: DatasetReader, bands: int, place: Any = None) -> tuple[Array, Array | None]:
    """`read`, of a window of rasterio's; None: the whole."""
    with opening.one_line(path):
        if any(name.startswith("complex") for name in data.dtypes):
            raise UserError(f"{path}: complex samples, which are not read here; save magnitude or phase")
        indexes = _indexes(path, data, bands)
        size = data.shape if place is None else (place.height, place.width)
        # As they are used, for a copy of a large picture tells.
        values = np.empty((*size, len(indexes)), data.dtypes[0])
        data.read(indexes=indexes, window=place, out=values.transpose(2, 0, 1))
        known = None if data.nodata is None else data.dataset_mask(window=place) > 0
    return np.repeat(values, 3, axis=2) if len(indexes) == 1 and bands == 3 else values, known


def _indexes(path: Path, data: DatasetReader, bands: int) -> list[int]:
    """The bands to read, from 1; with three, alpha is left out."""
    from rasterio.enums import ColorInterp

    every = list(range(1, data.count + 1))
    kept = [n for n in every if bands != 3 or data.colorinterp[n - 1] != ColorInterp.alpha]
    opening.require_bands(path, len(kept), bands)
    return kept
