"""What a user's folder holds: its images, their masks, and the part of the set that each image belongs to.

An image is known by the stem of its file name, as lists name it. Names from lists, CSV and COCO files are looked up,
never opened as they stand, so none of them leaves the folder. The faults met on the way are collected, not raised.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from semiproto.data import layout
from semiproto.data.own.faults import Fault, fault_of
from semiproto.data.own.formats import coco
from semiproto.data.own.masks import Mask
from semiproto.errors import UserError
from semiproto.params import FolderSource
from semiproto.provenance.artifacts import RECEIPT
from semiproto.provenance.receipts import read_receipt

PARTS = ("train", "val", "unlabeled")
UNREAD_SUFFIXES = (".gif", ".heic", ".jp2", ".jxl", ".svg", ".dcm")
"""Suffixes of pictures that are skipped with a warning."""


@dataclass(frozen=True)
class Item:
    """An image with a place in the set; `mask` is None for unlabelled ones."""

    id: str
    image: Path
    mask: Mask | None
    part: str


@dataclass(frozen=True)
class Contents:
    """The images by part, in the order of their lists (or of their names), and what is wrong with names and lists."""

    items: list[Item]
    faults: list[Fault]

    def of(self, part: str) -> list[Item]:
        return [item for item in self.items if item.part == part]

    def counts(self) -> dict[str, int]:
        return {part: len(self.of(part)) for part in PARTS}


SUFFIXES = {"image": layout.IMAGE_SUFFIXES, "mask": (".png",)}


class _Entry(NamedTuple):
    """Where a CSV or COCO file names something."""

    file: Path
    line: int | None = None


@dataclass
class _Found:
    """Files by stem, filled step by step."""

    images: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, Mask] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    """Filled where a CSV file names parts."""
    faults: list[Fault] = field(default_factory=list)

    def error(self, kind: str, file: Path, found: str, remedy: str, line: int | None = None) -> None:
        self.faults.append(Fault(kind, str(file), found, remedy, line))

    def warning(self, kind: str, file: Path, found: str, remedy: str) -> None:
        self.faults.append(Fault(kind, str(file), found, remedy, warning=True))

    def add_image(self, path: Path) -> bool:
        """Whether `path` is the first image of its stem."""
        first = self.images.setdefault(path.stem, path)
        if first != path:
            self.error("same-stem", path, f"{first} has the same id {path.stem!r}", "rename one")
        return first == path


def read(source: FolderSource) -> Contents:
    """The contents of the folder; UserError where the folder, or a file that everything depends on, is missing."""
    base = Path(source.path)
    if not base.is_dir():
        raise UserError(f"{base}: no such folder; correct dataset.path")
    found = _Found()
    _image_files(base / source.images, found)
    if source.masks.endswith(".csv"):
        _pairs(base, base / source.masks, found)
    elif source.masks.endswith(".json"):
        _instances(base / source.images, base / source.masks, source.classes, found)
    else:
        _mask_files(base / source.masks, found)
        _subfolders(base / source.images, base / source.masks, found)
    parts = _parts(source, base, found)
    items = {
        stem: Item(safe_id(stem), found.images[stem], None if part == "unlabeled" else found.masks[stem], part)
        for part, stems in reversed(parts.items())  # an image in two lists belongs to the first; the fault is noted
        for stem in stems
    }
    order = [stem for part, stems in parts.items() for stem in stems if items[stem].part == part]
    return Contents([items[stem] for stem in order], found.faults)


def safe_id(stem: str) -> str:
    """The stem where it can be an id, otherwise its safe characters and eight digits of its SHA-256."""
    try:
        return layout.check_id(stem, "")
    except UserError:
        cleaned = re.sub(r"[^A-Za-z0-9_.-]", "_", stem).lstrip(".-")[:100]
        return f"{cleaned or '_'}-{hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]}"


# --------------------------------------------------------------------------------------------------- files


def fingerprint(base: Path) -> str:
    """SHA-256 of the names, sizes and times of all files below a folder, through links to folders too."""
    digest = hashlib.sha256()
    for path in _walk(base):
        if path.is_file():
            facts = path.stat()
            digest.update(os.fsencode(path.relative_to(base)) + f"\0{facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def last_fingerprint(base: Path, prepared: Path) -> str | None:
    """The fingerprint of `base`; where `base` does not exist, the one of what `prepared` was made from.

    A prepared set is complete: only the machine that makes it needs its source, not one that pulled it.
    None where neither exists.
    """
    if base.is_dir() or not (prepared / RECEIPT).is_file():
        return fingerprint(base) if base.is_dir() else None
    recorded: str | None = read_receipt(prepared)["facts"].get("fingerprint")
    return recorded


def _walk(base: Path) -> Iterator[Path]:
    """What `base` holds, in a fixed order; each folder once, and none above `base`, since links may run in circles."""
    seen = {base.resolve(), *base.resolve().parents}
    for folder, inner, files in os.walk(base, followlinks=True):
        real = {name: Path(folder, name).resolve() for name in sorted(inner)}
        inner[:] = [name for name, target in real.items() if target not in seen]
        seen.update(real.values())
        yield from (Path(folder, name) for name in sorted(files))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())


def _image_files(folder: Path, found: _Found) -> None:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of images; correct dataset.path and dataset.images")
    for path in _files(folder):
        if path.suffix.lower() in layout.IMAGE_SUFFIXES:
            found.add_image(path)
        elif path.suffix.lower() in UNREAD_SUFFIXES:
            found.warning("image-suffix", path, f"{path.suffix} files are passed over", "save it as JPEG or PNG")


def _subfolders(folder: Path, masks: Path, found: _Found) -> None:
    """Warns of images that are not read, since only a table or a COCO file can name them."""
    for inner in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        number = sum(path.suffix.lower() in layout.IMAGE_SUFFIXES for path in inner.rglob("*"))
        if number and not masks.is_relative_to(inner):
            remedy = f"move them up into {folder}, or name them in a .csv of pairs"
            found.warning("image-subfolder", inner, f"{number} images in a subfolder are passed over", remedy)


def _mask_files(folder: Path, found: _Found) -> None:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of masks; correct dataset.masks")
    others = []
    for path in _files(folder):
        if path.suffix.lower() != ".png":
            others.append(path)
        elif found.masks.setdefault(path.stem, path) != path:
            found.error("same-stem", path, f"another mask has the same id {path.stem!r}", "rename one")
        elif path.stem not in found.images:
            remedy = "add the image, name the mask like it, or delete the mask"
            found.warning("mask-without-image", path, f"no image has the stem {path.stem!r}", remedy)
    for path in others:
        picture = path.suffix.lower() in (*layout.IMAGE_SUFFIXES, *UNREAD_SUFFIXES)
        if picture and path.stem in found.images and path.stem not in found.masks:
            found.error("mask-suffix", path, f"a mask cannot be a {path.suffix} file", "save it as PNG")


def _below(base: Path, text: str) -> Path | None:
    """`base / text` where the text is a relative path that cannot leave `base`; None otherwise."""
    path = PurePosixPath(text.replace("\\", "/"))
    too_long = any(len(os.fsencode(part)) > 255 for part in path.parts) or len(os.fsencode(text)) > 4000
    hostile = path.is_absolute() or ".." in path.parts or "\0" in text or too_long
    return None if hostile or not path.parts else base / path


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


# ----------------------------------------------------------------------------------------------- CSV, COCO


def _pairs(base: Path, file: Path, found: _Found) -> None:
    """Reads image,mask[,part] rows; an empty mask makes an unlabelled image."""
    for line, row in _rows(file):
        image, mask, part = ((row.get(name) or "").strip() for name in ("image", "mask", "part"))
        path = _named(base, image, "image", _Entry(file, line), found)
        if path is None:
            continue
        if path.stem in found.parts:
            found.error("pairs", file, f"image {_shown(image)} is named twice", "remove one row", line)
        elif part not in ("", *PARTS):
            found.error("pairs", file, f"there is no part {_shown(part)}", f"write {', '.join(PARTS)}", line)
        elif found.add_image(path):
            found.parts[path.stem] = part
            mask_path = _named(base, mask, "mask", _Entry(file, line), found) if mask else None
            if mask_path is not None:
                found.masks[path.stem] = mask_path
            elif not mask and part in ("train", "val"):
                found.error("pairs", file, f"no mask for {_shown(image)}, of part {part}", "add it", line)


def _rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    """Line number and cells of each row of a CSV file with at least the columns image and mask."""
    reader = csv.DictReader(io.StringIO(text_of(file, "pairs"), newline=""))
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UserError(f"{file}, line {reader.line_num}: not CSV ({error}); save it again") from None
    if missing := [name for name in ("image", "mask") if name not in (reader.fieldnames or ())]:
        columns = ", ".join(reader.fieldnames or ()) or "none"
        raise UserError(f"{file}: no column {missing[0]!r} (there are: {columns}); name the columns image,mask[,part]")
    return rows


def _instances(images: Path, file: Path, classes: list[str], found: _Found) -> None:
    """Reads a COCO file; an image of it without any instance counts as unlabelled unless a list names it."""
    outlines, faults = coco.outlines(file, coco.read(file), classes)
    found.faults += faults
    for one in outlines:
        path = _named(images, one.image, "image", _Entry(file), found)
        if path is None:
            continue
        if path.stem in found.masks:
            found.error("coco-image", file, f"image {_shown(one.image)} is named twice", "remove one")
        elif found.add_image(path):
            found.masks[path.stem] = one


def _named(base: Path, text: str, what: str, where: _Entry, found: _Found) -> Path | None:
    """The image or mask (`what`) below `base` that an entry of a CSV or COCO file names, or None and a fault."""
    path, suffixes = _below(base, text), SUFFIXES[what]
    if path is None:
        remedy = "write the path of a file in it"
        found.error("hostile-name", where.file, f"{what} {_shown(text)} is not a path below {base}", remedy, where.line)
    elif not path.is_file():
        remedy = "add it or remove its entry"
        found.error("missing-file", where.file, f"{what} {_shown(text)} is not in {base}", remedy, where.line)
    elif path.suffix.lower() not in suffixes:
        fault = f"{what} {_shown(text)} is none of {', '.join(suffixes)}"
        found.error("suffix", where.file, fault, "convert it", where.line)
    else:
        return path
    return None


def text_of(file: Path, what: str) -> str:
    """The text of a file; UserError where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{file}: no such file of {what}; name one that exists") from None
    except UnicodeDecodeError:
        raise UserError(f"{file}: not a text file of {what} in UTF-8; save it as one") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); correct its permissions") from None


