"""VGG Image Annotator (VIA 1 and 2): its JSON, its project files, and its CSV.

The label of a region is one of its attributes: `class`, `label` or the like, otherwise the one that most regions have.
Regions without any attribute are all of one class, `object`. Where regions overlap the smaller is on top. VIA lists all
images that were opened, so an image without a region is not annotated. What has no area is left out with a warning; a
polyline that ends where it begins is a polygon.
"""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from semiproto.data.own.faults import Fault, unknown_label
from semiproto.data.own.formats import outlines as shapes
from semiproto.data.own.formats.outlines import Outlines, Record, class_index, class_names
from semiproto.data.own.formats.pairs import beginning, cells, text_of
from semiproto.data.own.formats.tools.cvat import Ellipse
from semiproto.data.own.names import fold, part_of_file
from semiproto.errors import UserError, reason

COLUMNS = {"filename", "region_shape_attributes", "region_attributes"}
LABELS = ("class", "label", "name", "type", "category", "object", "classname", "class_name")
"""Attributes that hold the label, in any case."""
OBJECT = "object"
"""The class of regions without attributes."""


@dataclass(frozen=True)
class _Region:
    shape: Mapping[str, Any]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Annotations:
    """The regions by image, and the attribute that holds their label; None where no region has any."""

    images: list[tuple[str, list[_Region]]]
    attribute: str | None
    others: list[str]
    """Attributes that are not read."""


def is_via(content: Any) -> bool:
    """Whether JSON is a project of VIA 2, or the regions of one."""
    if not isinstance(content, dict):
        return False
    images = content.get("_via_img_metadata", content)
    first = next(iter(images.values()), None) if isinstance(images, dict) else None
    return "_via_img_metadata" in content or (isinstance(first, dict) and {"filename", "regions"} <= set(first))


def is_table(path: Path) -> bool:
    """Whether a .csv is VIA's."""
    return set(_columns(beginning(path)[0])) >= COLUMNS


def _columns(header: Sequence[str]) -> list[str]:
    return [name.lstrip("#").strip() for name in header]


def read(path: Path) -> Annotations:
    """What a file says; UserError where it is malformed."""
    try:
        images = list(_of_table(path) if path.suffix.lower() == ".csv" else _of_json(path))
        counts = Counter(
            name for _, regions in images for one in regions for name, value in one.attributes.items() if _labels(value)
        )
    except (ArithmeticError, AttributeError, TypeError, KeyError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: not a file of VIA ({reason(error)}); export it again") from None
    known = [name for name in counts if fold(name) in LABELS]
    attribute = max(known or counts, key=lambda name: counts[name], default=None)
    return Annotations(images, attribute, sorted(set(counts) - {attribute}))


def _of_json(path: Path) -> Iterator[tuple[str, list[_Region]]]:
    content = shapes.read_json(path, "VIA's regions")
    if not is_via(content):
        raise ValueError("no regions of images")
    for one in content.get("_via_img_metadata", content).values():
        regions = one["regions"]
        if not isinstance(one["filename"], str):
            raise TypeError(f"filename {one['filename']!r} is no text")
        listed = regions.values() if isinstance(regions, dict) else regions  # VIA 1 numbers them
        yield (
            one["filename"],
            [_Region(each["shape_attributes"], each.get("region_attributes") or {}) for each in listed],
        )


def _of_table(path: Path) -> Iterator[tuple[str, list[_Region]]]:
    found: dict[str, list[_Region]] = {}
    header, *rows = [*filter(None, cells(text_of(path, "VIA's regions")))] or [[]]
    for listed in rows:
        row = dict(zip_longest(_columns(header), listed[: len(header)], fillvalue=""))
        regions = found.setdefault(row["filename"], [])
        shape = json.loads(row["region_shape_attributes"] or "{}")
        if shape:
            regions.append(_Region(shape, json.loads(row["region_attributes"] or "{}")))
    yield from found.items()


def _labels(value: Any) -> list[str]:
    """The labels in an attribute: a text, or of check boxes those that are ticked."""
    if isinstance(value, dict):
        return [str(label) for label, ticked in value.items() if ticked]
    return [str(value).strip()] if str(value).strip() else []


def _labels_of(region: _Region, attribute: str | None) -> list[str]:
    return [OBJECT] if attribute is None else _labels(region.attributes.get(attribute, ""))


def _shape(shape: Mapping[str, Any]) -> object | None:
    """The region as outlines.py draws it; None where it has no area."""
    kind = shape["name"]
    if kind in ("polygon", "polyline"):
        points = list(zip(shape["all_points_x"], shape["all_points_y"], strict=True))
        closed = kind == "polygon" or (len(points) > 3 and points[0] == points[-1])
        return [[float(side) for point in points for side in point]] if closed else None
    if kind == "rect":
        return shapes.box(*(float(shape[key]) for key in ("x", "y", "width", "height")))
    if kind == "circle":
        return Ellipse(float(shape["cx"]), float(shape["cy"]), float(shape["r"]), float(shape["r"]))
    if kind == "ellipse":
        x, y, along, across = (float(shape[key]) for key in ("cx", "cy", "rx", "ry"))
        return Ellipse(x, y, along, across, math.degrees(float(shape.get("theta") or 0)))
    return None


def names(path: Path) -> list[str]:
    """The classes: background, then all labels of regions that have an area, by name."""
    content = read(path)
    regions = [(index, one) for _, listed in content.images for index, one in enumerate(listed, start=1)]
    drawn = [one for index, one in regions if _drawn(path, index, one) is not None]
    return class_names(sorted({label for one in drawn for label in _labels_of(one, content.attribute)[:1]}), path)


def _drawn(path: Path, number: int, region: _Region) -> object | None:
    try:
        return _shape(region.shape)
    except (OverflowError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: region {number}: malformed ({reason(error)}); export it again") from None


def records(path: Path, base: Path, classes: Sequence[str]) -> tuple[list[Record], list[Fault]]:
    """What a file says about its images; one without any region is not annotated."""
    shapes.require_tools(path)
    content = read(path)
    part = part_of_file(path.relative_to(base))
    found: list[Record] = []
    faults: list[Fault] = []
    for image, regions in content.images:
        instances = []
        for number, region in enumerate(regions, start=1):
            shape, labels = _drawn(path, number, region), _labels_of(region, content.attribute)
            index = class_index(labels[0], classes) if labels else None
            faults += _faults(path, f"region {number} of {image}", shape, labels, index)
            if shape is not None and index is not None:
                instances.append((f"region {number}", index, shape))
        found.append(Record(image, Outlines(path, image, 0, 0, tuple(instances)), part, path))
    return found, faults


def _faults(path: Path, where: str, shape: object | None, labels: list[str], index: int | None) -> Iterator[Fault]:
    if shape is None:
        yield Fault("no-area", str(path), f"{where} has no area and is left out", "draw it as a polygon", warning=True)
    elif not labels:
        yield Fault("label", str(path), f"{where} has no label", "give it one or delete it")
    elif index is None:
        yield unknown_label(path, labels[0], " or delete its regions")
    if shape is not None and len(labels) > 1:
        found = f"{where} has {len(labels)} labels, and a pixel has one class: {labels[0]!r} is used"
        yield Fault("label", str(path), found, "keep one of them", warning=True)
