"""The images, masks and parts of a user's folder, with all that is wrong with names and lists.

Names from lists, tables and labelling tools are looked up among the files that are there (lookup.py). The faults met on
the way are collected, not raised.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from semiproto.data import layout
from semiproto.data.own import account
from semiproto.data.own.contents import images, labels, mask_files, parts, uses
from semiproto.data.own.contents.folder import Folder
from semiproto.data.own.contents.found import Found
from semiproto.data.own.faults import Fault
from semiproto.data.own.masks import Mask
from semiproto.data.own.names import PARTS, fold
from semiproto.errors import UserError
from semiproto.params import FolderSource
from semiproto.process.collector import no_search_for_cycles


@dataclass(frozen=True, slots=True)
class Item:
    """An image with a place in the set; `mask` is None for unlabelled ones."""

    id: str
    image: Path
    mask: Mask | None
    part: str


@dataclass(frozen=True)
class Contents:
    """The images by part, in the order of their lists (or of their names), and what is wrong with names and lists.

    files: what every file below the folder is used as. matched: how names were found, in sentences.
    """

    items: list[Item]
    faults: list[Fault]
    files: list[account.Row] = field(default_factory=list)
    matched: list[str] = field(default_factory=list)

    def of(self, part: str) -> list[Item]:
        return [item for item in self.items if item.part == part]

    def counts(self) -> dict[str, int]:
        return {part: len(self.of(part)) for part in PARTS}


@no_search_for_cycles()
def read(source: FolderSource) -> Contents:
    """The contents of the folder; UserError where the folder, or a file that everything depends on, is missing."""
    base = Path(source.path)
    if not base.is_dir():
        raise UserError(f"{base}: no such folder; correct dataset.path")
    found = Found(Folder(source, base))
    images.look_for(found)
    labels.read(found)
    mask_files.refuse_channel_files(found)
    divided = parts.divide(found)
    ids = _ids(found.images, base)
    items = {
        path: Item(ids[path], path, None if part == "unlabeled" else found.masks[path], part)
        for part, paths in reversed(divided.items())  # an image in two lists belongs to the first; the fault is noted
        for path in paths
    }
    order = [path for part, paths in divided.items() for path in paths if items[path].part == part]
    mask_files.warn_of_strangers(found)
    uses.tell(found, {path: item.part for path, item in items.items()})
    matched = [*found.lookup.images.lines("images"), *found.lookup.masks.lines("masks")]
    return Contents([items[path] for path in order], found.faults, account.rows(base, found.uses), matched)


def safe_id(stem: str) -> str:
    """The stem where it can be an id, otherwise its safe characters and eight digits of its SHA-256."""
    try:
        return layout.check_id(stem, "")
    except UserError:
        cleaned = re.sub(r"[^A-Za-z0-9_.-]", "_", stem).lstrip(".-")[:100]
        return f"{cleaned or '_'}-{hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]}"


def _ids(paths: Iterable[Path], base: Path) -> dict[Path, str]:
    """An id for each image: its stem, and its folders too where another image has the same stem."""
    ids = {path: safe_id(path.stem) for path in paths}
    count = Counter(map(fold, ids.values()))
    for path, one in ids.items():
        if count[fold(one)] > 1:
            ids[path] = safe_id(path.relative_to(base).with_suffix("").as_posix())
    return ids