# --------------------------------------------------------------------------------------------------- parts


def _parts(source: FolderSource, base: Path, found: _Found) -> dict[str, list[str]]:
    """Stems by part: from the list files where there are any, then from the CSV, then by whether there is a mask."""
    named = {"train": source.train_list, "val": source.validation_list, "unlabeled": source.unlabeled_list}
    listed = {part: _listed(base / name, part, found) for part, name in named.items() if name is not None}
    labeled = {s for s, mask in found.masks.items() if s in found.images and not _without_instances(mask)}
    images = sorted(found.images)
    val = listed.get("val", [s for s in images if s in labeled and found.parts.get(s) == "val"])
    free = {s for s in labeled if found.parts.get(s) in (None, "", "train")} - set(val)
    train = listed.get("train", [s for s in images if s in free])
    unmasked = {s for s in images if s not in labeled or found.parts.get(s) == "unlabeled"} - {*train, *val}
    parts = {"train": train, "val": val, "unlabeled": listed.get("unlabeled", [s for s in images if s in unmasked])}
    _overlaps(parts, {part: base / (name or source.masks) for part, name in named.items()}, found)
    if not train and not any(fault.kind.startswith("list") for fault in found.faults):
        remedy = "give masks for some images (one PNG per image, same stem)"
        found.error("no-labels", base / (source.train_list or source.masks), "no labelled image", remedy)
    return parts


