"""From a file's samples to the 8 bits that the network takes, without a silent change of range or depth.

8-bit pictures are used as they are. Deeper ones (10 to 32 bits, floating point) are scaled by the range of the whole
set, which is measured once and kept with the set and with the model: the same value means the same everywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from PIL import Image
from pydantic import Field, model_validator

from semiproto.data.images import opening, raster, tiff
from semiproto.errors import UserError
from semiproto.params import Section

Array = np.ndarray
Kind = Literal["8-bit", "integer", "float"]
DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
"""Pillow's modes of one band with more than 8 bits."""
STRIP = 2**24
"""Pixels that are taken from Pillow at once, and samples that are scaled at once: copies are made of them on the way,
which tell for large pictures."""
MODES = {1: ("L", "1"), 2: ("LA",), 4: ("RGBA",)}
"""Pillow's modes whose channels are data, by dataset.bands; for 3 all become RGB."""


class PixelFormat(Section):
    """What the samples of a set's images are, and how they become 0 to 255."""

    bands: int = Field(default=3, ge=1, le=64, description="bands of an image; 3: red, green, blue")
    kind: Kind = Field(default="8-bit", description="8-bit, integer (more bits) or float")
    low: list[float] | None = Field(default=None, description="by band, the value that becomes 0; null for 8-bit")
    high: list[float] | None = Field(default=None, description="by band, the value that becomes 255; null for 8-bit")

    @model_validator(mode="after")
    def _a_range_for_each_band(self) -> PixelFormat:
        if self.kind == "8-bit":
            if self.low is not None or self.high is not None:
                raise ValueError("8-bit images have no range; set low and high to null")
        elif len(self.low or ()) != self.bands or len(self.high or ()) != self.bands:
            raise ValueError(f"low and high need {self.bands} values, one for each band")
        elif any(low >= high for low, high in zip(self.low or (), self.high or (), strict=True)):
            raise ValueError("low must be below high in every band")
        return self


RGB8 = PixelFormat()
"""8-bit colour, which all sets have been until they say otherwise."""

Statistic = Annotated[list[float], Field(min_length=1)]


class SetPixels(Section):
    """What is measured of a set's training images. Mean and deviation, 0..1, are None where ImageNet's are used."""

    format: PixelFormat = RGB8
    mean: Statistic | None = None
    std: Statistic | None = None


class Samples(NamedTuple):
    """A picture's numbers as they are in its file, turned as it is shown."""

    values: Array
    """[height, width, bands]: uint8, or deeper numbers."""
    known: Array | None = None
    """bool [height, width]: where the file says what it shows; None: everywhere."""
    alpha: bool = False
    """Whether alpha was left out that is not opaque everywhere."""
    orientation: int = 1
    """As of EXIF; the values are turned already."""

    @property
    def kind(self) -> Kind:
        if self.values.dtype == np.uint8:
            return "8-bit"
        return "float" if np.issubdtype(self.values.dtype, np.floating) else "integer"


def decode(path: Path, bands: int, formats: tuple[str, ...] = opening.FORMATS) -> Samples:
    """The samples of the picture at `path`; UserError where it cannot be read or has not `bands` bands.

    bands 3: any picture as red, green and blue; grey is repeated, and alpha is left out. With another number every
    channel is data, alpha too. formats: those that Pillow may read.
    """
    with opening.door(path) as stream:
        start = stream.read(64)
        header = tiff.read_header(path, stream) if tiff.is_tiff(start) else None
        if header is not None:
            opening.require_bands(path, header.data_bands if bands == 3 else header.samples, bands)
        driver = raster.driver_for(start, header)
        if driver is None:
            with opening.picture(path, stream, formats) as file:
                return _decoded(path, file, bands)
    if header is not None and header.orientation > 1:
        raise UserError(f"{path}: its tag Orientation is {header.orientation}; save it the way up that it is shown")
    return Samples(*raster.read(path, driver, bands))


def _decoded(path: Path, file: Image.Image, bands: int) -> Samples:
    turn = opening.orientation(file)
    file.load()
    if file.mode in DEEP:
        return Samples(_repeated(path, _deep(file), bands), orientation=turn)
    if bands != 3:
        return Samples(_channels(path, file, bands), orientation=turn)
    return Samples(_rgb(file), alpha=_is_transparent(file), orientation=turn)


