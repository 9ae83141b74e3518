"""LabelMe and X-AnyLabeling: a JSON beside each image, with polygons, rectangles, circles and masks.

They are drawn as labelme2voc draws them, with Pillow: the outline belongs to the shape, and a later shape lies on an
earlier one. Pixels outside all are class 0; the label __ignore__ is void. Points and lines are left out with a warning.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from pydantic import BaseModel, ValidationError

from semiproto.data.own.faults import Fault, not_drawn, unknown_label
from semiproto.data.own.formats import outlines as shapes
from semiproto.data.own.formats.outlines import Outlines, Record, class_index, class_names
from semiproto.data.own.names import part_of_folders
from semiproto.errors import UserError
from semiproto.params import first_problem

AREAS = {"polygon": 3, "rectangle": 2, "circle": 2, "mask": 2}
"""Shapes that have an area, and the points that they need."""
BY_CORNERS = ("rectangle", "rotation", "quadrilateral")
"""Shapes that are polygons where they have more than two corners, as X-AnyLabeling writes them."""


class _Shape(BaseModel):
    label: str
    points: list[tuple[float, float]]
    shape_type: str | None = "polygon"
    mask: str | None = None

    def kind(self) -> str:
        named = self.shape_type or "polygon"
        return "polygon" if named in BY_CORNERS and len(self.points) > 2 else named


class File(BaseModel):
    """The parts of LabelMe's JSON that are used."""

    shapes: list[_Shape]
    imagePath: str
    imageHeight: int | None = None
    imageWidth: int | None = None


@dataclass(frozen=True)
class Drawn:
    """A shape as LabelMe draws it."""

    kind: str
    points: tuple[tuple[float, float], ...]
    mask: str | None = None

    def pixels(self, height: int, width: int) -> np.ndarray:
        if self.kind == "polygon":
            return shapes.through_middles(self.points, height, width)
        shapes.require_points(self.kind, self.points, AREAS[self.kind], (width, height))
        if self.kind == "mask":
            return self._placed_mask(height, width)
        image = Image.new("L", (width, height))
        pen = ImageDraw.Draw(image)
        if self.kind == "rectangle":
            (x, y), (x2, y2) = self.points[:2]
            pen.rectangle((min(x, x2), min(y, y2), max(x, x2), max(y, y2)), fill=1, outline=1)
        else:
            (x, y), on_circle = self.points[:2]
            radius = math.dist((x, y), on_circle)
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1, outline=1)
        return np.array(image).view(bool)

    def _placed_mask(self, height: int, width: int) -> np.ndarray:
        try:
            png = base64.b64decode(self.mask or "", validate=True)
        except binascii.Error:
            raise ValueError("a mask that is no picture") from None
        left, top = (round(value) for value in self.points[0])
        return shapes.placed(shapes.png_mask(png, (height, width)), left, top, (height, width))


def is_labelme(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("shapes"), list) and "imagePath" in content


def read(path: Path) -> File | None:
    """The file's content; None where it is another kind of JSON, UserError where it is malformed."""
    content = shapes.read_json(path, "LabelMe")
    if not is_labelme(content):
        return None
    try:
        return File.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{path}: not a file of LabelMe ({first_problem(error)[:200]}); save it again") from None


def names(files: Sequence[Path]) -> list[str]:
    """The classes: background, then all labels that have an area, by name.

    UserError where two labels of one file would be one class. Those of two files may be: `predict` writes the names of
    classes, without blanks, beside what was drawn before.
    """
    found: set[str] = set()
    for path in files:
        content = read(path)
        drawn = content.shapes if content is not None else []
        found.update(class_names([one.label for one in drawn if one.kind() in AREAS], path))
    return class_names(sorted(found), files[0])


def records(path: Path, base: Path, classes: Sequence[str], content: File) -> tuple[list[Record], list[Fault]]:
    """What a file says about its image; one without a shape is background as a whole."""
    faults, instances = [], []
    for number, shape in enumerate(content.shapes, start=1):
        kind, index = shape.kind(), class_index(shape.label, classes)
        if kind not in AREAS:
            found = f"{kind} {shape.label!r} (shape {number})"
            faults.append(not_drawn(path, kind, found, "draw it as a polygon"))
        elif index is None:
            faults.append(unknown_label(path, shape.label, " or delete the shape"))
        else:
            instances.append((number, index, Drawn(kind, tuple(shape.points), shape.mask)))
    size = content.imageWidth or 0, content.imageHeight or 0
    mask = Outlines(
        path, content.imagePath, *(size if all(size) else (0, 0)), tuple(instances), ordered=True, whole=True
    )
    return [Record(content.imagePath, mask, part_of_folders(path.relative_to(base)), path)], faults
