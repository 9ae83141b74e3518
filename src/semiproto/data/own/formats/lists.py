"""Lists of images: names, one a line, or a JSON file or table that says of which part of the set each image is.

A JSON file has a list of names for each part (`{"train": [...], "val": [...]}`), the part of each name
(`{"photo1": "train"}`), or, as nnU-Net's splits_final.json, the parts of several folds, of which the first is used. A
table has a column `split`, `part`, `subset` or `set`, or one in which there is nothing but parts; the names are in the
first column of picture files, or else in the first one.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from semiproto.data.layout import IMAGE_SUFFIXES
from semiproto.data.own.formats.pairs import COLUMNS, DELIMITER, cells, text_of
from semiproto.data.own.names import TEST, WORDS, part_of
from semiproto.errors import UserError
from semiproto.provenance import reading

WORD = "|".join((*WORDS["val"], *WORDS[TEST]))
INSIDE = re.compile(
    rf'"(?:split|subset|set|part|partition|fold|usage|phase)"\s*:\s*"({WORD})"'  # an attribute of an image
    rf'|"tags"\s*:\s*\[[^]]*"(?:name|value)"\s*:\s*"({WORD})"'
    rf'|"({WORD})"\s*:\s*true',  # a flag
    re.IGNORECASE,
)
"""How tools' JSON files say that an image is not for training."""
HEADERS = ("id", "name", "file", "filename", "file_name", "path", "image_id", "img")
"""What the column of a table of names alone may be called, besides what it is called in tables of pairs."""
TELLING = (
    *("fold", "folds", "kfold", "usage", "partition", "phase", "valid", "validation", "test"),
    *("is_valid", "is_val", "is_validation", "is_test", "is_train", "is_training"),
)
"""Columns that are not read and may say which images are for validation or test; lower case."""
Entry = tuple[int | None, str]
"""The line, where the file has lines, and the name."""
TABLES = (".csv", ".tsv")


def entries(file: Path, part: str) -> list[Entry]:
    """The names that a file lists for a part; UserError where it cannot be read."""
    if file.suffix.lower() in (".json", *TABLES):
        text_of(file, "images and their parts")  # says why it cannot be read
        if parts := assigned(file):
            return [(None, name) for name in parts.get(part, [])]
    text = text_of(file, "ids, one a line")
    is_table = file.suffix.lower() in TABLES
    lines = (DELIMITER.sub("", text) if is_table else text).split("\n")
    found: list[Entry] = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    return found[1:] if is_table and found and _is_header(found[0][1]) else found


def plain(file: Path) -> list[str]:
    """The names in a file that may be a list of them: lines, the only column of a table, a JSON array; [] in others."""
    try:
        text = text_of(file, "ids")
        if file.suffix.lower() == ".json":
            content = json.loads(text) if text.lstrip().startswith("[") else []
            return content if all(isinstance(name, str) for name in content) else []
        if file.suffix.lower() in TABLES and any(sign in DELIMITER.sub("", text) for sign in ",;\t"):
            return []
        return [name for _, name in entries(file, "")]
    except (UserError, ValueError, RecursionError):
        return []


def _is_header(text: str) -> bool:
    name = text.strip(' "').lower()
    return name in HEADERS or COLUMNS.get(name) == "image"


def assigned(file: Path) -> Mapping[str, Sequence[str]]:
    """The names of each part; empty where the file does not say of which part images are."""
    found: dict[str, list[str]] = defaultdict(list)
    for word, names in _by_word(file).items():
        if (part := part_of(word)) is not None:
            found[part] += names
    return dict(found)


def unknown(file: Path) -> dict[str, list[str]]:
    """The names by each word that stands where a part should and means none; a name without a word is not meant."""
    return {word: names for word, names in _by_word(file).items() if word and part_of(word) is None}


def telling(file: Path) -> tuple[str, list[str]]:
    """The column of a table without parts by which images may be told apart all the same, and their names; or none."""
    try:
        table = _table(text_of(file, "images")) if file.suffix.lower() in TABLES else None
    except (UserError, csv.Error):
        return "", []
    if table is None or _part_column(*table) is not None:
        return "", []
    header, rows = table
    for place, name in enumerate(header):
        if name in TELLING and len(header) > 1 and len({row[place] for row in rows}) > 1:
            return name, _names_beside(place, rows)
    return "", []


def _by_word(file: Path) -> Mapping[str, list[str]]:
    """The names by the word for their part, which may be none; empty where a file is not for that."""
    try:
        text = text_of(file, "images and their parts")
        if file.suffix.lower() in TABLES:
            return _of_table(text)
        return _of_json(json.loads(text)) if file.suffix.lower() == ".json" else {}
    except (UserError, ValueError, RecursionError, csv.Error):
        return {}


def part_inside(file: Path) -> str | None:
    """The word by which a JSON file with labels calls an image one for validation or test; None where there is none."""
    if file.suffix.lower() != ".json":
        return None
    found = INSIDE.search(reading.text(file))
    return next((word for word in found.groups() if word), None) if found else None


def folds(file: Path) -> int:
    """The number of folds that a JSON file has; 0 where it has none."""
    content = json.loads(text_of(file, "folds")) if file.suffix.lower() == ".json" else None
    return len(content) if isinstance(content, list) else 0


def is_picture(text: str) -> bool:
    return PurePosixPath(text.strip().replace("\\", "/")).suffix.lower() in IMAGE_SUFFIXES


def _is_part(text: str) -> bool:
    """Whether a text is a word for a part and nothing else, unlike the name train_1."""
    return part_of(text) is not None and text.strip().isalpha()


def _of_json(content: Any) -> dict[str, list[str]]:
    if isinstance(content, list):
        content = content[0] if content else {}
    if not isinstance(content, dict):
        return {}
    found = {key: value for key, value in content.items() if isinstance(value, list)}
    if not any(part_of(key) for key in found) and all(isinstance(value, str) for value in content.values()):
        found = defaultdict(list)
        for name, word in content.items():
            found[word.strip()].append(name)
    if not any(part_of(word) for word in found):
        return {}
    named = {word: [name.strip() for name in names if isinstance(name, str)] for word, names in found.items()}
    return {word: names for word, names in named.items() if names}


def _of_table(text: str) -> dict[str, list[str]]:
    header, rows = _table(text)
    place = _part_column(header, rows)
    found: dict[str, list[str]] = defaultdict(list)
    if place is not None and len(header) > 1:
        for row, name in zip(rows, _names_beside(place, rows), strict=True):
            found[row[place].strip()].append(name)
    return dict(found)


def _table(text: str) -> tuple[list[str], list[list[str]]]:
    """The header, in lower case, and the rows that are as long."""
    header, *rows = [*filter(None, cells(text))] or [[]]
    return [name.strip().lower() for name in header], [row for row in rows if len(row) == len(header)]


def _part_column(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int | None:
    """The place of the column that is called like one of parts, or in which there is nothing else."""
    named = [place for place, name in enumerate(header) if COLUMNS.get(name) == "part"]
    places = named or [place for place in range(len(header)) if all(_is_part(row[place]) for row in rows)]
    return places[0] if places and rows else None


def _names_beside(column: int, rows: Sequence[Sequence[str]]) -> list[str]:
    """The names of images in a table of two or more columns, one of which is of something else."""
    others = [place for place in range(len(rows[0])) if place != column]
    pictures = [place for place in others if is_picture(rows[0][place])]
    return [row[(pictures or others)[0]].strip() for row in rows]
