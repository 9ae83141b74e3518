"""Lists of images: names, one a line, or a JSON file or table that says of which part of the set each image is.

A JSON file has a list of names for each part (`{"train": [...], "val": [...]}`), the part of each name (`{"photo1":
"train"}`), or, as nnU-Net's splits_final.json, the parts of several folds, of which the first is used. A list of
records, also one a line (JSON Lines), is a table of its fields. A table has a column `split`, `part`, `subset` or
`set`, or one in which there is nothing but parts; the names are in the first column of picture files, or else in the
first one.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from semiproto.data.layout import IMAGE_SUFFIXES
from semiproto.data.own.formats import coco
from semiproto.data.own.formats.pairs import COLUMNS, DELIMITER, cells, names_of
from semiproto.data.own.names import TEST, WORDS, part_of, words_of
from semiproto.errors import UserError, reason
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
FOR_PARTS = {f"{name}{plural}" for name, kind in COLUMNS.items() if kind == "part" for plural in ("", "s")}
"""Words in the name of a JSON file that is for parts."""
Entry = tuple[int | None, str]
"""The line, where the file has lines, and the name."""
LINES = (".txt", ".lst", "")
"""Suffixes of files with a name a line; without one, a file is read where its name says a part."""
TABLES = (".csv", ".tsv")
JSON = (".json", ".jsonl", ".ndjson", ".yaml", ".yml")
"""YAML says the same things in other signs."""
SUFFIXES = (*filter(None, LINES), *TABLES, *JSON)
"""Of files that may be lists, whatever they are called."""
Table = tuple[list[str], list[list[str]]]
"""The header, in lower case, and the rows that are as long."""
PARAMETERS = {"train": "train_list", "val": "validation_list", "unlabeled": "unlabeled_list", TEST: "test_list"}
"""The parameter of the lists of each part."""
OTHER_TASKS = ("Main", "Layout", "Action")
"""Folders of VOC's lists for other tasks than segmentation."""


@dataclass(frozen=True)
class Said:
    """What a file says that may be a list.

    by_word: the names by the word for their part, which may be none; empty where a file is not for that.
    plain: the names in a file that may be a list of them: lines, the only column of a table, a JSON array.
    task: what a COCO file holds that are no masks.
    telling: the column of a table without parts by which images may be told apart all the same, and their names.
    """

    by_word: Mapping[str, Sequence[str]]
    plain: list[str]
    task: str | None = None
    telling: tuple[str, list[str]] = ("", [])

    @cached_property
    def assigned(self) -> dict[str, list[str]]:
        """The names of each part; empty where the file does not say of which part images are."""
        found: dict[str, list[str]] = defaultdict(list)
        for word, names in self.by_word.items():
            if (part := part_of(word)) is not None:
                found[part] += names
        return dict(found)

    @cached_property
    def unknown(self) -> dict[str, Sequence[str]]:
        """The names by each word that stands where a part should and means none; a name without a word is not meant."""
        return {word: names for word, names in self.by_word.items() if word and part_of(word) is None}


def is_of_another_task(folder: Path) -> bool:
    """Whether a folder, relative to the set's, has VOC's lists of another task."""
    return folder.parts[:1] == ("ImageSets",) and folder.parts[1:2] in [(name,) for name in OTHER_TASKS]


def read(file: Path) -> Said:
    """What a file says; nothing where it cannot be read."""
    try:
        return _said(file, names_of(file, "images and their parts"))
    except (UserError, csv.Error):
        return Said({}, [])


def _said(file: Path, text: str) -> Said:
    suffix = file.suffix.lower()
    if suffix in JSON:
        content = tree(file, text)
        if (table := of_records(content)) is not None:
            return Said(_of_table(*table), [], telling=_telling(*table))
        names = content if are_names(content) else []
        return Said(_of_json(content, set(words_of(file.stem))), names, coco.task_of(content))
    if suffix not in TABLES:
        return Said({}, [name for _, name in _lines(text)])
    alone = not any(sign in DELIMITER.sub("", text) for sign in ",;\t")
    table = _table(text)
    names = [name for _, name in _rows(text)] if alone else []
    return Said(_of_table(*table), names, telling=_telling(*table))


def entries(file: Path, part: str) -> list[Entry]:
    """The names that a file lists for a part; UserError where it cannot be read, or is JSON of something else."""
    suffix = file.suffix.lower()
    if suffix not in (*JSON, *TABLES):
        return _lines(names_of(file, "ids, one a line"))
    text = names_of(file, "images and their parts")
    said = _said(file, text)
    if said.assigned:
        return [(None, name) for name in said.assigned.get(part, [])]
    if suffix in TABLES:
        return _rows(text)
    if not said.plain:
        raise UserError(f"{file}: lists no images; write their names, one a line, into {part}.txt, and name that")
    return [(None, name) for name in said.plain]


