"""The outlines that tools write, and how they become class indices.

A shape is a polygon or run lengths as COCO has them, or an object with `pixels(height, width)`. pycocotools draws
polygons; it is an optional extra.
"""

from __future__ import annotations

import importlib
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageDraw

from semiproto.data.images import opening
from semiproto.data.layout import IGNORE_INDEX
from semiproto.data.own.names import fold
from semiproto.errors import UserError, reason
from semiproto.params import VOID
from semiproto.provenance import reading

Key = int | str


class Shape(Protocol):
    """What a tool has of its own."""

    def pixels(self, height: int, width: int) -> np.ndarray:
        """bool [height, width]; ValueError where it is malformed."""
        ...


@dataclass(frozen=True)
class Outlines:
    """The instances of one image: `instances` holds (id, class, shape), the class IGNORE_INDEX for void.

    width, height: of the image that was annotated; 0 where the file gives shares of the image's sides, not pixels.
    ordered: a later instance lies on an earlier one; otherwise a smaller on a larger.
    whole: the image was annotated even where there is no instance; otherwise it is then unlabelled.
    """

    file: Path
    image: str
    width: int
    height: int
    instances: tuple[tuple[Key | None, int, Any], ...]
    ordered: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Layers:
    """Binary masks of one image, (class, file) each; where two share a pixel the smaller is on top."""

    file: Path
    image: str
    layers: tuple[tuple[int, Path], ...]


@dataclass(frozen=True)
class Record:
    """What a tool's files say about one image. mask: None for one that is not annotated."""

    image: str
    mask: Outlines | Layers | None
    part: str | None
    file: Path
    line: int | None = None
    mask_name: str | None = None
    """The name of a mask file, where it is to be looked up."""


def class_name(label: str) -> str:
    """A tool's name as a class's: `traffic light` becomes traffic_light, and LabelMe's _background_ background."""
    name = "_".join(label.split())
    return "background" if name.strip("_").lower() == "background" else name


def class_index(label: str, classes: Sequence[str]) -> int | None:
    """The index of a tool's label, which may differ in case where that leaves one class; IGNORE_INDEX for void, None
    where it is no class."""
    name = class_name(label)
    if name in classes:
        return list(classes).index(name)
    if name.lower() in VOID:
        return IGNORE_INDEX
    alike = [index for index, one in enumerate(classes) if fold(one) == fold(name)]
    return alike[0] if len(alike) == 1 else None


def class_names(labels: Sequence[str], file: Path) -> list[str]:
    """The classes of the outlines in a file: background, then its labels in their order, void left out.

    UserError where two labels would be one class.
    """
    require_distinct(labels, file)
    names = (class_name(label) for label in labels)
    return ["background", *dict.fromkeys(name for name in names if name != "background" and name.lower() not in VOID)]


def require_distinct(labels: Iterable[str], file: Path, alike: str = ", or write both alike if they are one") -> None:
    """UserError where two labels of a file are the same class name, so that two classes would silently be one.

    More or fewer blanks make no other label. alike: what may be done but rename one.
    """
    first: dict[str, str] = {}
    for label in (" ".join(label.split()) for label in labels):
        name = class_name(label)
        if first.setdefault(name, label) != label and name != "background":
            raise UserError(f"{file}: {first[name]!r} and {label!r} would both be class {name}; rename one{alike}")


def read_json(path: Path, what: str) -> Any:
    """The content of a JSON file; UserError, which does not repeat the file, where it is none."""
    try:
        content = reading.contents(path, reading.MOST_LABELS)
        return json.loads(content.decode(reading.encoding_of(content)))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file of {what}; correct dataset.masks") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a file of {what} (neither UTF-8 nor UTF-16); export it again") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a file of {what} ({reason(error)}); export it again") from None


def require_tools(path: Path) -> None:
    """UserError where pycocotools is not installed."""
    try:
        tools()
    except ImportError:
        raise UserError(
            f"{path}: outlines are drawn by pycocotools, which is not installed; run"
            " `pip install 'semiproto[coco]'`, or give PNG masks"
        ) from None


def tools() -> Any:
    """pycocotools.mask, an optional extra."""
    return importlib.import_module("pycocotools.mask")


