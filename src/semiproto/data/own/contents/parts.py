"""Which images are trained on, validated on and tested on: by lists, tables, names of files and folders, and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, combinations, product
from pathlib import Path

from semiproto.data import layout
from semiproto.data.own.contents import unread_lists
from semiproto.data.own.contents.found import Found
from semiproto.data.own.contents.uses import LISTS
from semiproto.data.own.faults import Fault, fault_of
from semiproto.data.own.formats import lists
from semiproto.data.own.formats.outlines import Outlines
from semiproto.data.own.masks import Mask
from semiproto.data.own.names import PARTS, TEST, Ambiguous, shown
from semiproto.errors import UserError

WITHOUT_MASKS = ("unlabeled", TEST)
"""Parts whose images need none."""


def divide(found: Found) -> dict[str, list[Path]]:
    """Images by part: from the list files where there are any, then from tables and names of files and folders, then by
    whether there is a mask."""
    folder = found.folder
    files = {part: folder.paths(getattr(folder.source, key)) for part, key in lists.PARAMETERS.items()}
    by_file = {part: {file: _listed(found, file, part) for file in files[part]} for part in PARTS}
    listed = {
        part: list(dict.fromkeys(chain(*by_file[part].values())))
        for part in PARTS
        if getattr(folder.source, lists.PARAMETERS[part]) is not None
    }
    found.test = {path for file in files[TEST] for path in _listed(found, file, TEST)}
    found.test |= {path for path in found.images if found.parts.get(path) == TEST}
    parts = _by_part(found, listed)
    where = {part: (files[part] or folder.labels)[0] for part in PARTS}
    _overlaps(found, by_file)
    _require_held_out(found, parts, where)
    unread_lists.refuse(found, parts, listed)
    if not parts["train"] and all(fault.warning for fault in found.faults):
        _no_labels(found, listed, where)
    return parts


def _by_part(found: Found, listed: Mapping[str, list[Path]]) -> dict[str, list[Path]]:
    """listed: the images that lists name, of the parts that have lists."""
    said = found.parts.get
    images = sorted(path for path in found.images if path not in found.test)
    labeled = _labeled(found)
    val = listed.get("val", [path for path in images if path in labeled and said(path) == "val"])
    taken = {*val, *listed.get("unlabeled", [])}
    free = {path for path in labeled if said(path) in (None, "", "train")} - taken
    train = listed.get("train", [path for path in images if path in free])
    taken = {*train, *val, *found.unnamed}
    bare = [
        path
        for path in images
        if ((path not in labeled and said(path) != "val") or said(path) == "unlabeled") and path not in taken
    ]
    return {"train": train, "val": val, "unlabeled": listed.get("unlabeled", bare)}


def _labeled(found: Found) -> set[Path]:
    return {
        path
        for path in found.images
        if path not in found.test and path in found.masks and not _shows_nothing(found.masks[path])
    }


def _shows_nothing(mask: Mask) -> bool:
    """Whether a tool's file has no outline for the image, which then is no labelled one."""
    return isinstance(mask, Outlines) and not mask.instances and not mask.whole


def _listed(found: Found, file: Path, part: str) -> list[Path]:
    """The images that a list file of a part names (and, but for unlabelled and test ones, that have masks)."""
    found.uses[file] = LISTS
    try:
        entries = lists.entries(file, part)
    except UserError as error:
        found.faults.append(fault_of("list-unreadable", file, error))
        return []
    seen: dict[Path | str, str] = {}
    for number, (line, text) in enumerate(entries, start=1):
        where = f"on line {line}" if line else f"at place {number}"
        keys: Sequence[Path | str] = _entry(found, file, (line, text), part) or [text]
        for key in keys:
            if key in seen:
                found.error("list-twice", file, f"id {text!r} is also {seen[key]}", "remove one", line)
            seen.setdefault(key, where)
    if not seen:
        note = found.warning if part == "unlabeled" else found.error
        note("list-empty", file, "names no id", "write one a line, or set the list to null")
    named = [key for key in seen if isinstance(key, Path)]
    found.named.update(named)
    return [path for path in named if part in WITHOUT_MASKS or path in found.masks]


def _entry(found: Found, file: Path, entry: lists.Entry, part: str) -> list[Path]:
    """The image that an entry names, alone or before its mask, or those of a folder; none and a fault otherwise."""
    line, text = entry
    image, mask = found.lookup.image_and_mask(text, file)
    if image is None and (inside := found.lookup.inside(text)):
        found.parts |= {path: part for path in inside if not found.contradicts(path, part, file, line)}
        return inside
    if isinstance(image, Ambiguous):
        found.error("ambiguous-name", file, f"{shown(text)} may be {image}", "write its folder too", line)
        return []
    if image is None or (".." in text.replace("\\", "/").split("/") and text not in (image.name, image.stem)):
        found.faults.append(_no_image(file, entry, image))
        return []
    if isinstance(mask, Path) and part not in WITHOUT_MASKS:
        found.masks.setdefault(image, mask)
    if line is None:  # the file describes a set, of which not every image need be labelled
        found.parts.setdefault(image, part)
    elif part not in WITHOUT_MASKS and image not in found.masks:
        found.error("list-mask", file, f"id {text!r} has no mask", "add it or take out the id", line)
    return [image]


def _no_image(file: Path, entry: lists.Entry, outside: Path | None) -> Fault:
    """outside: the image that the entry names by a path that leads out of the folder."""
    line, text = entry
    if outside is not None:
        return Fault("list-path", str(file), f"{shown(text)} leads out of the folder", f"write {outside.stem}", line)
    try:
        layout.check_id(text, "")
    except UserError:
        what = f"{shown(text)} cannot be an id, and no image has that name"
        return Fault("list-id", str(file), what, "add the image or take out the line", line)
    return Fault("list-image", str(file), f"id {shown(text)} has no image", "add it or take out the id", line)


def _overlaps(found: Found, by_file: Mapping[str, dict[Path, list[Path]]]) -> None:
    """Lists of different parts that have images in common."""
    for (_, files), (other, others) in combinations(reversed([*by_file.items()]), 2):
        for (file, images), (known, taken) in product(files.items(), others.items()):
            if both := sorted(set(images) & set(taken)):
                words = f"names {len(both)} images that {known} names for {other}, such as {both[0].name}"
                found.error("list-overlap", file, words, "take them out of one of the two")


def _require_held_out(found: Found, parts: Mapping[str, list[Path]], where: Mapping[str, Path]) -> None:
    """An image that a list, table or folder keeps for test or validation must not be trained on."""
    for part, paths in parts.items():
        for path in paths:
            said = TEST if path in found.test else found.parts.get(path)
            if said == TEST or (said == "val" and part != "val"):
                remedy = f"take it out of {where[part].name}, or rename what says {said}"
                found.error("held-out", where[part], f"{path} is of part {said}, and part {part} has it too", remedy)


def _no_labels(found: Found, listed: Mapping[str, list[Path]], where: Mapping[str, Path]) -> None:
    unlabeled = _labeled(found) & set(listed.get("unlabeled", []))
    if unlabeled:
        words = f"names {len(unlabeled)} images with masks, and no other image with a mask is for training"
        found.error("no-labels", where["unlabeled"], words, "take out those to train on with their masks")
        return
    remedy = "give masks for some images (one PNG per image, same stem)"
    found.error("no-labels", where["train"], "no labelled image", remedy)
