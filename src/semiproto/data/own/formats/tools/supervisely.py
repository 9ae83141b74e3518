"""Supervisely: folders `img/` and `ann/` in each data set, a JSON for each image, and meta.json with the classes.

Bitmaps, polygons with holes, and rectangles are drawn in the order of the file, a later one on an earlier one. Every
image has a JSON, so one without an object is not annotated. What has no area is left out with a warning.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from semiproto.data.own.faults import Fault, not_drawn, unknown_label
from semiproto.data.own.formats import outlines as shapes
from semiproto.data.own.formats.outlines import Outlines, Record, class_index, class_names
from semiproto.data.own.names import part_of_folders
from semiproto.errors import UserError
from semiproto.params import first_problem

META = "meta.json"
AREAS = ("bitmap", "alpha_mask", "polygon", "rectangle")
LARGEST = 2**28
"""Bytes of a bitmap's PNG that are unpacked at most."""


Point = tuple[float, float]


class _Points(BaseModel):
    exterior: list[Point] = []
    interior: list[list[Point]] = []


class _Bitmap(BaseModel):
    data: str
    origin: tuple[int, int]


class _Object(BaseModel):
    label: str = Field(alias="classTitle")
    kind: str = Field(default="", alias="geometryType")
    points: _Points | None = None
    bitmap: _Bitmap | None = None

    def geometry(self) -> str:
        """Files of old versions do not say it."""
        return self.kind or ("bitmap" if self.bitmap else "polygon")


class _Size(BaseModel):
    width: int = Field(ge=1)
    height: int = Field(ge=1)


class File(BaseModel):
    """The parts of an image's JSON that are used."""

    size: _Size
    objects: list[_Object]


@dataclass(frozen=True)
class Drawn:
    """The bitmap of an object as zlib's data in base 64; left and top are its place."""

    data: str
    left: int
    top: int

    def pixels(self, height: int, width: int) -> np.ndarray:
        try:
            packed = base64.b64decode(self.data, validate=True)
            png = zlib.decompressobj().decompress(packed, LARGEST)
        except (binascii.Error, zlib.error):
            raise ValueError("a bitmap that cannot be unpacked") from None
        return shapes.placed(shapes.png_mask(png, (height, width)), self.left, self.top, (height, width))


@dataclass(frozen=True)
class Holed:
    """A polygon without the pixels of others. As Supervisely's SDK draws them: points are pixels, outlines included."""

    outer: Sequence[Point]
    holes: Sequence[Sequence[Point]]

    def pixels(self, height: int, width: int) -> np.ndarray:
        drawn = shapes.through_middles(_whole(self.outer), height, width)
        for hole in self.holes:
            drawn &= ~shapes.through_middles(_whole(hole), height, width)
        return drawn


def is_supervisely(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("objects"), list) and isinstance(
        content.get("size"), dict
    )  # fmt: skip


def read(path: Path) -> File | None:
    """The file's content; None where it is another kind of JSON, UserError where it is malformed."""
    content = shapes.read_json(path, "Supervisely")
    if not is_supervisely(content):
        return None
    try:
        return File.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{path}: not a file of Supervisely ({first_problem(error)[:200]}); export it again") from None


def names(files: Sequence[Path], meta: Path | None) -> list[str]:
    """The classes: background, then the labels that have an area, in the order of meta.json, or by name."""
    read_files = (found for path in files if (found := read(path)) is not None)
    used = {one.label for file in read_files for one in file.objects if one.geometry() in AREAS}
    content = shapes.read_json(meta, "Supervisely's classes") if meta is not None else {}
    with shapes.well_formed(meta or files[0].parent):
        listed = content.get("classes", []) if isinstance(content, dict) else []
        order = [one["title"] for one in listed if isinstance(one, dict) and one.get("title") in used]
    return class_names([*order, *sorted(used - set(order))], meta or files[0].parent)


def records(path: Path, base: Path, classes: Sequence[str], content: File) -> tuple[list[Record], list[Fault]]:
    """What a file says about its image; one without an object is not annotated."""
    faults, instances = [], []
    for number, one in enumerate(content.objects, start=1):
        index = class_index(one.label, classes)
        shape = _shape(one)
        if one.geometry() not in AREAS:
            found = f"{one.geometry()} {one.label!r} (object {number})"
            faults.append(not_drawn(path, one.geometry(), found, "draw it as a polygon or bitmap"))
        elif index is None:
            faults.append(unknown_label(path, one.label, " or delete the object"))
        else:
            instances.append((number, index, shape))
    image = image_of(path.relative_to(base))
    mask = Outlines(path, image, content.size.width, content.size.height, tuple(instances), ordered=True)
    return [Record(image, mask, part_of_folders(path.relative_to(base)), path)], faults


def image_of(path: Path) -> str:
    """The image of `ds/ann/photo.jpg.json` is `ds/img/photo.jpg`."""
    folder = path.parent.parent / "img" if path.parent.name == "ann" else path.parent
    return (folder / path.name.removesuffix(".json")).as_posix()


def _shape(one: _Object) -> object:
    """The object as outlines.py draws it, which refuses what is malformed."""
    if one.geometry() in ("bitmap", "alpha_mask") and one.bitmap:
        return Drawn(one.bitmap.data, *one.bitmap.origin)
    points = one.points or _Points()
    outer = points.exterior
    if one.geometry() == "rectangle" and len(outer) == 2:
        (x, y), (x2, y2) = outer
        outer = [(x, y), (x2, y), (x2, y2), (x, y2)]
    return Holed(outer, points.interior)


def _whole(points: Sequence[Point]) -> list[Point]:
    """The pixels in which points lie."""
    if not all(math.isfinite(value) for point in points for value in point):
        raise ValueError("a point that is not a number")
    return [(math.floor(x), math.floor(y)) for x, y in points]
