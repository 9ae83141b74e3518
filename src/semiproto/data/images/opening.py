"""The one door for pictures from outside: a regular file of an allowed format, of bounded size, of one page.

Pillow opens what it recognises, whatever a file is called; some of its formats run other programs (PostScript runs
Ghostscript). Here the formats are named, and everything else is refused by its own name.
"""

from __future__ import annotations

import io
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image, UnidentifiedImageError

from semiproto.data.images import tiff
from semiproto.errors import Interrupted, UserError, of_system, reason

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "PPM")
"""Formats of images, by Pillow's names; a build of Pillow without AVIF refuses AVIF by name."""
LOSSLESS = ("PNG", "TIFF", "BMP", "GIF")
"""Formats of masks: those that keep a value as it is."""
SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".tif", ".tiff", ".webp", ".avif", ".bmp", ".ppm", ".pgm")
"""How files of these formats are called."""

SIGNATURES = {
    "PostScript": (b"%!", b"\xc5\xd0\xd3\xc6"),
    "PDF": (b"%PDF",),
    "SVG or other XML": (b"<svg", b"<?xml"),
    "an HTML page": (b"<!DOCTYPE", b"<!doctype", b"<html"),
    "GIF": (b"GIF8",),
    "Photoshop": (b"8BPS",),
    "JPEG 2000": (b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51"),
    "JPEG XL": (b"\0\0\0\x0cJXL", b"\xff\x0a"),
    "OpenEXR": (b"\x76\x2f\x31\x01",),
    "Radiance HDR": (b"#?RADIANCE", b"#?RGBE"),
    "an icon": (b"\0\0\1\0",),
    "HDF5": (b"\x89HDF",),
    "a NumPy array": (b"\x93NUMPY",),
    "a zip archive": (b"PK\3\4",),
    "gzip": (b"\x1f\x8b",),
    "a pointer of Git LFS": (b"version https://git-lfs",),
    "JPEG": (b"\xff\xd8\xff",),
    "WEBP": (b"RIFF",),
    "PPM": (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"),
}
"""How files of formats begin that are refused: everywhere, or for images (GIF) or masks (the last three) only."""
BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC"}
"""Formats that share one container, by the four letters at byte 8."""

ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How an image is turned or mirrored to be shown, by its EXIF orientation."""

MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)
"""From which number on Pillow refuses a picture: its guard against files that unpack to too much."""
LONGEST_SIDE = 2**20
"""Pixels of a picture's side: Pillow keeps a place in memory for each row, however short."""
HEADER = 2**25
"""Bytes of what a picture's file holds beside its pixels: EXIF, colour profiles, previews, a telephone's short film."""
WHOLE = 2**29
"""The same for formats that Pillow reads whole to open them, and for TIFF, whose tables of tiles may be long."""
PPM_HEADER = 2**16
"""Bytes of a PPM's header, its comments included."""
PIXEL = 16
"""Bytes of a pixel in a file, at most: four channels of 32 bits."""
MOST_SCANS = 100
"""Of a progressive JPEG, which has about ten. Each goes through all pixels again, and need not have more than a few
bytes."""

# Pillow's warnings (many pixels, odd metadata) would only be noise between our lines: faults are errors of their own.
warnings.filterwarnings("ignore", module=r"PIL\.")


@contextmanager
def opened(path: Path, formats: tuple[str, ...] = FORMATS, what: str = "an image") -> Iterator[Image.Image]:
    """The picture at `path`, its header read and its pixels not; UserError names what is wrong with the file.

    The block's own errors of decoding become UserErrors too. formats: some of FORMATS and LOSSLESS.
    what: `an image` or `a mask`.
    """
    with door(path, what) as stream, picture(path, stream, formats) as file:
        yield file


class Stream(io.BufferedReader):
    """A picture's file, of which no more is read than a picture needs, whatever its header claims.

    left: bytes that may still be read.
    """

    def __init__(self, path: Path) -> None:
        # A pipe or a device would block, or give bytes that nobody meant: it is looked at before it is read.
        super().__init__(io.FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)))
        self.path, self.left = path, HEADER

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(self.left + 1 if size is None or size < 0 else min(size, self.left + 1))
        self.left -= len(data)
        if self.left < 0:
            raise UserError(f"{self.path}: more beside its pixels than a picture can need; save it anew")
        return data


@contextmanager
def door(path: Path, what: str = "an image") -> Iterator[Stream]:
    """The bytes of a regular file; whatever reading them raises in the block is a UserError of one line."""
    with one_line(path, what), Stream(path) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise UserError(f"{path}: not a regular file; remove it")
        start = stream.peek(12)
        if tiff.is_tiff(start) or start.startswith(b"RIFF") or start[4:8] == b"ftyp":
            stream.left = WHOLE
        yield stream


@contextmanager
def one_line(path: Path, what: str = "an image") -> Iterator[None]:
    """Makes a UserError of whatever a decoder raises in the block; memory that ran out stays what it is."""
    try:
        yield
    except (UserError, Interrupted, MemoryError):
        raise
    except FileNotFoundError:
        noun = what.split()[-1]
        raise UserError(f"{path}: no such {noun}; remove its id from the list or restore the file") from None
    except IsADirectoryError:
        raise UserError(f"{path}: not a regular file; remove it") from None
    except PermissionError as error:
        raise of_system(error) from None
    except Exception as error:  # decoders raise many kinds, all meaning the same here
        unknown = isinstance(error, UnidentifiedImageError)
        why = "no picture, or its header is damaged" if unknown else reason(error)
        raise UserError(f"{path}: cannot be read as {what} ({why}); replace or remove it") from None


