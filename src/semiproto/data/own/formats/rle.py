"""Tables of run lengths, as competitions on Kaggle give masks: an object or class of an image a row.

A cell holds pairs of start and length. Pixels are counted from 1: mostly down each column and then to the right (Airbus
Ship Detection, Severstal, Carvana, TGS Salt), in some tables along each row and then down (Sartorius, UW-Madison).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from semiproto.data.own.faults import Fault
from semiproto.data.own.formats.outlines import Outlines, Record, class_index, class_names
from semiproto.data.own.formats.pairs import beginning, cells, text_of
from semiproto.data.own.names import part_of_file
from semiproto.errors import UserError

RUNS = ("encodedpixels", "encoded_pixels", "rle_mask", "rle", "segmentation", "annotation", "encoding")
CLASSES = ("classid", "class_id", "class", "label", "category")
"""Names that the columns of run lengths and classes may have, lower case; the image is in the first other one."""
EMPTY = ("", "nan", "-1", "none")
"""Cells of images that were looked at and have no object."""
ALONG_ROWS = ("segmentation", "annotation")
"""Names of columns whose runs are taken to go along the rows where the images do not tell: UW-Madison's, Sartorius'."""
PAIRS = re.compile(r"\d+ \d+( \d+ \d+)*")
NEAR = 0.25
"""Share of the difference of an image's sides within which the step from a run to the next is one of them."""
LOOKED_AT = 1000
"""Rows of a table by which the direction of its runs is told."""
OBJECT = "object"
"""The class of tables that name none."""
JOINED = re.compile(r"(?P<image>.+\.[a-zA-Z]{3,4})_(?P<label>.+)")
"""Image and class in one cell: 0001.jpg_cat."""


@dataclass(frozen=True)
class Runs:
    """The run lengths of a cell. along_rows: they go along the rows, not down the columns."""

    text: str
    along_rows: bool = False

    def pixels(self, height: int, width: int) -> np.ndarray:
        """bool [height, width]; ValueError where they are no pairs of numbers or lie outside."""
        try:
            numbers = np.array(self.text.split(), np.int64)
        except (ValueError, OverflowError):
            raise ValueError("run lengths that are no numbers") from None
        if len(numbers) % 2:
            raise ValueError("run lengths that are no pairs of start and length")
        starts, ends = numbers[::2] - 1, numbers[::2] - 1 + numbers[1::2]
        if (starts < 0).any() or (ends < starts).any() or (ends > height * width).any():
            raise ValueError(f"run lengths that reach out of an image of {width}x{height}")
        flat = np.zeros(height * width, bool)
        if len(starts):
            first, last = starts.min(), ends.max()  # a small shape in a large image takes the time of a small one
            edges = np.zeros(last - first + 1, np.int32)
            np.add.at(edges, starts - first, 1)
            np.add.at(edges, ends - first, -1)
            flat[first:last] = np.cumsum(edges[:-1]) > 0
        return flat.reshape(height, width) if self.along_rows else flat.reshape(width, height).T


@dataclass(frozen=True)
class Row:
    """label: None where the table has no classes."""

    line: int
    image: str
    label: str | None
    runs: str


def is_table(path: Path) -> bool:
    """Whether the first line of a .csv names a column of run lengths, and the next ones have such."""
    header, *rows = beginning(path, 101)
    places = [place for place, name in enumerate(_columns(header)) if name in RUNS]
    found = {row[place].strip() for place in places for row in rows if len(row) == len(header)}
    return bool(places) and (not rows or any(PAIRS.fullmatch(text) or text.lower() in EMPTY for text in found))


def is_sample(path: Path) -> bool:
    """Whether it shows what is to be handed in: its run lengths are made up."""
    return "submission" in path.stem.lower()


def _columns(header: Sequence[str]) -> list[str]:
    return [name.strip(' "').lower() for name in header]


def rows(file: Path) -> Iterator[Row]:
    """The rows; UserError where the file is no such table."""
    reader = cells(text_of(file, "run lengths"))
    table = [(reader.line_num, row) for row in reader if row]
    names = _columns(table[0][1]) if table else []
    runs, label = (next((names.index(name) for name in known if name in names), None) for known in (RUNS, CLASSES))
    image = next((place for place in range(len(names)) if place not in (runs, label)), None)
    if runs is None or image is None:
        raise UserError(f"{file}: no columns of images and run lengths; name them ImageId,EncodedPixels[,ClassId]")
    for line, row in table[1:]:
        if any(cell.strip() for cell in row):
            row += [""] * (len(names) - len(row))
            joined = JOINED.fullmatch(row[image].strip()) if label is None else None
            name, own = (joined["image"], joined["label"]) if joined else (row[image].strip(), None)
            yield Row(line, name, own if label is None else row[label].strip(), row[runs].strip())


def _name(label: str | None) -> str:
    return OBJECT if label is None else f"class{label}" if label.isdecimal() else label


def goes_along_rows(file: Path, size_of: Callable[[str], tuple[int, int] | None]) -> bool:
    """Whether the runs of a table go along the rows: of neighbouring rows they start an image's width apart, of columns
    its height. size_of: width and height of the image of a name. Square images do not tell, but the column's name may.
    """
    votes = [_vote(row, size_of(row.image)) for row in islice(rows(file), LOOKED_AT)]
    total = sum(votes)
    return total > 0 if total else bool(set(_columns(beginning(file)[0])) & {*ALONG_ROWS})


def _vote(row: Row, size: tuple[int, int] | None) -> int:
    """Steps from a run to the next that are as long as the image is wide, less those as long as it is high."""
    if size is None or not PAIRS.fullmatch(row.runs):
        return 0
    steps, (width, height) = np.diff(np.array(row.runs.split()[::2], np.int64)), size
    most = int(NEAR * abs(width - height))
    wide, high = (int((np.abs(steps - side) <= most).sum()) if most else 0 for side in (width, height))
    return wide - high


def names(file: Path) -> list[str]:
    """The classes: background, then those of the rows, numbers in their order."""
    labels = dict.fromkeys(row.label for row in rows(file) if row.label != "")
    ordered = sorted(labels, key=lambda label: (0, int(label)) if label and label.isdecimal() else (1, 0))
    return class_names([_name(label) for label in ordered], file)


def records(
    path: Path, base: Path, classes: Sequence[str], *, along_rows: bool = False
) -> tuple[list[Record], list[Fault]]:
    """The images with the run lengths of all their rows; an image whose rows are all empty has no object."""
    part = part_of_file(path.relative_to(base))
    shapes: dict[str, list[tuple[str, int, Runs]]] = {}
    faults: dict[str, Fault] = {}
    for row in rows(path):
        of_image = shapes.setdefault(row.image, [])
        if row.runs.lower() in EMPTY:
            continue
        index = class_index(_name(row.label), classes)
        if index is None:
            remedy = "add it to dataset.classes, or delete its rows"
            name = _name(row.label)
            faults.setdefault(name, Fault("label", str(path), f"{name!r} is no class", remedy, row.line))
        else:
            of_image.append((f"of line {row.line}", index, Runs(row.runs, along_rows)))
    found = (Outlines(path, image, 0, 0, tuple(instances), whole=True) for image, instances in shapes.items())
    return [Record(mask.image, mask, part, path) for mask in found], list(faults.values())
