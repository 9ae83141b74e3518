"""Scenes: rasters that lie somewhere on Earth, or are too large to hold, read by rows and written with their place.

A GeoTIFF's mask has its transform and its coordinate system. Where the scene has a value for pixels of which nothing is
known, these are void in the mask (255, and its own such value).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from semiproto.data.images import raster
from semiproto.data.images.pixels import PixelFormat, Samples, to_bytes
from semiproto.data.layout import IGNORE_INDEX
from semiproto.deploy import segment
from semiproto.deploy.files import TEXT, Files
from semiproto.errors import UserError
from semiproto.model.network import SegmentationNetwork
from semiproto.process.progress import Progress
from semiproto.provenance.artifacts import atomic_write

if TYPE_CHECKING:
    from rasterio.io import DatasetReader, DatasetWriter

Array = np.ndarray


class Scene:
    """The only image of a batch, uint8 [1, bands, H, W], read when its rows are asked for."""

    def __init__(self, path: Path, data: DatasetReader, form: PixelFormat, device: torch.device) -> None:
        self.path, self.data, self.form, self.device = path, data, form, device
        self.shape = (1, form.bands, data.height, data.width)

    def __getitem__(self, place: tuple[EllipsisType, slice, slice], /) -> Tensor:
        top, bottom, _ = place[1].indices(self.data.height)
        image = torch.from_numpy(self.rows(top, bottom)).permute(2, 0, 1)[None]
        return image[..., place[2]].to(self.device)

    def rows(self, top: int, bottom: int) -> Array:
        """Rows of the scene as the network takes them, uint8 [rows, W, bands]."""
        samples = Samples(*raster.window(self.path, self.data, self.form.bands, self.place(top, bottom)))
        return to_bytes(self.path, samples, self.form)

    def unknown(self, top: int, bottom: int) -> Array | None:
        """Where nothing is known, bool [rows, W]; None where the scene has no value that says so."""
        if self.data.nodata is None:
            return None
        found: Array = self.data.dataset_mask(window=self.place(top, bottom)) == 0
        return found

    def place(self, top: int, bottom: int) -> Any:
        """Whole rows as a window of rasterio's."""
        from rasterio.windows import Window

        return Window(0, top, self.data.width, bottom - top)


@contextmanager
def opened(path: Path, form: PixelFormat, device: torch.device) -> Iterator[Scene]:
    """The scene at `path`; UserError where it cannot be read."""
    with raster.dataset(path, "GTiff") as data:
        yield Scene(path, data, form, device)


def predict(network: SegmentationNetwork, form: PixelFormat, window: int, files: Files, colours: Array) -> None:
    """Writes what the network says of a scene, row by row; nothing where it is interrupted.

    colours: of the classes, uint8 [256, 3].
    """
    with opened(files.image, form, network.mean.device) as scene, _written(files.mask) as stack:
        nodata = None if scene.data.nodata is None else IGNORE_INDEX
        # The mask is opened first, so that it is the last to be moved into place.
        mask = _file(stack, scene, files.mask, nodata=nodata)
        confidence, overlay = (
            path and _file(stack, scene, path, bands=bands)
            for path, bands in ((files.confidence, 1), (files.overlay, 3))
        )
        for file in filter(None, (mask, confidence, overlay)):
            file.update_tags(**{TEXT: files.text})
        if files.palette:
            mask.write_colormap(1, {value: (*colour, 255) for value, colour in enumerate(colours.tolist())})
        progress = Progress(f"predict {files.image.name}", scene.data.height, "rows")
        top = 0
        for (classes,), (sure,) in segment.labelled(network, scene, window):
            bottom = top + len(classes)
            place, unknown = scene.place(top, bottom), scene.unknown(top, bottom)
            if overlay:
                drawn = segment.overlay(scene.rows(top, bottom), classes, colours)
                overlay.write(np.asarray(drawn).transpose(2, 0, 1), window=place)
            if confidence:
                confidence.write(sure, 1, window=place)
            if unknown is not None:
                classes[unknown] = IGNORE_INDEX
            mask.write(classes, 1, window=place)
            progress.update(bottom - top)
            top = bottom


@contextmanager
def _written(mask: Path) -> Iterator[ExitStack]:
    """Holds the files that are written; UserError where GDAL cannot."""
    from rasterio.errors import RasterioError

    try:
        with ExitStack() as stack:
            yield stack
    except RasterioError as error:
        raise UserError(f"{mask}: cannot be written ({error}); free some space or write elsewhere") from None


def _file(stack: ExitStack, scene: Scene, path: Path, *, bands: int = 1, nodata: int | None = None) -> DatasetWriter:
    """A GeoTIFF of the scene's size and place, moved to `path` when the stack is left without an error."""
    import rasterio

    like, temporary = scene.data, stack.enter_context(atomic_write(path))
    shape = {"width": like.width, "height": like.height, "count": bands, "dtype": "uint8", "nodata": nodata}
    tiles = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate", "bigtiff": "if_safer"}
    place = {"crs": like.crs, "transform": like.transform}
    file = stack.enter_context(rasterio.open(temporary, "w", driver="GTiff", **shape, **tiles, **place))
    if like.gcps[0]:
        file.gcps = like.gcps
    return file