def draw(mask: Outlines, size: tuple[int, int] | None = None) -> np.ndarray:
    """Class indices uint8 [height, width]; UserError names the instance that cannot be drawn.

    size: (width, height) of the image, for outlines that have none.
    """
    width, height = (mask.width, mask.height) if mask.width else size or (0, 0)
    drawn = Stack(height, width, mask.ordered)
    for number, index, shape in mask.instances:
        try:
            drawn.add(pixels(shape, height, width), index)
        except (OverflowError, ValueError) as error:  # a number of hundreds of digits
            raise UserError(
                f"{mask.file}: annotation {number!r} of {mask.image}: {error}; draw its outline again"
            ) from None
    return drawn.classes


class Stack:
    """Shapes laid on each other one by one, so that thousands in a large image take the memory of one.

    classes: uint8 [height, width], 0 where there is none. ordered: a later shape is on an earlier one; otherwise a
    smaller on a larger, and of two equally large ones the later.
    """

    def __init__(self, height: int, width: int, ordered: bool = False) -> None:
        self.classes = np.zeros((height, width), np.uint8)
        most = np.iinfo(np.int32).max
        self.areas = None if ordered else np.full((height, width), most, np.int32)  # of the shape that is on top

    def add(self, shape: np.ndarray, index: int) -> None:
        """Lays a shape, bool [height, width], of a class on the others."""
        rows, columns = (np.flatnonzero(shape.any(axis)) for axis in (1, 0))
        if not len(rows):
            return
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        covered = shape[part]
        if self.areas is not None:
            area = np.count_nonzero(covered)
            covered = covered & (self.areas[part] >= area)
            self.areas[part][covered] = area
        self.classes[part][covered] = index


@contextmanager
def well_formed(path: Path) -> Iterator[None]:
    """Makes a UserError of what reading a tool's file raises in the block where something else stands than the tool
    writes: a text for a number, null for a list."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not as the tool writes it ({reason(error)}); export it again") from None


def pixels(shape: Any, height: int, width: int) -> np.ndarray:
    """The pixels of one shape, bool [height, width]; ValueError where it is malformed."""
    if hasattr(shape, "pixels"):
        own: np.ndarray = shape.pixels(height, width)
        return own
    if isinstance(shape, dict):
        return decoded(run_lengths(shape, height, width), height, width)
    encoded = tools().merge(tools().frPyObjects(polygons(shape, height, width), height, width))
    return decoded(unpacked(encoded["counts"].decode()), height, width)


def decoded(counts: Sequence[int], height: int, width: int) -> np.ndarray:
    """The pixels of run lengths down the columns, the first of them outside: bool [height, width].

    pycocotools' own writes each pixel of the image, which takes ten times as long for a small shape in a large one.
    """
    ends = np.cumsum(counts).tolist()
    flat = np.zeros(height * width, bool)
    for start, end in zip(ends[::2], ends[1::2], strict=False):
        flat[start:end] = True
    return flat.reshape(width, height).T


def require_points(kind: str, points: Sequence[tuple[float, float]], least: int, size: tuple[int, int]) -> None:
    """ValueError where a shape has too few points, or one lies far outside its image of `size` (width, height)."""
    if len(points) < least:
        raise ValueError(f"a {kind} of {len(points)} points")
    if not all(abs(value) <= 2 * max(size) for point in points for value in point):
        raise ValueError(f"a point outside an image of {size[0]}x{size[1]}")
    _require_outline(sum(abs(x - left) + abs(y - top) for (left, top), (x, y) in pairwise(points)), size)


def _require_outline(length: float, size: tuple[int, int]) -> None:
    """ValueError where an outline passes each pixel of an image of `size` again and again: drawing it takes time and
    memory for all of its length."""
    width, height = size
    if length > 4 * width * height + 8 * (width + height):
        raise ValueError(f"an outline of {length:,.0f} pixels in an image of {width}x{height}")


def through_middles(points: Sequence[tuple[float, float]], height: int, width: int) -> np.ndarray:
    """The pixels of a polygon x, y, ... whose points are middles of pixels, and its outline: bool [height, width].

    LabelMe and Supervisely draw so. ValueError where it is malformed.
    """
    require_points("polygon", points, 3, (width, height))
    image = Image.new("L", (width, height))  # twice as fast as "1", whose pixels become bits on their way to NumPy
    ImageDraw.Draw(image).polygon(list(points), fill=1, outline=1)
    return np.array(image).view(bool)


def box(left: float, top: float, width: float, height: float) -> list[list[float]]:
    """A box as its one polygon."""
    return [[left, top, left + width, top, left + width, top + height, left, top + height]]


def polygons(segmentation: Any, height: int, width: int) -> list[list[float]]:
    """The polygons, checked: pycocotools accepts any number, and allocates memory for any distance."""
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError("no outline, neither polygons nor run lengths")
    alone = not any(isinstance(one, list) for one in segmentation)  # one polygon by itself, as VIA writes it
    found: list[list[float]] = [segmentation] if alone else segmentation
    for polygon in found:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise ValueError("a polygon is not a list of three or more x, y pairs")
        for position, value in enumerate(polygon):
            side = (width, height)[position % 2]
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if not number or not -side <= value <= 2 * side:
                raise ValueError(f"coordinate {value!r} is outside an image of {width}x{height}")
        _require_outline(sum(abs(b - a) for a, b in zip(polygon, polygon[2:], strict=False)), (width, height))
    return found


def run_lengths(segmentation: dict[str, Any], height: int, width: int) -> list[int]:
    """The run lengths, checked: where they are too short, pycocotools returns uninitialised memory."""
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [height, width]:
        raise ValueError(f"run lengths of size {size}, and its image has [{height}, {width}]")
    if isinstance(counts, str):
        counts = unpacked(counts)
    if not isinstance(counts, list) or not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ValueError("run lengths that are not numbers of pixels")
    if sum(counts) != height * width:
        raise ValueError(f"run lengths of {sum(counts)} pixels in all, and its image has {height * width}")
    return counts


def unpacked(text: str) -> list[int]:
    """COCO's string of run lengths: 5 bits a character from 48 on, the sixth bit says that more follow; from the
    fourth on, differences to the run before last."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 30:
            raise ValueError("run lengths in characters that mean nothing")
        value |= (bits & 31) << shift
        shift += 5
        if bits < 32:
            value -= (1 << shift) if bits & 16 else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts


def png_mask(data: bytes, size: tuple[int, int]) -> np.ndarray:
    """The pixels that a PNG within a JSON covers, bool [h, w]: what is opaque, without alpha what is not black.

    ValueError where it is no picture, or much larger than its image of `size` (height, width).
    """
    inside, shape = Path("a mask"), (0, 0)
    try:
        with opening.one_line(inside), opening.picture(inside, io.BytesIO(data), ("PNG",)) as file:
            require_part(*(shape := (file.height, file.width)), size)
            if "A" in file.getbands() or "transparency" in file.info:
                return np.array(file.convert("RGBA"))[..., 3] > 0
            return np.array(file.convert("L")) > 0
    except UserError:
        require_part(*shape, size)
        raise ValueError("a mask that is no picture") from None


def require_part(height: int, width: int, size: tuple[int, int]) -> None:
    """ValueError where the mask of an object has a side that its image of `size` (height, width) has not twice: it
    takes memory and time for each of its pixels."""
    if not (0 <= height <= 2 * size[0] and 0 <= width <= 2 * size[1]):
        raise ValueError(f"a mask of {width}x{height} in an image of {size[1]}x{size[0]}")


def placed(part: np.ndarray, left: int, top: int, size: tuple[int, int]) -> np.ndarray:
    """A part, bool [h, w], at its place in an image of `size` (height, width); what lies outside is cut off.

    ValueError where all of it does.
    """
    height, width = part.shape
    if part.size and not (-height < top < size[0] and -width < left < size[1]):
        raise ValueError(f"a mask at {left}, {top}, outside an image of {size[1]}x{size[0]}")
    whole = np.zeros(size, bool)
    y, x = max(0, top), max(0, left)
    inside = part[y - top : size[0] - top, x - left : size[1] - left]
    whole[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return whole