def _without_instances(mask: Mask) -> bool:
    return isinstance(mask, coco.Outlines) and not mask.instances


def _listed(file: Path, part: str, found: _Found) -> list[str]:
    """The stems of a list file that there are images (and, but for unlabelled ones, masks) for."""
    try:
        lines = text_of(file, "ids, one a line").split("\n")
    except UserError as error:
        found.faults.append(fault_of("list-unreadable", file, error))
        return []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        stem = line.strip()
        if stem in seen:
            found.error("list-twice", file, f"id {stem!r} is also on line {seen[stem]}", "remove one", number)
        elif stem:
            seen[stem] = number
            found.faults.extend(_entry_faults(file, number, stem, part, found))
    if not seen:
        (found.warning if part == "unlabeled" else found.error)(
            "list-empty", file, "names no id", "write one a line, or set the list to null"
        )
    return [s for s in seen if s in found.images and (part == "unlabeled" or s in found.masks)]


def _entry_faults(file: Path, line: int, stem: str, part: str, found: _Found) -> Iterator[Fault]:
    if stem in found.images:
        if part != "unlabeled" and stem not in found.masks:
            yield Fault("list-mask", str(file), f"id {stem!r} has no mask", "add it or take out the id", line)
        return
    inner = PurePosixPath(stem.replace("\\", "/")).stem
    if inner in found.images:
        yield Fault("list-path", str(file), f"{_shown(stem)} is a path and cannot be an id", f"write {inner}", line)
        return
    try:
        layout.check_id(stem, f"{file}, line {line}")
        yield Fault("list-image", str(file), f"id {stem!r} has no image", "add it or take out the id", line)
    except UserError as error:
        yield fault_of("list-id", file, error, line)


def _overlaps(parts: dict[str, list[str]], files: dict[str, Path], found: _Found) -> None:
    for part, others in (("val", ["train"]), ("unlabeled", ["train", "val"])):
        taken: Iterable[str] = {stem for other in others for stem in parts[other]}
        for stem in sorted(set(parts[part]) & set(taken)):
            found.error("list-overlap", files[part], f"id {stem!r} is in another list too", "keep it in one of them")
