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
from semiproto.data.own.formats.pairs import COLUMNS, text_of
from semiproto.data.own.names import TEST, WORDS, part_of
from semiproto.errors import UserError

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
Entry = tuple[int | None, str]
"""The line, where the file has lines, and the name."""
TABLES = (".csv", ".tsv")


def entries(file: Path, part: str) -> list[Entry]:
    """The names that a file lists for a part; UserError where it cannot be read."""
    if file.suffix.lower() in (".json", *TABLES):
        text_of(file, "images and their parts")  # says why it cannot be read
        if parts := assigned(file):
            return [(None, name) for name in parts.get(part, [])]
    lines = text_of(file, "ids, one a line").split("\n")
    if file.suffix.lower() in TABLES and _is_header(lines[0]):
        lines[0] = ""
    return [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]


def plain(file: Path) -> list[str]:
    """The names in a file that may be a list of them: lines, the only column of a table, a JSON array; [] in others."""
    try:
        text = text_of(file, "ids")
        if file.suffix.lower() == ".json":
            content = json.loads(text) if text.lstrip().startswith("[") else []
            return content if all(isinstance(name, str) for name in content) else []
        if file.suffix.lower() in TABLES and any(sign in text for sign in ",;\t"):
            return []
        return [name for _, name in entries(file, "")]
    except (UserError, ValueError, RecursionError):
        return []


def _is_header(text: str) -> bool:
    name = text.strip(' "').lower()
    return name in HEADERS or COLUMNS.get(name) == "image"


def assigned(file: Path) -> Mapping[str, Sequence[str]]:
    """The names of each part; empty where the file does not say of which part images are."""
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
    found = INSIDE.search(file.read_text(encoding="utf-8-sig", errors="replace"))
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
    found: dict[str, list[str]] = defaultdict(list)
    for key, value in content.items():
        if isinstance(value, list) and (part := part_of(key)) is not None:
            found[part] += [name.strip() for name in value if isinstance(name, str)]
    if not found and all(isinstance(value, str) for value in content.values()):
        for name, word in content.items():
            if (part := part_of(word)) is not None:
                found[part].append(name)
    return {part: names for part, names in found.items() if names}


def _of_table(text: str) -> dict[str, list[str]]:
    first = text.partition("\n")[0]
    rows = list(csv.reader(text.splitlines(), delimiter=max(",;\t", key=first.count)))
    header = [name.strip().lower() for name in rows[0]] if rows else []
    rows = [row for row in rows[1:] if len(row) == len(header)]
    named = [place for place, name in enumerate(header) if COLUMNS.get(name) == "part"]
    places = named or [place for place in range(len(header)) if all(_is_part(row[place]) for row in rows)]
    if not places or not rows:
        return {}
    others = [place for place in range(len(header)) if place != places[0]]
    pictures = [place for place in others if is_picture(rows[0][place])]
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows if others else []:
        if (part := part_of(row[places[0]])) is not None:
            found[part].append(row[(pictures or others)[0]].strip())
    return dict(found)
