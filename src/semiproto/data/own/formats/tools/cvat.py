"""CVAT's own XML (`CVAT for images 1.1`): polygons, boxes, ellipses and masks of each image.

Shapes lie on each other as in CVAT: by z_order, then in the order of the file. Pixels outside all are class 0. What
has no area (points, polylines, cuboids, skeletons) is left out with a warning.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as xml

import numpy as np

from semiproto.data.own.faults import Fault, not_drawn, unknown_label
from semiproto.data.own.formats import outlines as shapes
from semiproto.data.own.formats.outlines import Outlines, Record, class_index, class_names
from semiproto.data.own.names import part_of
from semiproto.errors import UserError, reason
from semiproto.provenance import reading


@dataclass(frozen=True)
class Runs:
    """A mask of CVAT: run lengths row by row within a rectangle, the first of pixels outside."""

    counts: str
    left: int
    top: int
    width: int
    height: int

    def pixels(self, height: int, width: int) -> np.ndarray:
        shapes.require_part(self.height, self.width, (height, width))
        counts = [int(count) for count in self.counts.split(",")]
        if min(counts) < 0 or sum(counts) != self.width * self.height:
            raise ValueError(f"run lengths of {sum(counts)} pixels in all, for {self.width}x{self.height}")
        inside = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(self.height, self.width)
        return shapes.placed(inside, self.left, self.top, (height, width))


@dataclass(frozen=True)
class Ellipse:
    """Pixels whose centres lie within; rotation in degrees, clockwise in the picture."""

    x: float
    y: float
    radius_x: float
    radius_y: float
    rotation: float = 0.0

    def pixels(self, height: int, width: int) -> np.ndarray:
        if not min(self.radius_x, self.radius_y) > 0:
            raise ValueError(f"an ellipse of radii {self.radius_x} and {self.radius_y}")
        if not math.isfinite(self.rotation):
            raise ValueError(f"an ellipse turned by {self.rotation} degrees")
        edges = [(self.x, self.y), (self.x + self.radius_x, self.y + self.radius_y)]
        shapes.require_points("ellipse", edges, 2, (width, height))
        reach = math.hypot(self.radius_x, self.radius_y) + 1
        top, bottom = (min(max(math.floor(self.y + edge), 0), height) for edge in (-reach, reach))
        left, right = (min(max(math.floor(self.x + edge), 0), width) for edge in (-reach, reach))
        y, x = np.mgrid[top:bottom, left:right] + 0.5
        turn = math.radians(self.rotation)
        along = (x - self.x) * math.cos(turn) + (y - self.y) * math.sin(turn)
        across = (y - self.y) * math.cos(turn) - (x - self.x) * math.sin(turn)
        whole = np.zeros((height, width), bool)
        whole[top:bottom, left:right] = (along / self.radius_x) ** 2 + (across / self.radius_y) ** 2 <= 1
        return whole


def turned_box(box: tuple[float, float, float, float], rotation: float, pivot: tuple[float, float]) -> list[float]:
    """The corners of left, top, right, bottom, turned clockwise by `rotation` degrees about a point, as x, y, ..."""
    left, top, right, bottom = box
    cosine, sine = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    corners: list[float] = []
    for x, y in ((left, top), (right, top), (right, bottom), (left, bottom)):
        dx, dy = x - pivot[0], y - pivot[1]
        corners += [pivot[0] + dx * cosine - dy * sine, pivot[1] + dx * sine + dy * cosine]
    return corners


def is_cvat(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(8000)
    head = start.decode(reading.encoding_of(start), "replace")
    return "<annotations" in head and ("<version>" in head or "<image" in head)


def tree_of(path: Path) -> xml.Element:
    """The file's root; UserError where it is not `CVAT for images`."""
    try:
        root = xml.parse(path).getroot()
    except (xml.ParseError, OSError, LookupError, ValueError) as error:  # the last two: of its encoding
        raise UserError(f"{path}: not a file of CVAT annotations ({reason(error)}); export it again") from None
    if root.find("track") is not None:
        raise UserError(
            f"{path}: holds tracks (`CVAT for video`), which have no images; export the task as `CVAT for images 1.1`"
        )
    return root


def names(path: Path) -> list[str]:
    """The classes: background, then the labels that have an area, in the task's order; without its list, by name."""
    root = tree_of(path)
    labels = [label.findtext("name") or "" for label in root.iterfind("meta//labels/label")]
    used = _labels(root, AREAS)
    return class_names([label for label in labels or sorted(used) if label in used], path)


def without_area(path: Path) -> list[str]:
    """The labels that only tags of images, points, lines and the like have, by name: they are no classes."""
    root = tree_of(path)
    return sorted(_labels(root, None) - _labels(root, AREAS))


def _labels(root: xml.Element, kinds: Sequence[str] | None) -> set[str]:
    """The labels of the shapes of these kinds; None: of all, and of tags."""
    return {shape.get("label", "") for shape in root.iterfind("image/*") if kinds is None or shape.tag in kinds}


def records(path: Path, base: Path, classes: Sequence[str]) -> tuple[list[Record], list[Fault]]:
    """What the file says about its images; one without any shape is not annotated."""
    shapes.require_tools(path)
    found: list[Record] = []
    faults: list[Fault] = []
    for image in tree_of(path).iterfind("image"):
        name = image.get("name", "")
        instances = []
        order = sorted(image, key=lambda shape: int(shape.get("z_order", 0)))
        for number, element in enumerate(order):
            index = class_index(element.get("label", ""), classes)
            try:
                shape = _shape(element)
            except (ValueError, TypeError, KeyError) as error:
                raise UserError(f"{path}: {element.tag} of {name}: {error}; export it again") from None
            faults += _faults(path, name, element, index)
            if shape is not None and index is not None:
                instances.append((f"{element.tag} {number + 1}", index, shape))
        size = int(image.get("width", 0)), int(image.get("height", 0))
        mask = Outlines(path, name, *size, tuple(instances), ordered=True)
        found.append(Record(name, mask, part_of(image.get("subset", "")), path))
    return found, faults


def _shape(element: xml.Element) -> object | None:
    """The shape as outlines.py draws it; None for what has no area."""
    get = {key: float(value) for key, value in element.items() if key in _NUMBERS}
    rotation = get.get("rotation", 0.0)
    if element.tag == "polygon":
        return [[float(value) for point in element.attrib["points"].split(";") for value in point.split(",")]]
    if element.tag == "box":
        box = get["xtl"], get["ytl"], get["xbr"], get["ybr"]
        return [turned_box(box, rotation, ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))]
    if element.tag == "ellipse":
        return Ellipse(get["cx"], get["cy"], get["rx"], get["ry"], rotation)
    if element.tag == "mask":
        left, top, width, height = (int(get[key]) for key in ("left", "top", "width", "height"))
        return Runs(element.attrib["rle"], left, top, width, height)
    return None


_NUMBERS = ("xtl", "ytl", "xbr", "ybr", "cx", "cy", "rx", "ry", "rotation", "left", "top", "width", "height")
AREAS = ("polygon", "box", "ellipse", "mask")


def _faults(path: Path, name: str, element: xml.Element, index: int | None) -> Iterator[Fault]:
    label = element.get("label", "")
    if element.tag == "tag":
        return
    if element.tag not in AREAS:
        yield not_drawn(path, element.tag, f"{element.tag} {label!r} of {name}", "draw it as a polygon or mask")
    elif index is None:
        yield unknown_label(path, label, " or delete its shapes")
