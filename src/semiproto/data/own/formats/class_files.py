"""Files that name the classes: classes.txt and its likes, CVAT's labelmap.txt, Roboflow's _classes.csv, nnU-Net's
dataset.json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from semiproto.data.own.formats.outlines import class_name
from semiproto.data.own.formats.pairs import text_of
from semiproto.params import VOID

Colour = tuple[int, int, int]
NAMES = (
    "classes.txt",
    "class_names.txt",
    "labels.txt",
    "label_colors.txt",
    "labelmap.txt",
    "_classes.csv",
    "dataset.json",
)


@dataclass(frozen=True)
class ClassTable:
    """What a file says: the names in its order, and the colour or mask value of each where it gives one."""

    file: Path
    names: list[str]
    colours: list[Colour | None]
    values: list[int] | None = None

    def drawn(self) -> bool:
        """Whether every class has a colour."""
        return bool(self.names) and all(colour is not None for colour in self.colours)


def find(folders: Iterable[Path]) -> ClassTable | None:
    """The first file of class names in one of the folders."""
    for folder in folders:
        for name in NAMES:
            path = folder / name
            if path.is_file() and (table := read(path)) is not None:
                return table
    return None


def read(path: Path) -> ClassTable | None:
    """The table of a file; None where a dataset.json is not nnU-Net's."""
    text = text_of(path, "class names")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if path.name == "dataset.json":
        return _nnunet(path, text)
    if path.name == "labelmap.txt":
        return _cvat(path, lines)
    if path.suffix == ".csv":
        return _numbered(path, [line.replace(",", " ", 1) for line in lines[1:]]) or _plain(path, lines)
    return _numbered(path, lines) or _plain(path, lines)


def _cvat(path: Path, lines: list[str]) -> ClassTable:
    """name:red,green,blue:parts:actions"""
    names, colours = [], []
    for line in lines:
        if match := re.match(r"([^#:][^:]*):(\d+),(\d+),(\d+)(?::|$)", line):
            names.append(class_name(match[1]))
            colours.append((int(match[2]), int(match[3]), int(match[4])))
    return ClassTable(path, names, list(colours))


def _nnunet(path: Path, text: str) -> ClassTable | None:
    try:
        labels = json.loads(text).get("labels")
    except (ValueError, AttributeError):
        return None
    if not isinstance(labels, dict):
        return None
    pairs = [(value, key) if isinstance(value, int) else (key, value) for key, value in labels.items()]
    if not all(str(value).isdigit() and isinstance(name, str) for value, name in pairs):
        return None
    order = sorted((int(value), class_name(name)) for value, name in pairs)
    return ClassTable(path, [name for _, name in order], [None] * len(order), [value for value, _ in order])


def _numbered(path: Path, lines: list[str]) -> ClassTable | None:
    """Lines that all begin with a mask value: `0 background`, `1: cat`; None where one does not."""
    matches = [re.fullmatch(r"(\d{1,5})\s*[ \t:,;=.)]\s*(\D.*)", line) for line in lines]
    rows = [(int(match[1]), class_name(match[2])) for match in matches if match]
    if not lines or len(rows) < len(lines) or len({value for value, _ in rows}) < len(rows):
        return None
    return ClassTable(path, [name for _, name in rows], [None] * len(rows), [value for value, _ in rows])


def _plain(path: Path, lines: list[str]) -> ClassTable:
    """A name a line, with a colour behind it (`cat 64 0 0`) or before it (`64 128 64 Animal`) where there is one."""
    names: list[str] = []
    colours: list[Colour | None] = []
    for line in lines:
        after = re.fullmatch(r"(.+?)[\s,:]+(\d+)[\s,]+(\d+)[\s,]+(\d+)", line)
        before = re.fullmatch(r"(\d+)[\s,]+(\d+)[\s,]+(\d+)[\s,]+(\D.*)", line)
        name, *colour = after.groups() if after else (before[4], *before.groups()[:3]) if before else (line,)
        if name.strip("_").lower() == "ignore" and name.startswith("__"):
            continue  # LabelMe's void, which is no class
        names.append(class_name(name))
        colours.append((int(colour[0]), int(colour[1]), int(colour[2])) if colour else None)
    return ClassTable(path, names, colours)


def is_void(name: str) -> bool:
    return name.lower() in VOID
