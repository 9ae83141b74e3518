"""YOLO segmentation: a .txt per image, each row a class and a polygon in shares of the image's sides.

Where polygons overlap, the smaller is on top, as Ultralytics draws them. An image without a .txt is not annotated, one
with an empty .txt is background.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from semiproto.data.own.faults import Fault, unknown_label
from semiproto.data.own.formats import outlines as shapes
from semiproto.data.own.formats.outlines import Outlines, Record, class_index, class_name, class_names
from semiproto.data.own.names import TEST, part_of_folders
from semiproto.errors import UserError, reason, shortened
from semiproto.provenance.reading import MOST_CLASS_TEXT, MOST_YAML, text, yaml_tree

COORDINATE = "yolo-coordinate"
"""The kind of fault of a coordinate that is no share: all files of an export have it."""
FURTHEST = 2
"""The largest share that is drawn: outlines may reach beyond their image, as those of rounded boxes do."""
MOST_DIGITS = 5
"""Of a class's number; each below the largest gets a name."""
DESCRIPTIONS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")


@dataclass(frozen=True)
class Share:
    """A polygon x, y, ... in shares (0..1) of the image's sides."""

    points: tuple[float, ...]

    def pixels(self, height: int, width: int) -> np.ndarray:
        scaled = [value * (width, height)[position % 2] for position, value in enumerate(self.points)]
        return shapes.pixels([scaled], height, width)


def description(base: Path) -> Path | None:
    """The file that names the classes: data.yaml, another YAML file with names, or a classes.txt."""
    found = [base / name for name in DESCRIPTIONS if (base / name).is_file()]
    found += [path for path in sorted(base.glob("*.y*ml")) if path not in found and _has_names(path)]
    found += [path for path in (base / "classes.txt", base / "labels/classes.txt") if path.is_file()]
    return found[0] if found else None


def _has_names(path: Path) -> bool:
    """Whether a YAML file may name classes; one that is too long is not looked into, and refused where it is read."""
    return path.stat().st_size > MOST_YAML or "names:" in text(path)


def labels(base: Path) -> list[str]:
    """The labels in the order of their numbers; UserError where nothing names them."""
    path = description(base)
    if path is None:
        raise UserError(f"{base}: no data.yaml names the classes of the YOLO labels; add one with `names: [...]`")
    if path.suffix == ".txt":
        return [line.strip() for line in text(path, MOST_CLASS_TEXT).splitlines() if line.strip()]
    names = _content(path).get("names")
    if isinstance(names, dict) and all(key.isdecimal() for key in names):
        if strange := next((key for key in names if len(key) > MOST_DIGITS), None):
            raise UserError(f"{path}: {shortened(strange)} is no number of a class; number them from 0")
        names = [names.get(str(number), f"class{number}") for number in range(max(map(int, names)) + 1)]
    if not isinstance(names, list) or not names:
        raise UserError(f"{path}: has no list `names` of the classes; add it, e.g. `names: [cat, dog]`")
    return [str(name) for name in names]


def parts(base: Path) -> dict[str, list[Path]]:
    """The folders and lists of images below `base` that data.yaml names, by part.

    Paths are those of the machine that exported the set, so each is found by its end. One that is also what the
    training images are in says nothing, nor does one that is not there.
    """
    path = description(base)
    if path is None or path.suffix == ".txt":
        return {}
    content = _content(path)
    given = {part: content.get(key, content.get(other)) for part, key, other in KEYS}
    found = {part: _places(base, [one] if isinstance(one, str) else one or []) for part, one in given.items()}
    for held, others in (("val", ("train",)), (TEST, ("train", "val"))):
        found[held] = [place for place in found[held] if all(place not in found[other] for other in others)]
    return found


KEYS = (("train", "train", "training"), ("val", "val", "valid"), (TEST, "test", "testing"))
"""Part of the set, and the keys that may name it in data.yaml."""


