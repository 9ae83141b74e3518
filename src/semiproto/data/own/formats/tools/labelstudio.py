"""Label Studio: JSON and JSON-MIN with brushes, polygons, rectangles and ellipses, and brushes as PNGs.

A later region lies on an earlier one. Of several annotations of a task the one marked as ground truth is used,
otherwise the newest that was not cancelled. Predictions are used only where no task of the file has annotations: then
it is a file for import, as `predict --format labelstudio` writes it.

The PNGs (`task-1-annotation-2-by-3-tag-cat-0.png`, one per class) do not say which image a task is of: a JSON, JSON-MIN
or CSV export beside them does; where two classes share a pixel the smaller is on top.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from semiproto.data.layout import IMAGE_SUFFIXES
from semiproto.data.own.faults import Fault, not_drawn, unknown_label
from semiproto.data.own.formats import outlines as shapes
from semiproto.data.own.formats.outlines import Layers, Outlines, Record, class_index, class_names
from semiproto.data.own.formats.tools.cvat import Ellipse, turned_box
from semiproto.errors import UserError
from semiproto.provenance import reading

PNG = re.compile(r"task-(\d+)-annotation-(\d+)-by-[^-]*-(.+)-(\d+)\.png")
PICTURE = re.compile(rf"(?i)({'|'.join(map(re.escape, (*IMAGE_SUFFIXES, '.gif')))})$")


@dataclass(frozen=True)
class Brush:
    """A brush's run lengths: the RGBA bytes of the image, row by row, of which alpha is the brush.

    As bits: 32 for the number of bytes, 5 for the bits of a byte less one, four times 4 for the bits of each size of
    run length less one; then runs: 1 where one byte is repeated, 2 for the size, the length less one, the byte or
    bytes.
    """

    values: tuple[int, ...]

    def pixels(self, height: int, width: int) -> np.ndarray:
        try:
            bits = np.unpackbits(np.array(self.values, np.uint8))
            rgba = _decoded(bits, 4 * height * width)
        except (OverflowError, IndexError, ValueError, TypeError):
            raise ValueError("run lengths that cannot be decoded") from None
        alpha: np.ndarray = rgba.reshape(height, width, 4)[..., 3] > 0
        return alpha


def _decoded(bits: np.ndarray, expected: int) -> np.ndarray:
    position = 0

    def number(count: int) -> int:
        nonlocal position
        if position + count > len(bits):
            raise ValueError("too short")
        text = bits[position : position + count]
        position += count
        return int("".join(map(str, text.tolist())), 2)

    total, byte = number(32), number(5) + 1
    sizes = [number(4) + 1 for _ in range(4)]
    if total != expected or byte != 8:
        raise ValueError("of another size")
    found, filled = np.zeros(total, np.uint8), 0
    while filled < total:
        repeated, length = number(1), number(sizes[number(2)]) + 1
        stop = min(total, filled + length)
        if repeated:
            found[filled:stop] = number(8)
        else:
            found[filled:stop] = np.packbits(bits[position : position + 8 * length])[: stop - filled]
            position += 8 * length
        filled = stop
    return found


def is_labelstudio(content: Any) -> bool:
    """Whether JSON is a list of tasks, each with an id and annotations or predictions (JSON) or an image (JSON-MIN)."""
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and "id" in first and "externalId" not in first and (
        ("data" in first and ("annotations" in first or "predictions" in first)) or _picture(first) is not None
    )  # fmt: skip


def _picture(values: dict[str, Any]) -> str | None:
    """The first value that names a picture, as a path."""
    for value in values.values():
        if isinstance(value, str):
            try:
                address = urlsplit(value)
                path = unquote(parse_qs(address.query).get("d", [address.path])[0])
            except ValueError:  # no address, such as http://[
                continue
            if PICTURE.search(path):
                return path
    return None


def _tasks(path: Path) -> list[dict[str, Any]]:
    content = shapes.read_json(path, "Label Studio tasks")
    if not is_labelstudio(content):
        raise UserError(f"{path}: not a list of Label Studio tasks; export them as JSON")
    tasks = [task for task in content if isinstance(task, dict)]
    return [{**task, "annotations": task["predictions"]} for task in tasks] if _for_import(tasks) else tasks


def is_predicted(path: Path) -> bool:
    """Whether the labels of a file are predictions that nobody has looked at."""
    return _for_import([task for task in shapes.read_json(path, "Label Studio tasks") if isinstance(task, dict)])


def _for_import(tasks: list[dict[str, Any]]) -> bool:
    return all("annotations" not in task and isinstance(task.get("predictions"), list) for task in tasks)


def _image_of(task: dict[str, Any]) -> str:
    return _picture(task.get("data") or task) or str(task.get("file_upload", ""))


def _regions(task: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The regions of the annotation that is used; None where the task is not annotated."""
    if "annotations" not in task:
        lists = [value for value in task.values() if isinstance(value, list)]
        found = [one for value in lists for one in value if isinstance(one, dict) and "original_width" in one]
        return [{"id": None, "value": one, **one} for one in found] or None
    done = [one for one in task["annotations"] if isinstance(one, dict) and not one.get("was_cancelled")]
    if not done:
        return None
    best = max(
        done, key=lambda one: (bool(one.get("ground_truth")), str(one.get("updated_at") or one.get("created_at")))
    )
    regions = best.get("result", [])
    if not isinstance(regions, list) or not all(isinstance(one, dict) for one in regions):
        raise TypeError(f"task {task.get('id')}: its result is no list of regions")
    return regions


