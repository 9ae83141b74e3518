"""What is kept of each image that `suggest` has looked at, so that an interrupted command resumes where it was.

One SQLite file: a row is there whole or not at all, however the command ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semiproto.data.images.pixels import Array
from semiproto.errors import UserError


@dataclass(frozen=True)
class Look:
    """A picture's hash, and as float32 its numbers [V] and its descriptor [dim]; both empty where not asked for."""

    picture: np.uint64
    numbers: Array
    descriptor: Array


class Looks:
    """Looks by key; a key says all that a look depends on."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file
        file.execute("CREATE TABLE IF NOT EXISTS looks (key TEXT PRIMARY KEY, picture BLOB, numbers BLOB, mean BLOB)")

    def has(self, key: str) -> bool:
        return self._file.execute("SELECT 1 FROM looks WHERE key = ?", (key,)).fetchone() is not None

    def get(self, key: str, make: Callable[[], Look]) -> Look:
        """The look that is kept; otherwise the one that `make` gives, which is kept from then on."""
        row = self._file.execute("SELECT picture, numbers, mean FROM looks WHERE key = ?", (key,)).fetchone()
        if row is not None:
            numbers, mean = (np.frombuffer(one, dtype=np.float32) for one in row[1:])
            return Look(np.frombuffer(row[0], dtype=np.uint64)[0], numbers, mean)
        made = make()
        row = (key, made.picture.tobytes(), made.numbers.tobytes(), made.descriptor.tobytes())
        self._file.execute("INSERT INTO looks VALUES (?, ?, ?, ?)", row)
        return made


@contextmanager
def opened(path: Path) -> Iterator[Looks]:
    """The looks in a file, which is made where it is missing; UserError where it is damaged."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            yield Looks(file)
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{path}: cannot be used ({error}); free some space if the disk is full, otherwise delete it, and run the"
            " same command again"
        ) from None
