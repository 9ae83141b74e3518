"""Files that others wrote, read whole within bounds: regular files of a length and depth that someone can have meant.

A pipe would block, a device would never end, and a sparse file of a terabyte takes no room on the disk.
"""

from __future__ import annotations

import json
import math
import os
import stat
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import yaml

from semiproto.errors import UserError, reason

NO_FILE = "not a regular file"
MOST = 256 * 2**20
"""Bytes of a file of parameters, or of one of ours; the digests of a million files take half of them."""
MOST_LABELS = 2 * 2**30
"""Bytes of a file with the labels or lists of a set; the largest published ones have half of them."""
MOST_CLASS_TEXT = 2**20
"""Bytes of a text with names of classes, of which a mask has 255."""
MOST_JSON = 16 * 2**20
"""Bytes of a card, a receipt or other facts in JSON; Python's lists and texts of them take twenty times as much."""
MOST_VALUES = 2**24
"""Of a long JSON text; Python takes up to a hundred bytes for each."""
MOST_YAML = 4 * 2**20
"""Characters of a YAML text: 200,000 names of images; what is nothing but nodes of one letter takes half a minute."""
MOST_NODES = 2_000_000
"""Of YAML, as they are when aliases are unfolded."""


@contextmanager
def regular(path: Path) -> Iterator[BufferedReader]:
    """A regular file, open; ValueError where it is none, and whatever opening it raises."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(NO_FILE)
        yield file


def contents(path: Path, most: int = MOST) -> bytes:
    """The bytes of a regular file; ValueError where it is none, or longer than `most`."""
    try:
        with regular(path) as file:
            if (length := os.fstat(file.fileno()).st_size) > most:
                raise ValueError(f"longer than {most // 2**20} MiB")
            return file.read(length)
    except IsADirectoryError:
        raise ValueError(NO_FILE) from None


def encoding_of(start: bytes) -> str:
    """The encoding of a text that begins so: UTF-16 where a mark says it, as PowerShell writes it, otherwise UTF-8."""
    return "utf-16" if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"


def text(path: Path, most: int = MOST_LABELS) -> str:
    """The text of a file, what is no text replaced; UserError where it is no regular file, or too long."""
    try:
        content = contents(path, most)
        return content.decode(encoding_of(content), "replace")
    except ValueError as error:
        raise UserError(f"{path}: {error}; remove it, or put the right file in its place") from None


def json_tree(content: str, most: int = MOST_VALUES) -> Any:
    """What a JSON text says; ValueError where it is none, too deep, or of more than `most` values.

    They are counted by the signs before them, so that nothing is made of a text of hundreds of megabytes of brackets.
    """
    if sum(map(content.count, "[{,")) > most:
        raise ValueError(f"more than {most:,} values")
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("too deeply nested") from None


def yaml_tree(content: str, loader: type[yaml.BaseLoader | yaml.SafeLoader]) -> Any:
    """What a YAML text says; yaml.YAMLError where it is none, too long or deep, or unfolds to more than MOST_NODES."""
    if len(content) > MOST_YAML:
        raise yaml.YAMLError(f"longer than {MOST_YAML // 2**20} MiB, which would be read for minutes")
    one = loader(content)
    try:
        node = one.get_single_node()
        if node is None:
            return None
        if _count(node, {}) > MOST_NODES:
            raise yaml.YAMLError("an alias within itself, or aliases that unfold to millions of values")
        return one.construct_document(node)
    except RecursionError:
        raise yaml.YAMLError("too deeply nested") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:  # !!timestamp of a word
        raise yaml.YAMLError(f"a value that is not of the kind that YAML takes it for ({reason(error)})") from None
    finally:
        one.dispose()


def _count(node: yaml.Node, known: dict[int, float]) -> float:
    """Nodes below one, each as often as it is met; infinite where one is within itself."""
    if id(node) not in known:
        known[id(node)] = math.inf
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        inner = node.value if isinstance(node, yaml.SequenceNode) else [one for pair in pairs for one in pair]
        known[id(node)] = 1 + sum(_count(one, known) for one in inner)
    return known[id(node)]