def _places(base: Path, names: Sequence[str]) -> list[Path]:
    """The folders and files below `base` that the ends of paths mean, of each the longest end."""
    found = []
    for name in names:
        words = [word for word in str(name).replace("\\", "/").split("/") if word not in ("", ".", "..")]
        ends = (base.joinpath(*words[start:]) for start in range(len(words)))
        found += [place for place in ends if place.exists()][:1]
    return found


def _content(path: Path) -> dict[str, Any]:
    """A YAML file, in which every word is text: a class may be called `no`."""
    try:
        content = yaml_tree(text(path, MOST_YAML), yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({reason(error)}); correct it") from None
    return content if isinstance(content, dict) else {}


def names(base: Path) -> list[str]:
    return class_names(labels(base), description(base) or base)


def drawn(base: Path, files: Iterable[Path]) -> set[str]:
    """The classes of the rows of label files."""
    known = labels(base)
    numbers: set[str] = set()
    for path in files:
        numbers.update(row.split(maxsplit=1)[0] for row in text(path).splitlines() if row.strip())
    found = {int(one) for one in numbers if one.isdecimal() and len(one) <= MOST_DIGITS}
    return {class_name(known[number]) for number in found if number < len(known)}


def is_yolo(path: Path) -> bool:
    """Whether the first row of a .txt is a class number and a polygon or box, even one in pixels."""
    with path.open(encoding="utf-8", errors="replace") as file:
        words = file.readline(100_000).split()
    try:
        return len(words) >= 5 and int(words[0]) >= 0 and len([float(word) for word in words]) % 2 == 1
    except ValueError:
        return False


def records(path: Path, base: Path, classes: Sequence[str], known: Sequence[str]) -> tuple[list[Record], list[Fault]]:
    """What a .txt says about its image; known: the labels by number."""
    shapes.require_tools(path)
    instances: list[tuple[int, int, Share]] = []
    faults: list[Fault] = []
    for line, row in enumerate(text(path).splitlines(), start=1):
        words = row.split()
        if not words:
            continue
        problem = _problem(words, known)
        if problem:
            kind, found, remedy = problem
            if kind != COORDINATE or all(fault.kind != kind for fault in faults):  # the first of a file is enough
                faults.append(Fault(kind, str(path), found, remedy, line))
            continue
        index = class_index(known[int(words[0])], classes)
        if index is None:
            faults.append(unknown_label(path, known[int(words[0])], " or delete the row", line))
        else:
            instances.append((line, index, Share(tuple(float(word) for word in words[1:]))))
    image = path.relative_to(base).with_suffix("").as_posix()
    part = part_of_folders(path.relative_to(base))
    return [Record(image, Outlines(path, path.stem, 0, 0, tuple(instances), whole=True), part, path)], faults


def _problem(words: list[str], known: Sequence[str]) -> tuple[str, str, str] | None:
    """The kind of fault of a row, what is wrong, and the remedy."""
    try:
        number, *values = int(words[0]), *(float(word) for word in words[1:])
    except ValueError:
        return "yolo-row", "not a class number and a polygon", "export it again"
    if not 0 <= number < len(known):
        return (
            "yolo-row",
            f"class number {number}, and there are {len(known)} names",
            "add its name to data.yaml or delete the row",
        )
    if len(values) == 4:
        return "yolo-row", "a box, and a box is no outline", "export segmentation labels, or delete the row"
    if len(values) < 6 or len(values) % 2:
        return "yolo-row", "not three or more x, y pairs", "export it again"
    if (place := next((place for place, value in enumerate(values) if not abs(value) <= FURTHEST), None)) is not None:
        found = f"coordinate {words[place + 1]}, and YOLO's are shares of the image's width and height, 0 to 1"
        remedy = "divide x by the width and y by the height" if math.isfinite(values[place]) else "correct or delete it"
        return COORDINATE, found, f"{remedy}, or export it again as YOLO segmentation"
    return None