def _labels(region: dict[str, Any], others: Sequence[dict[str, Any]]) -> list[str]:
    """The labels of a region: in its own value, or in a result of the same id."""
    same = [one for one in others if region.get("id") is not None and one.get("id") == region["id"]]
    for one in (region, *same):
        for key, value in (one.get("value") or {}).items():
            if key.endswith("labels") and isinstance(value, list) and value:
                return [str(label) for label in value]
    return []


def _shape(region: dict[str, Any]) -> object | None:
    """The region as outlines.py draws it; None where it has no area. Sides are given in per cent of the image's."""
    value, width, height = region.get("value") or {}, region.get("original_width"), region.get("original_height")
    if value.get("format") == "rle" or "rle" in value:
        return Brush(tuple(value["rle"]))
    if not width or not height:
        return None
    x_unit, y_unit = width / 100, height / 100
    if "points" in value:
        return [[side for x, y in value["points"] for side in (x * x_unit, y * y_unit)]]
    if "radiusX" in value:
        middle = value["x"] * x_unit, value["y"] * y_unit
        return Ellipse(*middle, value["radiusX"] * x_unit, value["radiusY"] * y_unit, value.get("rotation", 0))
    if "width" in value and "height" in value:  # a key point has a width alone
        left, top = value["x"] * x_unit, value["y"] * y_unit
        box = left, top, left + value["width"] * x_unit, top + value["height"] * y_unit
        return [turned_box(box, value.get("rotation", 0), (left, top))]
    return None


