"""Binary masks, a folder for each class: `masks/cat/photo.png`, or its name in that of the file: `photo_cat.png`.

Several masks of one image whose names hold no class, as `photo_mask.png` and `photo_mask_1.png`, are of the one class.

What is not zero is of the class, and of grey masks what is lighter than half. Where two classes share a pixel the
smaller is on top; what no mask covers is class 0.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from semiproto.data import layout
from semiproto.data.images import opening
from semiproto.data.own.faults import Fault
from semiproto.data.own.formats.outlines import Layers, Record, Stack, class_index, class_names
from semiproto.data.own.names import part_of, part_of_folders, unmasked
from semiproto.errors import UserError

NUMBER = re.compile(r"(?<=.)[-_ ]\d{1,3}$")
"""Of one of several masks."""
LABEL_BLANK = "[-_ ]"


def draw(mask: Layers) -> np.ndarray:
    """Class indices uint8 [height, width]; UserError where a mask cannot be read or the sizes differ."""
    drawn: Stack | None = None
    for index, path in mask.layers:
        shape = _covered(values(path))
        if drawn is None:
            drawn = Stack(*shape.shape)
        first = drawn.classes.shape
        if shape.shape != first:
            sizes = " and ".join(f"{s[1]}x{s[0]}" for s in (shape.shape, first))
            raise UserError(f"{path}: the masks of {mask.image} have different sizes, {sizes}; make them again")
        drawn.add(shape, index)
    if drawn is None:
        raise UserError(f"{mask.file}: no masks of {mask.image}; add one")
    return drawn.classes


def values(path: Path) -> np.ndarray:
    """The values of a binary mask, uint8 [height, width], 0 where it covers nothing, in colours and with alpha too.

    UserError where it has several colours beside black: it is no mask of one class.
    """
    with opening.opened(path, opening.LOSSLESS, "a mask") as file:
        shown = np.array(file.convert("RGBA")) if file.mode in ("RGB", "RGBA", "LA") else None
    if shown is None:
        return layout.read_mask(path)
    if shown[..., 3].min(initial=255) < 255:
        return shown[..., 3]
    found: np.ndarray = shown[..., :3].max(axis=2)
    grey = (shown[..., :3] == found[..., None]).all()
    if not grey and len(np.unique(shown[found > 0], axis=0)) > 1:
        raise UserError(f"{path}: has several colours, and a mask of one class is black and white; save it so")
    return found


def _covered(values: np.ndarray) -> np.ndarray:
    """Of values up to 255 the upper half, so that soft edges end in the middle; of small values all but zero."""
    covered: np.ndarray = values > (127 if values.max(initial=0) > 127 else 0)
    return covered


def class_folders(root: Path, files: Sequence[Path]) -> list[str]:
    """The names of the folders below `root` that hold masks, split names left out; empty where masks lie outside."""
    inner = {folder.relative_to(root).parts for folder in {path.parent for path in files}}
    named = {tuple(name for name in parts if part_of(name) is None) for parts in inner}
    return sorted({parts[0] for parts in named}) if all(len(parts) == 1 for parts in named) else []


def split_name(stem: str, classes: Sequence[str]) -> tuple[str, str]:
    """(class or "", the image's name) of a mask's stem, without words for a mask and numbers of masks."""
    kept = stem[: len(unmasked(stem))]
    for label in sorted(classes, key=len, reverse=True):
        ending = re.compile(
            rf"(?i)(?<=.)[-_. ]{LABEL_BLANK.join(map(re.escape, label.split('_')))}(?:[-_ ]?\d{{1,3}})?$"
        )
        if found := ending.search(kept):
            return label, kept[: found.start()]
    if kept != stem:
        return "", kept
    return "", NUMBER.sub("", stem)


def _without(folders: Sequence[str], label: str) -> list[str]:
    place = folders.index(label) if label in folders else len(folders)
    return [*folders[:place], *folders[place + 1 :]]


def names(root: Path, files: Sequence[Path]) -> list[str]:
    return class_names(class_folders(root, files), root)


def records(root: Path, files: Sequence[Path], base: Path, classes: Sequence[str]) -> tuple[list[Record], list[Fault]]:
    """The masks of each image, which they are named like."""
    named = {split_name(path.stem, classes[1:])[0] for path in files}
    of_one_class = len(classes) > 2 and len(named) == 1  # other folders have the other masks of the same images
    found: dict[str, list[tuple[int, Path]]] = defaultdict(list)
    parts: dict[str, str | None] = {}
    faults: dict[str, Fault] = {}
    for path in files:
        inner = path.relative_to(root).parts[:-1]
        label, stem = next((name for name in inner if part_of(name) is None), ""), path.stem
        place = root
        if not label and class_index(root.name, classes):
            label, place = root.name, root.parent
        elif not label:
            label, stem = split_name(path.stem, classes[1:])
            place = root.parent if of_one_class else root
            label = label or (classes[1] if len(classes) == 2 else "")
        index = class_index(label, classes)
        if index is None:
            remedy = "add it to dataset.classes, or move the folder away"
            faults[label] = Fault("label", str(path.parent), f"folder {label!r} is not named like a class", remedy)
            if not label:
                remedy = "rename it to its image's name, a line below, and a class, or move it away"
                faults[label] = Fault("label", str(path), "its name ends in no class", remedy)
            continue
        name = (place.relative_to(base) / Path(*_without(inner, label)) / stem).as_posix()
        found[name].append((index, path))
        parts[name] = part_of_folders(path.relative_to(base))
    records = [Record(name, Layers(root, name, tuple(layers)), parts[name], root) for name, layers in found.items()]
    return records, list(faults.values())


def joined(records: Sequence[Record]) -> list[Record]:
    """With the layers of one image together, which may come from several folders of `dataset.masks`."""
    found: dict[str, Record] = {}
    for record in records:
        known = found.setdefault(record.image, record)
        if known is not record and isinstance(known.mask, Layers) and isinstance(record.mask, Layers):
            layers = (*known.mask.layers, *record.mask.layers)
            found[record.image] = replace(known, mask=replace(known.mask, layers=layers))
    return list(found.values())