def _lines(text: str) -> list[Entry]:
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def _rows(text: str) -> list[Entry]:
    """The rows of a table of one column."""
    found = _lines(DELIMITER.sub("", text))
    return found[1:] if found and _is_header(found[0][1]) else found


def _is_header(text: str) -> bool:
    name = text.strip(' "').lower()
    return name in HEADERS or COLUMNS.get(name) == "image"


def part_inside(file: Path) -> str | None:
    """The word by which a JSON file with labels calls an image one for validation or test; None where there is none."""
    if file.suffix.lower() != ".json":
        return None
    found = INSIDE.search(reading.text(file))
    return next((word for word in found.groups() if word), None) if found else None


def folds(file: Path) -> int:
    """The number of folds that a JSON file has; 0 where it has none."""
    content = tree(file, names_of(file, "folds")) if file.suffix.lower() == ".json" else None
    return len(content) if isinstance(content, list) and of_records(content) is None else 0


def is_picture(text: str) -> bool:
    return PurePosixPath(text.strip().replace("\\", "/")).suffix.lower() in IMAGE_SUFFIXES


def _is_part(text: str) -> bool:
    """Whether a text is a word for a part and nothing else, unlike the name train_1."""
    return part_of(text) is not None and text.strip().isalpha()


def _of_json(content: Any, called: Set[str]) -> dict[str, list[str]]:
    """called: the words in the file's name, by one of which it is for parts where no word in it is one."""
    if isinstance(content, list):
        content = content[0] if content else {}
    if not isinstance(content, dict):
        return {}
    found = {key: value for key, value in content.items() if isinstance(value, list)}
    if not found and all(isinstance(value, str) for value in content.values()):
        found = defaultdict(list)
        for name, word in content.items():
            found[word.strip()].append(name)
        if not any(part_of(word) for word in found) and not called & FOR_PARTS:
            return {}  # labels of whole images, captions and the like
    texts = {word: [name.strip() for name in names if isinstance(name, str)] for word, names in found.items()}
    named = {word: names for word, names in texts.items() if names}
    every = [name for names in named.values() for name in names]
    apart = len(named) > 1 and len(set(every)) == len(every)  # otherwise they are labels of images
    return named if apart or any(part_of(word) for word in named) else {}


def tree(file: Path, text: str) -> Any:
    """What a JSON or YAML file says, given its text; of JSON Lines, the list of them. UserError where it is none."""
    suffix = file.suffix.lower()
    try:
        if suffix in (".yaml", ".yml"):
            return _yaml(text)
        return reading.json_tree(text if suffix == ".json" else f"[{','.join(line for _, line in _lines(text))}]")
    except (yaml.YAMLError, ValueError) as error:
        kind = "YAML" if suffix in (".yaml", ".yml") else "JSON"
        raise UserError(f"{file}: not valid {kind} ({reason(error)}); correct it") from None


@lru_cache(maxsize=2)  # the longest that is read takes half a minute, and is asked for in three places
def _yaml(text: str) -> Any:
    return reading.yaml_tree(text, yaml.BaseLoader)


def are_names(content: Any) -> bool:
    """Whether it is a list of nothing but texts."""
    return isinstance(content, list) and all(isinstance(name, str) for name in content)


def of_records(content: Any) -> Table | None:
    """The table of a list of records, all of the same fields, each a text or a number; None for anything else."""
    if not isinstance(content, list) or not content or not all(isinstance(record, dict) for record in content):
        return None
    header = list(content[0])
    if not header or any(list(record) != header for record in content):
        return None
    rows = [list(record.values()) for record in content]
    if not all(isinstance(value, str | int | float) for row in rows for value in row):
        return None
    return [name.strip().lower() for name in header], [[str(value) for value in row] for row in rows]


def _of_table(header: list[str], rows: list[list[str]]) -> dict[str, list[str]]:
    place = _part_column(header, rows)
    found: dict[str, list[str]] = defaultdict(list)
    if place is not None and len(header) > 1:
        for row, name in zip(rows, _names_beside(place, rows), strict=True):
            found[row[place].strip()].append(name)
    return dict(found)


def _telling(header: list[str], rows: list[list[str]]) -> tuple[str, list[str]]:
    if _part_column(header, rows) is None:
        for place, name in enumerate(header):
            if name in TELLING and len(header) > 1 and len({row[place] for row in rows}) > 1:
                return name, _names_beside(place, rows)
    return "", []


def _table(text: str) -> Table:
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
