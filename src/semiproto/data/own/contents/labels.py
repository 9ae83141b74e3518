"""The masks of the images, and their parts, by what the files with labels say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from semiproto.data import layout
from semiproto.data.own.contents import mask_files
from semiproto.data.own.contents.folder import Folder
from semiproto.data.own.contents.found import MANY, Found
from semiproto.data.own.contents.images import is_mask_beside
from semiproto.data.own.contents.lookup import Meant
from semiproto.data.own.contents.uses import LISTS
from semiproto.data.own.faults import Fault, fault_of, first_of_many
from semiproto.data.own.formats import readers, yolo
from semiproto.data.own.formats.outlines import Outlines, Record
from semiproto.data.own.masks import LOSSY, LOSSY_REMEDY, MASK_SUFFIXES, Mask
from semiproto.data.own.names import TEST, Ambiguous, Names, fold, parts_of, shown
from semiproto.errors import UserError
from semiproto.params import VOID


def read(found: Found) -> None:
    """Notes masks, and parts that files of labels or folders say; UserError where a file or folder is not there."""
    folder = found.folder
    for path in folder.labels:
        if not path.exists():
            what, name = ("file", "annotations") if path.suffix in (".csv", ".json", ".xml") else ("folder", "masks")
            raise UserError(f"{path}: no such {what} of {name}; correct dataset.masks")
    if folder.format in ("masks", "pairs"):
        mask_files.require_one_meaning(found)
    if folder.format == "masks":
        mask_files.read(found)
    else:
        _read_records(found)
    if folder.format == "pairs":
        _masks_that_no_table_names(found)
    if folder.format == "yolo":
        _take_parts(found, yolo.parts(folder.base))
    for path in found.images:
        part = folder.part_of(path)
        if part is not None and not found.contradicts(path, part, path):
            found.parts.setdefault(path, part)


def _read_records(found: Found) -> None:
    folder = found.folder
    below = [path for path in folder.below_labels() if folder.format != "per-class" or path not in found.images]
    said = readers.records(folder.format, folder.source, folder.labels, below)
    found.faults += _shortened(said.faults, yolo.COORDINATE, MANY)
    found.uses |= dict.fromkeys(said.files, f"annotations ({folder.format})")
    found.uses |= said.passed_over
    faults = [fault for record in said.records for fault in _take(found, record)]
    found.faults += _shortened(faults, mask_files.LOSSY_KIND, 1)
    found.faults += _drawn_twice(said.records, folder.source.classes)


def _shortened(faults: list[Fault], kind: str, many: int) -> list[Fault]:
    """The faults, of which those of a kind come last and, if there are more than `many`, as one."""
    alike = [fault for fault in faults if fault.kind == kind]
    return [*(fault for fault in faults if fault.kind != kind), *first_of_many(alike, many)]


def _drawn_twice(records: Sequence[Record], classes: Sequence[str]) -> Iterator[Fault]:
    """Outlines that an image has twice, each time of another class: the later one would silently be the one that is
    seen. One warning a file."""
    by_file: dict[Path, list[str]] = defaultdict(list)
    for mask in (record.mask for record in records if isinstance(record.mask, Outlines)):
        for (one, first, shape), (other, second, again) in combinations(mask.instances, 2):
            if first != second and shape == again:
                names = (classes[index] if index < len(classes) else VOID[0] for index in (first, second))
                by_file[mask.file].append(f"{one} ({next(names)}) and {other} ({next(names)}) of {mask.image}")
    for file, twice in by_file.items():
        more = f" ({len(twice)} such pairs)" if len(twice) > 1 else ""
        words = f"the labels {twice[0]} have the same outline, and the later one is on top{more}"
        yield Fault("drawn-twice", str(file), words, "delete the one that is wrong", warning=True)


def _take(found: Found, record: Record) -> Iterator[Fault]:
    """Notes an image and mask that a tool's file names; yields what is wrong with them."""
    image = _image(found, record)
    if isinstance(image, Fault):
        yield image
        return
    if image in found.masks or (record.line is not None and image in found.parts):
        yield _named_twice(found, record, image)
        return
    yield from _drawn_on_another(found.folder, image, record.file)
    found.images[image] = None
    found.named.add(image)
    if record.part is not None or record.line is not None:
        found.parts[image] = record.part or ""
    mask: Mask | Fault | None = record.mask
    if record.mask_name:
        mask = _named(found, record, "mask", found.lookup.mask_beside(record.mask_name, record.file))
    if isinstance(mask, Fault):
        yield mask
    elif mask is not None:
        found.masks[image] = mask


def _named_twice(found: Found, record: Record, image: Path) -> Fault:
    kind, remedy = ("pairs", "remove one row") if record.line is not None else ("coco-image", "remove one")
    if found.folder.format == "labelme":
        remedy = f"correct its imagePath if it is of an image named like {record.file.name}, or remove one"
    first = found.masks.get(image)
    by = f" (first by {first.file})" if isinstance(first, Outlines) and first.file != record.file else ""
    return Fault(kind, str(record.file), f"image {shown(record.image)} is named twice{by}", remedy, record.line)


