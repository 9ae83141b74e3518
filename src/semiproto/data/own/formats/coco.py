"""COCO instances as class masks: JSON files of images, categories, and outlines (polygons or run lengths).

Pixels that no instance covers are class 0. Where instances overlap, the smaller is on top. `iscrowd` regions are of
their class like any other: CVAT sets it for every mask that was painted.

Panoptic files are read too: the segments of an image are the colours of a PNG, in the folder named like the file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from semiproto.data.images import opening
from semiproto.data.own.faults import Fault
from semiproto.data.own.formats import outlines as shapes
from semiproto.data.own.formats.outlines import Key, Outlines, Record, class_index, class_name, class_names, draw
from semiproto.data.own.names import TEST, part_of, part_of_folders
from semiproto.errors import UserError
from semiproto.params import first_problem

__all__ = ["Instances", "Outlines", "draw", "outlines", "read", "records"]


@dataclass(frozen=True)
class Segment:
    """A segment of a panoptic PNG, in which the colour red, green, blue is the id red + 256 green + 65536 blue."""

    png: Path
    id: int

    def pixels(self, height: int, width: int) -> np.ndarray:
        ids = _ids(self.png, self.png.stat().st_mtime_ns if self.png.is_file() else 0)
        if ids.shape != (height, width):
            raise ValueError(f"{self.png.name} has {ids.shape[1]}x{ids.shape[0]} pixels")
        found: np.ndarray = ids == self.id
        return found


@lru_cache(maxsize=1)  # the segments of an image follow each other, and may be hundreds
def _ids(png: Path, _changed: int) -> np.ndarray:
    """The ids of a panoptic PNG's pixels, uint32 [height, width]."""
    with opening.opened(png, opening.LOSSLESS, "a panoptic mask") as file:
        red, green, blue = np.moveaxis(np.array(file.convert("RGB")).astype(np.uint32), 2, 0)
    found: np.ndarray = red | green << 8 | blue << 16
    return found


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

    def class_names(self, file: Path) -> list[str]:
        """The classes in the order of mask values: background, then the categories by id that have an annotation.

        Where there is no annotation at all, nothing says which categories are used, and all are classes. file: where
        they stand; UserError where two of them would be one class.
        """
        used = {one.category_id for one in self.annotations} or {one.id for one in self.categories}
        order = sorted(self.categories, key=lambda c: (str(type(c.id)), c.id))
        return class_names([c.name for c in order if c.id in used], file)

    def unused(self) -> list[str]:
        """The names of the categories without any annotation."""
        used = {one.category_id for one in self.annotations}
        return [c.name for c in self.categories if c.id not in used]


def other_task(path: Path) -> str | None:
    """What a COCO file holds that are no masks: keypoints or captions; None for other files."""
    try:
        return task_of(shapes.read_json(path, "COCO"))
    except UserError:
        return None


def task_of(content: Any) -> str | None:
    """The same of the content of a JSON file.

    Those of COCO's keypoints have the outlines of their persons too, which are among the instances.
    """
    listed = content.get("annotations") if isinstance(content, dict) and "images" in content else None
    first = listed[0] if isinstance(listed, list) and listed else None
    keys = set(first) if isinstance(first, dict) else set()
    return "captions" if "caption" in keys else "keypoints" if "keypoints" in keys else None


def read(path: Path) -> Instances:
    """The file's content; UserError where it is not an instances file or pycocotools is not installed."""
    shapes.require_tools(path)
    content = shapes.read_json(path, "COCO instances")
    try:
        return Instances.model_validate(_flattened(path, content))
    except ValidationError as error:
        problem = first_problem(error)[:200]
        raise UserError(f"{path}: not a file of COCO instances ({problem}); export it again") from None


def _flattened(path: Path, content: Any) -> Any:
    """The content with an annotation for each segment of a panoptic file; any other as it is."""
    listed = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not any(isinstance(one, dict) and "segments_info" in one for one in listed):
        return content
    try:
        return content | {"annotations": [segment for one in listed for segment in _segments(path, one)]}
    except (KeyError, TypeError, AttributeError, ValueError):
        raise UserError(f"{path}: not a file of panoptic annotations; export it again") from None


def _segments(path: Path, one: dict[str, Any]) -> list[dict[str, Any]]:
    folder = next((path.parent / name for name in folders_of(path) if (path.parent / name).is_dir()), path.parent)
    png = folder / Path(str(one["file_name"])).name
    return [
        {**segment, "image_id": one["image_id"], "segmentation": Segment(png, int(segment["id"]))}
        for segment in one["segments_info"]
    ]


def folders_of(path: Path) -> list[str]:
    """The names that the folder of a panoptic file's PNGs may have."""
    return [path.stem, f"{path.stem}_masks"]


def outlines(path: Path, content: Instances, classes: Sequence[str]) -> tuple[list[Outlines], list[Fault]]:
    """The outlines of every image of the file, and the annotations that belong to no image or class."""
    class_of = {c.id: class_index(c.name, classes) for c in content.categories}
    unused = set(content.unused())
    faults = [
        Fault(
            "coco-category",
            str(path),
            f"category {category.name!r} is not a class",
            "add it to dataset.classes or delete its annotations",
        )
        for category in content.categories
        if class_of[category.id] is None and category.name not in unused
    ]
    faults += _of_one_id(path, "image", [(one.id, one.file_name) for one in content.images])
    faults += _of_one_id(path, "category", [(one.id, class_name(one.name)) for one in content.categories])
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


def _of_one_id(path: Path, what: str, entries: Sequence[tuple[Key, str]]) -> Iterator[Fault]:
    """An id that means two images or categories, as in files that were joined without new ids: each would have the
    annotations of both."""
    first: dict[Key, str] = {}
    for key, name in entries:
        if first.setdefault(key, name) != name:
            found = f"{what} {key!r} is {first[key]!r} and {name!r}"
            yield Fault(f"coco-{what}", str(path), found, "give each an id of its own, and its annotations that id")


def records(file: Path, base: Path, classes: Sequence[str]) -> tuple[list[Record], list[Fault]]:
    """What a file says about its images; an image without any outline is not annotated."""
    found, faults = outlines(file, read(file), classes)
    part = part_of(file.stem) or part_of_folders(file.relative_to(base))
    return [Record(one.image, one, part, file) for one in found], faults if part != TEST else []
