"""Model folders that may change while they are read: a training can put another model there at any time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from semiproto.errors import UserError
from semiproto.model.folder import CARD, MODEL, STUDENT, digests, read_card


@contextmanager
def unchanged(folder: Path, *names: str) -> Iterator[str]:
    """Yields the digests of files of a model folder; UserError where they are others when the block ends.

    So what is named is what was read. UserError too where there is no card, or a file is missing or damaged.
    """
    read_card(folder)  # which says what is wrong with it
    before = digests(folder, names)
    yield before
    if digests(folder, names) != before:
        raise UserError(f"{folder}: changed while it was read; run the same command again")


def files_of(folder: Path) -> list[str]:
    """The names of all files that a network is read from."""
    return [CARD, MODEL, *([STUDENT] if (folder / STUDENT).is_file() else [])]