def _size(regions: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Width and height of the image that was annotated; (0, 0) where no region says it."""
    return next(((r["original_width"], r["original_height"]) for r in regions if r.get("original_width")), (0, 0))


def names(path: Path) -> list[str]:
    """The classes: background, then all labels of regions, by name."""
    labels = set()
    for task in _tasks(path):
        regions = _regions(task) or []
        labels |= {label for one in regions if _shape(one) is not None for label in _labels(one, regions)[:1]}
    return class_names(sorted(labels), path)


def records(path: Path, base: Path, classes: Sequence[str]) -> tuple[list[Record], list[Fault]]:
    """What a file says about its images; a task without an annotation is not annotated."""
    shapes.require_tools(path)
    found: list[Record] = []
    faults: list[Fault] = []
    for task in _tasks(path):
        image, regions = _image_of(task), _regions(task)
        if regions is None:
            found.append(Record(image, None, None, path))
            continue
        instances = []
        for region in regions:
            try:
                shape, labels = _shape(region), _labels(region, regions)
            except (KeyError, TypeError, ValueError):
                raise UserError(
                    f"{path}: region {region.get('id')!r} of task {task['id']}: malformed; export again"
                ) from None
            if shape is None:
                faults += _not_drawn(path, task, region)
                continue
            index = class_index(labels[0], classes) if labels else None
            faults += _label_faults(path, task, region, labels, index)
            if index is not None:
                instances.append((str(region.get("id")), index, shape))
        width, height = _size(regions)
        mask = Outlines(path, image, width, height, tuple(instances), ordered=True, whole=True)
        found.append(Record(image, mask, None, path))
    return found, faults


def _not_drawn(path: Path, task: dict[str, Any], region: dict[str, Any]) -> Iterator[Fault]:
    """What is wrong with a region that has a place in its image and no area; a choice or a text has none."""
    value, where = region.get("value") or {}, f"region {region.get('id')!r} of task {task['id']}"
    if not (value.keys() & {"points", "x", "radiusX"}):
        return
    if region.get("original_width") and region.get("original_height"):
        yield not_drawn(path, str(region.get("type")), where, "draw it as a polygon or brush")
    else:
        yield Fault("shape", str(path), f"{where} does not say the size of its image", "export it again")


def _label_faults(
    path: Path, task: dict[str, Any], region: dict[str, Any], labels: list[str], index: int | None
) -> Iterator[Fault]:
    where = f"region {region.get('id')!r} of task {task['id']}"
    if not labels:
        yield Fault("label", str(path), f"{where} has no label", "give it one or delete it")
    elif index is None:
        yield unknown_label(path, labels[0], "")
    if len(labels) > 1:
        found = f"{where} has {len(labels)} labels, and a pixel has one class: {labels[0]!r} is used"
        yield Fault("label", str(path), found, "keep one of them", warning=True)


# -------------------------------------------------------------------------------------------- brushes as PNGs


def layers(folder: Path, files: Sequence[Path], classes: Sequence[str]) -> tuple[list[Record], list[Fault]]:
    """The PNGs of a folder by image; UserError where nothing says which image a task is of."""
    images = _images_of_tasks(folder)
    found: dict[str, dict[int, dict[str, Path]]] = defaultdict(lambda: defaultdict(dict))
    for file in files:
        if match := PNG.fullmatch(file.name):
            task, annotation, *_ = match.groups()
            found[task][int(annotation)][file.name] = file
    records, faults = [], []
    for task, versions in sorted(found.items()):
        if task not in images:
            remedy = "export the same project as JSON too and put the file beside them"
            faults.append(Fault("task-image", str(folder), f"task {task}: no file says which image it is of", remedy))
            continue
        pngs = versions[max(versions)]
        named = {name: _class_of(name, classes) for name in pngs}
        faults += [
            Fault("label", str(pngs[name]), "ends in no label that is a class", "add its label to dataset.classes")
            for name, index in named.items()
            if index is None
        ]
        layer = tuple((index, pngs[name]) for name, index in named.items() if index is not None)
        records.append(Record(images[task], Layers(folder, images[task], layer), None, folder))
    return records, faults


def _class_of(name: str, classes: Sequence[str]) -> int | None:
    """The class whose label a PNG's name ends in; of several the longest, since labels may hold hyphens."""
    middle = PNG.fullmatch(name)
    text = middle[3] if middle else ""
    ends = [text[start:] for start in range(len(text)) if start == 0 or text[start - 1] == "-"]
    return next((index for end in ends if (index := class_index(end, classes)) is not None), None)


def png_labels(files: Sequence[Path]) -> list[str]:
    """The classes of PNGs: what follows the name of the control, which is the first word for most projects."""
    middles = [match[3] for path in files if (match := PNG.fullmatch(path.name))]
    return class_names(sorted({middle.partition("-")[2] or middle for middle in middles}), files[0].parent)


def _images_of_tasks(folder: Path) -> dict[str, str]:
    """The image of each task, from the JSON and CSV exports in the folder and the one above it."""
    found: dict[str, str] = {}
    for place in (folder, folder.parent):
        for path in sorted(place.glob("*.json")):
            content = shapes.read_json(path, "Label Studio tasks")
            if is_labelstudio(content):
                found = {str(task["id"]): _image_of(task) for task in content} | found
        for path in sorted(place.glob("*.csv")):
            for row in csv.DictReader(io.StringIO(reading.text(path), newline="")):
                if row.get("id") and (picture := _picture({key: row[key] for key in row if key})):
                    found.setdefault(row["id"], picture)
    return found
