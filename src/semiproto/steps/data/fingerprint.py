"""What a set of the user's own is made from, in one digest: content decides what is current, not size and time.

A note beside the images, a file system's own files, a folder that was moved or restored have nothing made again; a mask
that was edited in place with its length and time kept is seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from semiproto.data import references
from semiproto.data.layout import FILES
from semiproto.data.own.contents import contents
from semiproto.data.own.contents.contents import Contents, Item
from semiproto.data.own.contents.uses import files_of
from semiproto.data.own.formats.outlines import Layers, Outlines
from semiproto.errors import UserError
from semiproto.params import FolderSource, canonical
from semiproto.process.progress import Progress
from semiproto.provenance import sources
from semiproto.provenance.artifacts import RECEIPT, sha256_file, sha256_text, write_json
from semiproto.provenance.integrity import Digests, is_settled, remembered, tree_state
from semiproto.provenance.receipts import read_receipt

DIGESTS = "files.json.gz"
"""The file that keeps the digests of a user's own files, in the folder of memories."""


def fingerprint(source: FolderSource, digest: Callable[[Path], str] = sha256_file) -> str:
    """SHA-256 of the ids, parts, images and masks that the folder has, read by `digest`.

    Of a folder that no set can be made from it is that of all names, sizes and times: the step then runs and says why.
    """
    return _read(source, digest)[0]


def fingerprint_of(source: FolderSource, found: Contents | None, digest: Callable[[Path], str]) -> str:
    """The same of what is known to be in the folder."""
    try:
        if found is not None and all(fault.warning for fault in found.faults):
            return _of_contents(source, found, digest)
    except (UserError, OSError):
        pass
    return tree_state(Path(source.path))[0]


def _of_contents(source: FolderSource, found: Contents, digest: Callable[[Path], str]) -> str:
    progress = Progress(f"data {source.name}: comparing", len(found.items), "images")
    made_of: list[list[Any]] = []
    for item in found.items:
        progress.update(bool(made_of))  # the item before, so that nothing is said where it takes no time
        made_of.append([item.id, item.part, item.image.suffix, digest(item.image), list(_mask(item, digest))])
    # By id: an image that was moved within the folder, or a line within its list, is used as before.
    return sha256_text(json.dumps(sorted(made_of, key=lambda one: str(one[0]))))


def _read(source: FolderSource, digest: Callable[[Path], str]) -> tuple[str, Contents | None]:
    """The fingerprint, and what the folder holds; None where that cannot be told."""
    try:
        found = contents.read(source)
    except (UserError, OSError):
        found = None
    return fingerprint_of(source, found, digest), found


def last_fingerprint(source: FolderSource, prepared: Path, memory: Path) -> str | None:
    """The fingerprint of the folder; where it does not exist, the one of what `prepared` was made from.

    A prepared set is complete: only the machine that makes it needs its source, not one that pulled it. One that refers
    to images is told where they are: a file that was only moved has nothing made again.
    None where neither exists. memory: a folder that keeps digests, so that only files that changed are read again.
    """
    if not Path(source.path).is_dir():
        return recorded(prepared)
    state, changed = tree_state(Path(source.path))
    settled, known = is_settled(changed), memory / "fingerprint.json"
    key = sha256_text(f"{state} {canonical(source)} {sources.digests('steps.data.folder')}")
    if (last := remembered(known)).get("key") == key and not references.unplaced(prepared / FILES):
        return str(last["fingerprint"])
    digests = Digests(memory / DIGESTS)
    now, found = _read(source, digests.of)
    digests.keep()
    if found is not None and references.refers(prepared / FILES) and now == recorded(prepared):
        references.write_places(prepared, {item.id: item.image for item in found.items})
    if settled:
        write_json(known, {"key": key, "fingerprint": now})
    return now


def recorded(prepared: Path) -> str | None:
    """The fingerprint of what a set was made from, by its receipt; None where there is none."""
    if not (prepared / RECEIPT).is_file():
        return None
    found: str | None = read_receipt(prepared)["facts"].get("fingerprint")
    return found


def _mask(item: Item, digest: Callable[[Path], str]) -> Iterator[Any]:
    """What a mask is made from; a tool's file that holds those of many images counts as a whole."""
    if isinstance(item.mask, Path):
        yield from (item.mask.suffix, digest(item.mask))
    elif isinstance(item.mask, Outlines):
        # The classes too: YOLO's numbers get their names from another file.
        yield from (item.mask.image, digest(item.mask.file), [index for _, index, _ in item.mask.instances])
        # Of COCO's panoptic segments the file has the classes, and PNGs have the pixels.
        yield from map(digest, files_of(item.mask))
    elif isinstance(item.mask, Layers):
        yield from ([index, digest(file)] for index, file in item.mask.layers)
