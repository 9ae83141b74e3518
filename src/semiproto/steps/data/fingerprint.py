"""What a set of the user's own is made from, in one digest: content decides what is current, not size and time.

A note beside the images, a file system's own files, a folder that was moved or restored have nothing made again; a mask
that was edited in place with its length and time kept is seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from semiproto.data.own import contents
from semiproto.data.own.contents import Item
from semiproto.data.own.formats.outlines import Layers, Outlines
from semiproto.errors import UserError
from semiproto.params import FolderSource, canonical
from semiproto.process.progress import Progress
from semiproto.provenance import sources
from semiproto.provenance.artifacts import RECEIPT, sha256_file, sha256_text, write_json
from semiproto.provenance.integrity import Digests, is_settled, remembered, tree_state
from semiproto.provenance.receipts import read_receipt


def fingerprint(source: FolderSource, digest: Callable[[Path], str] = sha256_file) -> str:
    """SHA-256 of the ids, parts, images and masks that the folder has, read by `digest`.

    Of a folder that no set can be made from it is that of all names, sizes and times: the step then runs and says why.
    """
    try:
        found = contents.read(source)
        if not all(fault.warning for fault in found.faults):
            return tree_state(Path(source.path))[0]
        progress = Progress(f"data {source.name}: comparing", len(found.items), "images")
        made_of: list[list[Any]] = []
        for item in found.items:
            progress.update(bool(made_of))  # the item before, so that nothing is said where it takes no time
            made_of.append([item.id, item.part, item.image.suffix, digest(item.image), list(_mask(item, digest))])
    except (UserError, OSError):
        return tree_state(Path(source.path))[0]
    return sha256_text(json.dumps(made_of))


def last_fingerprint(source: FolderSource, prepared: Path, memory: Path) -> str | None:
    """The fingerprint of the folder; where it does not exist, the one of what `prepared` was made from.

    A prepared set is complete: only the machine that makes it needs its source, not one that pulled it.
    None where neither exists. memory: a folder that keeps digests, so that only files that changed are read again.
    """
    if not Path(source.path).is_dir():
        recorded: str | None = None
        if (prepared / RECEIPT).is_file():
            recorded = read_receipt(prepared)["facts"].get("fingerprint")
        return recorded
    state, changed = tree_state(Path(source.path))
    settled, known = is_settled(changed), memory / "fingerprint.json"
    key = sha256_text(f"{state} {canonical(source)} {sources.digests('steps.data.folder')}")
    if (last := remembered(known)).get("key") == key:
        return str(last["fingerprint"])
    digests = Digests(memory / "files.json")
    now = fingerprint(source, digests.of)
    digests.keep()
    if settled:
        write_json(known, {"key": key, "fingerprint": now})
    return now


def _mask(item: Item, digest: Callable[[Path], str]) -> Iterator[Any]:
    """What a mask is made from; a tool's file that holds those of many images counts as a whole."""
    if isinstance(item.mask, Path):
        yield from (item.mask.suffix, digest(item.mask))
    elif isinstance(item.mask, Outlines):
        # The classes too: YOLO's numbers get their names from another file.
        yield from (item.mask.image, digest(item.mask.file), [index for _, index, _ in item.mask.instances])
    elif isinstance(item.mask, Layers):
        yield from ([index, digest(file)] for index, file in item.mask.layers)