def _is_transparent(file: Image.Image) -> bool:
    return "A" in file.getbands() and bool(np.asarray(file.getchannel("A")).min(initial=255) < 255)


def bands_of(path: Path) -> int:
    """How many bands to read of an image: 3, but for a TIFF with another number of them, alpha and grey left out."""
    with opening.door(path) as stream:
        if not tiff.is_tiff(stream.read(64)):
            return 3
        bands = tiff.read_header(path, stream).data_bands
    return 3 if bands == 1 else bands


def _deep(file: Image.Image) -> Array:
    """A band of more than 8 bits, [height, width], turned as it is shown."""
    turn = opening.TURNS.get(opening.orientation(file))
    values = np.asarray(file if turn is None else file.transpose(turn))
    # Pillow reads 16-bit PGM into 32 bits; a PNG's bytes are in the order of the file.
    return values.astype(
        np.uint16 if file.mode.startswith("I;16") or file.format == "PPM" else values.dtype, copy=False
    )


def _repeated(path: Path, band: Array, bands: int) -> Array:
    opening.require_bands(path, 1, bands)
    return np.repeat(band[:, :, None], bands, axis=2)


def _rgb(file: Image.Image) -> Array:
    turned = _turned(file)
    if turned.width * turned.height <= STRIP:
        return np.array(turned if turned.mode == "RGB" else turned.convert("RGB"))
    found = np.empty((turned.height, turned.width, 3), np.uint8)
    rows = max(1, STRIP // turned.width)
    for top in range(0, turned.height, rows):
        strip = turned.crop((0, top, turned.width, min(top + rows, turned.height)))
        found[top : top + rows] = np.asarray(strip.convert("RGB"))
    return found


def _channels(path: Path, file: Image.Image, bands: int) -> Array:
    """All channels as data, uint8 [height, width, bands]."""
    if file.mode not in MODES.get(bands, ()):
        found = len(file.getbands())
        opening.require_bands(path, found, bands)
        raise UserError(f"{path}: its {found} bands are {file.mode}, not data; save it as grey, RGBA or TIFF")
    values = np.array(_turned(file).convert("L" if bands == 1 else file.mode))
    return values.reshape(*values.shape[:2], bands)


def _turned(file: Image.Image) -> Image.Image:
    """The picture as its EXIF says that it is shown."""
    turn = opening.TURNS.get(opening.orientation(file))
    return file if turn is None else file.transpose(turn)


def to_bytes(path: Path, samples: Samples, form: PixelFormat) -> Array:
    """Samples as uint8 [height, width, bands]; UserError where they are of another kind than the set's.

    Deep ones: 255 (value - low) / (high - low), rounded, values outside the range at its ends; unknown ones are 0.
    """
    if samples.kind != form.kind:
        raise UserError(f"{path}: {_NAMES[samples.kind]}, and those of the set are {_NAMES[form.kind]}; {_REMEDY}")
    if form.low is None or form.high is None:
        return samples.values
    # 32 bits hold every value of 16; more of them need 64.
    number = np.result_type(samples.values.dtype, np.float32)
    low, high = np.array(form.low, number), np.array(form.high, number)
    found: Array = np.empty(samples.values.shape, np.uint8)
    rows = max(1, STRIP // max(1, samples.values[:1].size))
    for top in range(0, len(found), rows):
        with np.errstate(over="ignore"):
            scaled = (samples.values[top : top + rows].astype(number) - low) * (255 / (high - low))
        if samples.kind == "float":
            scaled = np.nan_to_num(scaled, nan=0.0)
        found[top : top + rows] = scaled.clip(0, 255).round()
    if samples.known is not None:
        found[~samples.known] = 0
    return found


_REMEDY = "save it with the depth and the range of the training images"


_NAMES = {"8-bit": "samples of 8 bits", "integer": "samples of more than 8 bits", "float": "floating-point samples"}


def shown(values: Array) -> Array:
    """RGB to look at, uint8 [height, width, 3], of an image of any number of bands: the first three, or grey."""
    bands = values.shape[2]
    return values if bands == 3 else values[:, :, [0, min(1, bands - 1), min(2, bands - 1)] if bands > 2 else [0] * 3]
