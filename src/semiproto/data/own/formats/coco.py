"""COCO instances as class masks: one JSON file of images, categories, and outlines (polygons or run lengths).

Pixels that no instance covers are class 0. Where instances overlap, the smaller is on top. pycocotools draws the
outlines; it is an optional extra.
"""

from __future__ import annotations

import importlib
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from semiproto.data.own.faults import Fault
from semiproto.errors import UserError
from semiproto.params import first_problem

Key = int | str


class _Image(BaseModel):
    id: Key
    file_name: str
    width: int = Field(ge=1)
    height: int = Field(ge=1)


class _Category(BaseModel):
    id: Key
    name: str


class _Annotation(BaseModel):
    id: Key | None = None
    image_id: Key
    category_id: Key
    segmentation: Any = None


class Instances(BaseModel):
    """The parts of an instances file that are used."""

    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation]

    def class_names(self) -> list[str]:
        """The classes in the order of mask values: background, then the categories by id."""
        names = [class_name(c.name) for c in sorted(self.categories, key=lambda c: (str(type(c.id)), c.id))]
        return ["background", *dict.fromkeys(name for name in names if name != "background")]


@dataclass(frozen=True)
class Outlines:
    """The instances of one image: `instances` holds (id, class, segmentation) as the file gives them."""

    file: Path
    image: str
    width: int
    height: int
    instances: tuple[tuple[Key | None, int, Any], ...]


def class_name(category: str) -> str:
    """A category's name as a class's: `traffic light` becomes traffic_light."""
    return "_".join(category.split())


def read(path: Path) -> Instances:
    """The file's content; UserError where it is not an instances file or pycocotools is not installed."""
    try:
        _tools()
    except ImportError:
        raise UserError(
            f"{path}: COCO outlines are drawn by pycocotools, which is not installed; run"
            " `pip install 'semiproto[coco]'`, or give PNG masks"
        ) from None
    try:
        return Instances.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file of COCO instances; correct dataset.masks") from None
    except ValidationError as error:
        problem = first_problem(error)
        raise UserError(f"{path}: not a file of COCO instances ({problem}); export it again") from None


def outlines(path: Path, content: Instances, classes: Sequence[str]) -> tuple[list[Outlines], list[Fault]]:
    """The outlines of every image of the file, and the annotations that belong to no image or class."""
    index = {name: number for number, name in enumerate(classes)}
    class_of = {c.id: index.get(class_name(c.name)) for c in content.categories}
    faults = [
        Fault(
            "coco-category",
            str(path),
            f"category {category.name!r} is not a class",
            "add it to dataset.classes or delete it",
        )
        for category in content.categories
        if class_of[category.id] is None
    ]
    instances: dict[Key, list[tuple[Key | None, int, Any]]] = defaultdict(list)
    images = {image.id for image in content.images}
    for one in content.annotations:
        number = class_of.get(one.category_id)
        if one.image_id not in images or one.category_id not in class_of:
            missing = "image" if one.image_id not in images else "category"
            value = getattr(one, f"{missing}_id")
            faults.append(
                Fault(
                    "coco-annotation",
                    str(path),
                    f"annotation {one.id!r} is of {missing} {value!r}, which the file does not have",
                    "delete the annotation or add what it names",
                )
            )
        elif number is not None:
            instances[one.image_id].append((one.id, number, one.segmentation))
    found = [
        Outlines(path, image.file_name, image.width, image.height, tuple(instances[image.id]))
        for image in content.images
    ]
    return found, faults


def draw(mask: Outlines) -> np.ndarray:
    """Class indices uint8 [height, width]; UserError names the annotation that cannot be drawn."""
    shapes = []
    for number, class_index, segmentation in mask.instances:
        try:
            shapes.append((_shape(segmentation, mask.height, mask.width), class_index))
        except ValueError as error:
            raise UserError(
                f"{mask.file}: annotation {number!r} of {mask.image}: {error}; draw its outline again"
            ) from None
    drawn = np.zeros((mask.height, mask.width), np.uint8)
    for shape, class_index in sorted(shapes, key=lambda one: -int(one[0].sum())):
        drawn[shape] = class_index
    return drawn


def _shape(segmentation: Any, height: int, width: int) -> np.ndarray:
    """The pixels of one instance, bool [height, width]; ValueError where it is malformed."""
    tools = _tools()
    if isinstance(segmentation, dict):
        counts = _run_lengths(segmentation, height, width)
        encoded = tools.frPyObjects({"counts": counts, "size": [height, width]}, height, width)
    else:
        encoded = tools.merge(tools.frPyObjects(_polygons(segmentation, height, width), height, width))
    shape: np.ndarray = tools.decode(encoded).astype(bool)
    return shape


def _tools() -> Any:
    """pycocotools.mask, an optional extra."""
    return importlib.import_module("pycocotools.mask")


def _polygons(segmentation: Any, height: int, width: int) -> list[list[float]]:
    """The polygons, checked: pycocotools accepts any number, and allocates memory for any distance."""
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError("no outline, neither polygons nor run lengths")
    for polygon in segmentation:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise ValueError("a polygon is not a list of three or more x, y pairs")
        for position, value in enumerate(polygon):
            side = (width, height)[position % 2]
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if not number or not -side <= value <= 2 * side:
                raise ValueError(f"coordinate {value!r} is outside an image of {width}x{height}")
    return segmentation


def _run_lengths(segmentation: dict[str, Any], height: int, width: int) -> list[int]:
    """The run lengths, checked: where they are too short, pycocotools returns uninitialised memory."""
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [height, width]:
        raise ValueError(f"run lengths of size {size}, and its image has [{height}, {width}]")
    if isinstance(counts, str):
        counts = _unpacked(counts)
    if not isinstance(counts, list) or not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ValueError("run lengths that are not numbers of pixels")
    if sum(counts) != height * width:
        raise ValueError(f"run lengths of {sum(counts)} pixels in all, and its image has {height * width}")
    return counts


def _unpacked(text: str) -> list[int]:
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