@contextmanager
def picture(path: Path, stream: BinaryIO, formats: tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """`opened`, of a stream that came through the door, or of bytes in memory."""
    stream.seek(0)
    _require_short_header(path, stream)
    with _identified(path, stream, formats) as file:
        require_sides(path, *file.size)
        if isinstance(stream, Stream):
            require_length(path, os.fstat(stream.fileno()).st_size, file.width * file.height)
            stream.left = HEADER + PIXEL * file.width * file.height
        _require_one_picture(path, file, stream)
        yield file


def _require_short_header(path: Path, stream: BinaryIO) -> None:
    """UserError for a PPM or PGM whose header goes on and on, as one comment can: Pillow reads it byte by byte."""
    start = stream.read(PPM_HEADER)
    stream.seek(0)
    if start[:1] == b"P" and start[1:2] in b"123456" and len(start) == PPM_HEADER:
        least = 3 if start[1:2] in b"14" else 4  # with the largest value, which black-and-white pictures have not
        if len(re.sub(rb"#[^\r\n]*", b" ", start).split(None, least)) < least:
            raise UserError(f"{path}: a header of more than {PPM_HEADER // 1024} KiB; save it anew")


def require_sides(path: Path, width: int, height: int) -> None:
    """UserError where a picture is too large to be read at once."""
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise UserError(f"{path}: {width}x{height} pixels are too many to read at once; cut it into tiles")


def require_length(path: Path, length: int, pixels: int) -> None:
    """UserError where a picture's file, of `length` bytes, is longer than so many pixels need, as a sparse file is."""
    if length > WHOLE + PIXEL * pixels:
        raise UserError(f"{path}: {length:,} bytes are more than its {pixels:,} pixels can need; save it anew")


def _identified(path: Path, stream: BinaryIO, formats: tuple[str, ...]) -> Image.Image:
    try:
        return Image.open(stream, formats=formats)
    except UnidentifiedImageError:
        stream.seek(0)
        name = format_name(stream.read(512))
        if name is None or (name in formats and name in Image.OPEN):
            raise  # a damaged file of an allowed format
        why = "does not keep values" if name in FORMATS and name in Image.OPEN else "is not read here"
        raise UserError(f"{path}: {name}, which {why}; save it as PNG") from None


def format_name(start: bytes) -> str | None:
    """The name of a format by a file's first 512 bytes; None where they are not known."""
    if start[4:8] == b"ftyp" and start[8:12] in BRANDS:
        return BRANDS[start[8:12]]
    if start[128:132] == b"DICM":
        return "DICOM"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((name for name, heads in SIGNATURES.items() if start.startswith(heads) or text.startswith(heads)), None)


def _require_one_picture(path: Path, file: Image.Image, stream: BinaryIO) -> None:
    """UserError for animations and files of several pages.

    A JPEG may hold further pictures (a preview, or a gain map, as telephones write them): the first is the photograph.
    """
    if file.format == "TIFF":
        tiff.read_header(path, stream)
    elif file.info.get("progressive") and (scans := _scans(stream)) > MOST_SCANS:
        raise UserError(f"{path}: a JPEG of {scans:,} scans, which take for ever to read; save it anew")
    elif file.format != "MPO" and (count := getattr(file, "n_frames", 1)) > 1:
        raise UserError(f"{path}: an animation of {count} pictures; save the ones to use as files of their own")


def _scans(stream: BinaryIO) -> int:
    """How often a scan begins in a JPEG, its previews included; the stream's place is kept."""
    place, found, last = stream.tell(), 0, b""
    stream.seek(0)
    while block := stream.read(2**20):
        found += (last + block).count(b"\xff\xda")
        last = block[-1:]
    stream.seek(place)
    return found


def require_bands(path: Path, found: int, bands: int) -> None:
    """UserError unless a picture has as many bands as the set; grey may stand for red, green and blue."""
    if found != bands and not (found == 1 and bands == 3):
        raise UserError(
            f"{path}: it has {found} bands where {bands} are expected; save it with {bands}, or set dataset.bands to"
            f" {found} for all images"
        )


def orientation(file: Image.Image) -> int:
    """1 for a picture that is shown as it is stored, 2 to 8 for a turned or mirrored one (EXIF).

    A tag that holds no such number counts as absent. Of a TIFF that was loaded it is 1: Pillow has turned it.
    """
    try:
        value = file.getexif().get(ORIENTATION)
    except Exception:  # damaged EXIF, which viewers pass over: the picture is sound
        return 1
    return int(value) if isinstance(value, int | float) and value in TURNS else 1


class Outline(NamedTuple):
    """What an image's header says of its shape."""

    size: tuple[int, int]
    """Width and height as it is shown."""
    orientation: int
    """As of EXIF; from 5 on, width and height are stored the other way round."""


def outline(path: Path) -> Outline:
    """Size and orientation of an image, from its header alone."""
    with door(path) as stream:
        start = stream.read(64)
        if tiff.is_tiff(start):
            header = tiff.read_header(path, stream)
            width, height, turn = header.width, header.height, header.orientation
        else:
            with picture(path, stream) as file:
                (width, height), turn = file.size, orientation(file)
    return Outline((width, height) if turn < 5 else (height, width), turn)
