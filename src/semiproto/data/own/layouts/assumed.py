"""What `semiproto init` says of the layout that it found, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from semiproto.data.own import account
from semiproto.data.own.contents.contents import Contents
from semiproto.data.own.formats import readers
from semiproto.data.own.layouts.layout import Layout
from semiproto.data.own.names import but_for_case, part_of_file
from semiproto.errors import UserError
from semiproto.params import FolderSource


def sentences(source: FolderSource, found: Layout, read: Contents) -> Iterator[str]:
    """What was assumed, and how the images are divided. UserError where all masks are JPEGs."""
    number = read.counts()
    lossy = [fault for fault in read.faults if fault.kind == "mask-suffix"]
    if lossy and not number["train"] + number["val"]:  # there is no other mask
        raise UserError(str(lossy[0]))
    yield f"layout: {found.tool}; {_place(found)}"
    yield from found.notes
    yield f"{len(source.classes)} classes {found.why}: {', '.join(source.classes)}"
    for names in but_for_case(source.classes):
        yield f"classes that differ only in case: {', '.join(names)}; `semiproto check-data` says how often they occur"
    if source.colours:
        yield f"masks are drawn in colours, those {found.why}"
    if source.values:
        yield f"mask values mean {', '.join(f'{value}: {name}' for value, name in source.values.items())}"
    if source.bands != 3:
        yield f"images have {source.bands} bands"
    what = "value" if source.colours is None else "colour"
    yield f"mask {what} {source.ignore} is void" if source.ignore is not None else "no mask value is void"
    yield f"{number['train']} images with masks to train with, {_origin(source, source.train_list, 'train')}"
    listed = f"from {_names(source.unlabeled_list)}" if source.unlabeled_list else "those without any"
    yield f"{number['unlabeled']} images without masks, {listed}"
    if number["val"] or source.validation_list:
        yield f"{number['val']} validation images, {_origin(source, source.validation_list, 'val')}"
    else:
        yield "no validation list: splits.validation of the images with masks are kept for validation"
    yield from read.matched
    if renamed := [item for item in read.items if item.id != item.image.stem]:
        first = renamed[0]
        yield f"images whose id is made from their name: {len(renamed)}, such as {first.id} for {first.image.name}"
    warnings = sum(fault.warning for fault in read.faults)
    for said, many in (("faults in", len(read.faults) - warnings), ("warnings about", warnings)):
        if many:
            yield f"{said} names and lists: {many}; `semiproto check-data` names them"
    yield from account.lines(read.files)


def _place(found: Layout) -> str:
    images, labels = (", ".join(f"{name}/" for name in names) for names in (found.images, found.masks))
    if found.format == "pairs":
        return f"pairs of images and masks from {', '.join(found.masks)}; further images in {images}"
    if found.format == "coco":
        return f"images in {images}, COCO outlines from {', '.join(found.masks)}; images without any are unlabelled"
    if found.format in ("cvat", "labelstudio", "rle", "rle-rows", "via"):
        labels = ", ".join(found.masks)
    return f"images in {images}, masks in {labels}"


def _origin(source: FolderSource, files: str | list[str] | None, part: str) -> str:
    if files:
        return f"from {_names(files)}"
    if readers.format_of(source) == "masks":
        return "told apart by their mask files"
    names = [source.masks] if isinstance(source.masks, str) else source.masks
    return f"from {_names([name for name in names if part_of_file(Path(name)) in (part, None)] or names)}"


def _names(files: str | list[str]) -> str:
    return files if isinstance(files, str) else ", ".join(files)