def _drawn_on_another(folder: Folder, image: Path, file: Path) -> Iterator[Fault]:
    """Says where a file of labels of one image lies beside another image of its name, as when it was copied."""
    if folder.format != "labelme" or file.stem in (image.stem, image.name):
        return
    if (file.parent, fold(file.stem)) in folder.stems:
        found = f"its imagePath is {image.name}, on which it is drawn, and an image {file.stem} lies beside it"
        remedy = "if it is of that one, correct its imagePath"
        yield Fault("labels-of-another", str(file), found, remedy, warning=True)


def _image(found: Found, record: Record) -> Path | Fault:
    meant = found.lookup.image_beside(record.image, record.file, record.part)
    image = _named(found, record, "image", meant)
    if isinstance(image, Path) and _is_of_another(found, image, record):
        words = f"image {shown(record.image)} is only in {image.parent}, and another file is called after that folder"
        remedy = "add the image, or write its folder before its name"
        return Fault("missing-file", str(record.file), words, remedy, record.line)
    return image


def _is_of_another(found: Found, image: Path, record: Record) -> bool:
    """Whether the only image of a name lies in the folder that another file of labels is called after."""
    called, lies_in = found.lookup.called_after, found.lookup.folders_of(image)
    own, files = called(record.file), [path for path in found.folder.labels if path.suffix]
    if not own or len(files) < 2 or len(parts_of(record.image).parts) > 1 or own & lies_in:
        return False
    return any(called(other) & lies_in for other in files)


def _named(found: Found, record: Record, what: str, meant: Meant) -> Path | Fault:
    """The image or mask that an entry names, or what is wrong with it. what: image or mask."""
    suffixes, text = (
        (layout.IMAGE_SUFFIXES, record.image) if what == "image" else (MASK_SUFFIXES, record.mask_name or "")
    )
    if isinstance(meant, Path) and meant.suffix.lower() in suffixes:
        return meant
    file, name = str(record.file), f"{what} {shown(text)}"
    if isinstance(meant, Ambiguous):
        return Fault("ambiguous-name", file, f"{name} may be {meant}", "write its folder too", record.line)
    if (other := meant or _other_file(found, text)) is not None:
        strange = f"{name} is none of {', '.join(suffixes)}"
        if what == "mask" and other.suffix.lower() in LOSSY:
            return Fault(mask_files.LOSSY_KIND, file, strange, LOSSY_REMEDY, record.line)
        return Fault("suffix", file, strange, "convert it", record.line)
    of_one_image = found.folder.format in ("labelme", "supervisely", "yolo")
    remedy = "add it, or delete this file" if of_one_image else "add it or remove its entry"
    return Fault("missing-file", file, f"{name} is not in {found.folder.base}", remedy, record.line)


def _other_file(found: Found, text: str) -> Path | None:
    """A file of the name that is of another kind; annotations, which may be named like their image, are none."""
    file = found.lookup.files.find(text)
    return file if isinstance(file, Path) and file not in found.uses else None


def _masks_that_no_table_names(found: Found) -> None:
    """Masks among those of the tables whose images no table names: neither is taken for an unlabelled image."""
    folder = found.folder
    known = {mask for mask in found.masks.values() if isinstance(mask, Path)}
    folders = {mask.parent for mask in known} - {image.parent for image in found.named}
    beside = any(is_mask_beside(folder, mask) for mask in known)
    for path in [path for path in found.images if path not in found.named]:
        if path in known or path.parent in folders or (beside and is_mask_beside(folder, path)):
            del found.images[path]
    tops = {folder.relative(mask).parts[0] for mask in known}
    images = Names(folder.base, list(found.images))
    for path in folder.files:
        relative = folder.relative(path)
        if relative.parts[0] not in tops or path.suffix.lower() not in MASK_SUFFIXES or path in found.images:
            continue
        image = images.namesake(relative) if path not in known else None
        if isinstance(image, Path) and image not in found.named:
            found.unnamed[image] = path


def _take_parts(found: Found, named: dict[str, list[Path]]) -> None:
    """The parts that folders and lists of images have by a file of the tool; test and validation come first."""
    for part in (TEST, "val", "train"):
        for place in named.get(part, []):
            inside = [path for path in found.images if path.is_relative_to(place)] if place.is_dir() else []
            if place.is_file():
                found.uses[place] = LISTS
                try:
                    inside = list(found.lookup.all_of(place, readers.names_in(place)))
                except UserError as error:
                    found.faults.append(fault_of("list-unreadable", place, error))
            for image in inside:
                if not (part == "train" and image in found.parts) and not found.contradicts(image, part, place):
                    found.parts[image] = part
