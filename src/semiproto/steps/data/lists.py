"""Lists of ids as the steps write them."""

from __future__ import annotations

from pathlib import Path

from semiproto.data import layout
from semiproto.provenance.artifacts import write_text
from semiproto.steps.job import Written


def write_lists(folder: Path, lists: dict[str, list[str]]) -> Written:
    """Writes labeled.txt, unlabeled.txt and val.txt, one id a line."""
    for name, ids in lists.items():
        write_text(folder / f"{name}.txt", "".join(f"{image_id}\n" for image_id in ids))
    return Written([f"{name}.txt" for name in lists], facts=counts(folder))


def counts(folder: Path) -> dict[str, int]:
    """The number of ids in each list."""
    return {path.stem: len(layout.read_list(path)) for path in sorted(folder.glob("*.txt"))}
