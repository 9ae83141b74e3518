"""What a user's folder looks like, for `semiproto init` and `semiproto check-data FOLDER`."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from semiproto.data import layout
from semiproto.data.images import opening, pixels
from semiproto.data.own import contents, masks
from semiproto.data.own.formats import coco
from semiproto.errors import UserError
from semiproto.params import FolderSource, first_problem

IMAGE_FOLDERS = ("JPEGImages", "images", "imgs", "image")
MASK_FOLDERS = ("SegmentationClass", "masks", "labels", "annotations", "mask")
OUTLINE_FOLDERS = (".", "annotations", *IMAGE_FOLDERS)
LIST_FOLDERS = ("ImageSets/Segmentation", ".")
LIST_NAMES = {
    "train_list": ("train.txt", "labeled.txt"),
    "validation_list": ("val.txt", "validation.txt"),
    "unlabeled_list": ("unlabeled.txt",),
}
VOID_NAMES = ("void", "ignore")
"""Names in a classes.txt with colours that mean void."""

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class _Classes:
    """names: in the order of mask values. colours, void: where masks are drawn in colours. why: for people."""

    names: list[str]
    why: str
    colours: list[Colour] | None = None
    void: Colour | None = None


def discover(base: Path, name: str) -> tuple[FolderSource, list[str]]:
    """What `base` holds, as the dataset section that would read it, and what was assumed, in sentences."""
    if not base.is_dir():
        raise UserError(f"{base}: no such folder; name the folder of your images")
    labels = _labels(base)
    images = _image_folder(base, labels or ".")
    if labels is None:
        raise UserError(
            f"{base}: no folder of masks found, nor a .csv of pairs (image,mask) or a .json of COCO instances; name the"
            f" folder {' or '.join(MASK_FOLDERS[:2])}"
        )
    classes = _classes(base, images, labels)
    source = _source(
        base,
        name=name,
        images=images,
        masks=labels,
        classes=classes.names,
        colours=None if classes.colours is None else [list(colour) for colour in classes.colours],
        ignore=layout.IGNORE_INDEX if classes.colours is None else classes.void and list(classes.void),
        **{key: _first_list(base, names) for key, names in LIST_NAMES.items()},
        bands=_bands(base / images),
    )
    return source, list(_assumed(source, classes.why))


def _source(base: Path, **fields: object) -> FolderSource:
    try:
        return FolderSource.model_validate({"source": "folder", "path": str(base), **fields})
    except ValidationError as error:
        raise UserError(f"{base / 'classes.txt'}: {first_problem(error)}; correct the class names") from None


def _assumed(source: FolderSource, why: str) -> Iterator[str]:
    found = contents.read(source)
    number = found.counts()
    if source.masks.endswith(".csv"):
        yield f"pairs of images and masks from {source.masks}; further images in {source.images}/"
    elif source.masks.endswith(".json"):
        yield f"images in {source.images}/, COCO outlines from {source.masks}; images without any are unlabelled"
        yield f"of two outlines that overlap the smaller is on top; pixels outside all are {source.classes[0]}"
    else:
        yield f"images in {source.images}/, masks in {source.masks}/"
    yield f"{len(source.classes)} classes {why}: {', '.join(source.classes)}"
    if source.colours:
        yield "masks are drawn in colours, those of classes.txt"
    if source.bands != 3:
        yield f"images have {source.bands} bands"
    what = "value" if source.colours is None else "colour"
    yield f"mask {what} {source.ignore} is void" if source.ignore is not None else "no mask value is void"
    yield f"{number['train']} images with masks to train with, {_origin(source, source.train_list)}"
    yield f"{number['unlabeled']} images without masks, {_origin(source, source.unlabeled_list)}"
    if number["val"] or source.validation_list:
        yield f"{number['val']} validation images, {_origin(source, source.validation_list)}"
    else:
        yield "no validation list: splits.validation of the images with masks are kept for validation"
    if renamed := [item for item in found.items if item.id != item.image.stem]:
        first = renamed[0]
        yield f"images whose id is made from their name: {len(renamed)}, such as {first.id} for {first.image.name}"
    if found.faults:
        yield f"faults in names and lists: {len(found.faults)}; `semiproto check-data` names them"


def _origin(source: FolderSource, name: str | None) -> str:
    if name:
        return f"from {name}"
    return f"from {source.masks}" if source.masks.endswith((".csv", ".json")) else "told apart by their mask files"


def _first_list(base: Path, names: tuple[str, ...]) -> str | None:
    candidates = [(Path(folder) / name).as_posix() for folder in LIST_FOLDERS for name in names]
    return next((candidate for candidate in candidates if (base / candidate).is_file()), None)


def _labels(base: Path) -> str | None:
    """The first of these below `base`: a CSV of pairs, a folder with PNGs, a COCO file, a folder without PNGs."""
    for path in sorted(base.glob("*.csv")):
        if {"image", "mask"} <= set(_header(path)):
            return path.name
    folders = [name for name in MASK_FOLDERS if (base / name).is_dir()]
    if filled := [name for name in folders if any((base / name).glob("*.png"))]:
        return filled[0]
    for folder in OUTLINE_FOLDERS:
        for path in sorted((base / folder).glob("*.json")):
            if _is_coco(path):
                return path.relative_to(base).as_posix()
    return folders[0] if folders else None


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return next(csv.reader(file), [])


def _is_coco(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return all(f'"{key}"' in text for key in ("images", "annotations", "categories"))


def _image_folder(base: Path, labels: str) -> str:
    for candidate in IMAGE_FOLDERS:
        if (base / candidate).is_dir():
            return candidate
    for folder in dict.fromkeys((Path(labels).parent.as_posix(), ".")):
        if any(path.suffix.lower() in layout.IMAGE_SUFFIXES for path in (base / folder).iterdir()):
            return folder
    raise UserError(f"{base}: no folder of images found; name it {' or '.join(IMAGE_FOLDERS[:2])}")


def _bands(folder: Path) -> int:
    """The bands of the first image; 3 where it cannot be read, which `check-data` says."""
    first = next((path for path in sorted(folder.iterdir()) if path.suffix.lower() in layout.IMAGE_SUFFIXES), None)
    try:
        return 3 if first is None else pixels.bands_of(first)
    except UserError:
        return 3


def _classes(base: Path, images: str, labels: str) -> _Classes:
    if labels.endswith(".json"):
        return _Classes(coco.read(base / labels).class_names(), "from the categories")
    file, paths = base / "classes.txt", _mask_files(base, images, labels)
    example = next((path for path in paths if _mode(path)), None)  # the first that can be read
    lines = _class_lines(file) if file.is_file() else []
    if example is not None and _drawn_in_colours(example, lines):
        if not lines or not all(colour for _, colour in lines):
            raise UserError(
                f"{file}: gives no colour for every class, and {example} is drawn in colours; write a line `name red"
                f" green blue` for each class (colours in that mask: {sorted(_colours(example))[:20]})"
            )
        void = next((colour for name, colour in lines if name.lower() in VOID_NAMES), None)
        kept = [(name, colour) for name, colour in lines if colour and colour != void]
        return _Classes([n for n, _ in kept], "from classes.txt", [c for _, c in kept], void)
    if file.is_file():
        return _Classes([name for name, _ in lines], "from classes.txt")
    highest = max((_highest(path) for path in paths), default=0)
    names = ["background", *(f"class{i}" for i in range(1, max(highest, 1) + 1))]
    return _Classes(names, "from the highest mask value")


def _class_lines(file: Path) -> list[tuple[str, Colour | None]]:
    """Name and, where the line gives one, colour of each class; blanks in a name become underscores."""
    found: list[tuple[str, Colour | None]] = []
    for line in filter(None, (line.strip() for line in contents.text_of(file, "class names").splitlines())):
        match = re.fullmatch(r"(.+?)\s+(\d+)\s+(\d+)\s+(\d+)", line)
        name = match[1] if match else line
        colour = (int(match[2]), int(match[3]), int(match[4])) if match else None
        found.append((name.replace(" ", "_"), colour))
    return found


def _mask_files(base: Path, images: str, labels: str) -> list[Path]:
    """The mask files of the images, found with stand-ins for the classes."""
    stand_in = _source(
        base,
        name="set",
        images=images,
        masks=labels,
        classes=["a", "b"],
        colours=None,
        ignore=None,
        **dict.fromkeys(LIST_NAMES),
    )
    return [masks.file_of(item.mask) for item in contents.read(stand_in).items if item.mask is not None]


def _mode(path: Path) -> str | None:
    """Pillow's mode of a mask (P, L, RGB, ...), None where it cannot be read: `check-data` says why."""
    try:
        with opening.opened(path, opening.LOSSLESS, "a mask") as file:
            return file.mode
    except UserError:
        return None


def _drawn_in_colours(mask: Path, lines: list[tuple[str, Colour | None]]) -> bool:
    """Whether it is RGB, even with alpha (a fault), or a palette mask all of whose colours classes.txt gives."""
    mode = _mode(mask)
    return mode in ("RGB", "RGBA") or (mode == "P" and _colours(mask) <= {colour for _, colour in lines})


def _colours(mask: Path) -> set[Colour]:
    pixels = np.asarray(layout.read_image(mask)).reshape(-1, 3)
    return {(r, g, b) for r, g, b in np.unique(pixels, axis=0).tolist()}


def _highest(mask: Path) -> int:
    """The highest value of an index mask, 255 left out; 0 where it cannot be read."""
    try:
        values = np.unique(layout.read_mask(mask))
    except UserError:
        return 0
    return int(values[values != layout.IGNORE_INDEX].max(initial=0))
