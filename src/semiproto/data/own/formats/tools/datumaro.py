"""Datumaro's JSON, as CVAT exports it too: `annotations/SUBSET.json`, and the images in `images/SUBSET/`.

Polygons, masks, boxes and ellipses are drawn in the order of `z_order`, then in that of the file. An image without any
is not annotated. What has no area is left out with a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from semiproto.data.own.faults import Fault, not_drawn, unknown_label
from semiproto.data.own.formats import outlines as shapes
from semiproto.data.own.formats.outlines import Key, Outlines, Record, class_index, class_names
from semiproto.data.own.formats.tools.cvat import Ellipse
from semiproto.data.own.names import part_of_file
from semiproto.errors import UserError
from semiproto.params import first_problem

AREAS = ("polygon", "mask", "bbox", "ellipse")


class _Annotation(BaseModel):
    id: Key | None = None
    type: str
    label_id: int | None = None
    points: list[float] = []
    bbox: list[float] = []
    rle: dict[str, Any] | None = None
    z_order: int = 0

    def shape(self) -> object:
        """The object as outlines.py draws it, which refuses what is malformed."""
        if self.type == "mask":
            return self.rle
        if self.type == "polygon":
            return [self.points]
        if len(self.bbox if self.type == "bbox" else self.points) != 4:
            return None
        if self.type == "bbox":
            return shapes.box(*self.bbox)
        left, top, right, bottom = self.points
        return Ellipse((left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2)


class _Picture(BaseModel):
    path: str = ""
    size: tuple[int, int] = (0, 0)
    """height, width"""


class _Item(BaseModel):
    id: str
    annotations: list[_Annotation] = []
    image: _Picture = _Picture()
    media: _Picture = _Picture()

    def name(self) -> str:
        return self.image.path or self.media.path or self.id

    def size(self) -> tuple[int, int]:
        """width, height; 0 where the file does not say them."""
        height, width = max(self.image.size, self.media.size)
        return width, height


class _Label(BaseModel):
    name: str


class _Labels(BaseModel):
    labels: list[_Label] = []


class _Categories(BaseModel):
    label: _Labels = _Labels()


class File(BaseModel):
    """The parts of a subset's file that are used."""

    categories: _Categories = Field(default_factory=_Categories)
    items: list[_Item]

    def label(self, one: _Annotation) -> str:
        """The label of an annotation; empty where it has none."""
        labels = self.categories.label.labels
        known = one.label_id is not None and 0 <= one.label_id < len(labels)
        return labels[one.label_id or 0].name if known else ""


def is_datumaro(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("items"), list) and isinstance(
        content.get("categories"), dict
    )  # fmt: skip


def read(path: Path) -> File:
    """The file's content; UserError where it is malformed."""
    try:
        return File.model_validate(shapes.read_json(path, "Datumaro"))
    except ValidationError as error:
        raise UserError(f"{path}: not a file of Datumaro ({first_problem(error)[:200]}); export it again") from None


def names(path: Path) -> list[str]:
    """The classes: background, then the labels that have an area, in the order of the file."""
    content = read(path)
    used = {content.label(one) for item in content.items for one in item.annotations if one.type in AREAS}
    return class_names([label.name for label in content.categories.label.labels if label.name in used], path)


def records(path: Path, base: Path, classes: Sequence[str]) -> tuple[list[Record], list[Fault]]:
    """What a file says about its images; one without any area is not annotated."""
    shapes.require_tools(path)
    content = read(path)
    part = part_of_file(path.relative_to(base))
    found: list[Record] = []
    faults: list[Fault] = []
    for item in content.items:
        instances = []
        for number, one in enumerate(sorted(item.annotations, key=lambda one: one.z_order), start=1):
            label, where = content.label(one), f"{one.type} {number} of {item.name()}"
            index = class_index(label, classes)
            if one.type not in AREAS:
                faults.append(not_drawn(path, one.type, where, "draw it as a polygon or mask"))
            elif index is None:
                faults.append(unknown_label(path, label, f" or delete {where}"))
            else:
                instances.append((f"{one.type} {number}", index, one.shape()))
        mask = Outlines(path, item.name(), *item.size(), tuple(instances), ordered=True)
        found.append(Record(item.name(), mask, part, path))
    return found, faults
