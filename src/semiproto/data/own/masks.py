"""Masks of a user's own as class indices: index or palette PNGs, masks drawn in colours, COCO outlines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semiproto.data import layout
from semiproto.data.images import opening
from semiproto.data.own.faults import Fault, fault_of
from semiproto.data.own.formats import coco
from semiproto.errors import UserError
from semiproto.params import FolderSource

Mask = Path | coco.Outlines


@dataclass(frozen=True)
class Rules:
    """What the values of a mask mean. Passed to worker processes, so plain values only."""

    classes: int
    ignore: int | None
    colours: tuple[tuple[int, int, int, int], ...]
    """(red, green, blue, class index), void included; empty where mask values are class indices."""


def rules(source: FolderSource) -> Rules:
    """The rules that the dataset section states."""
    table = [(*colour, index) for index, colour in enumerate(source.colours or [])]
    if isinstance(source.ignore, list):
        table.append((*source.ignore, layout.IGNORE_INDEX))
    ignore = source.ignore if isinstance(source.ignore, int) else None
    return Rules(len(source.classes), ignore, tuple((r, g, b, index) for r, g, b, index in table))


def file_of(mask: Mask) -> Path:
    return mask if isinstance(mask, Path) else mask.file


def read(mask: Mask, size: tuple[int, int], rules: Rules) -> np.ndarray | Fault:
    """Class indices of an image of `size` (width, height), uint8 [height, width], void 255; or what is wrong."""
    try:
        if isinstance(mask, coco.Outlines):
            return _wrong_size(mask.file, (mask.width, mask.height), size, mask.image) or coco.draw(mask)
        values = _coloured(mask) if rules.colours else layout.read_mask(mask)
    except UserError as error:
        return fault_of("mask-unreadable", file_of(mask), error)
    shape = (values.shape[1], values.shape[0])
    return _wrong_size(mask, shape, size) or _indices(mask, values, rules)


def _wrong_size(path: Path, mine: tuple[int, int], image: tuple[int, int], name: str = "") -> Fault | None:
    if mine == image:
        return None
    found = f"{mine[0]}x{mine[1]} pixels, its image{name and ' ' + name} has {image[0]}x{image[1]}"
    return Fault("mask-size", str(path), found, "make the mask again at the image's size")


def _coloured(path: Path) -> np.ndarray:
    """Colours as numbers red * 65536 + green * 256 + blue, int64 [height, width]."""
    with opening.opened(path, opening.LOSSLESS, "a mask") as file:
        mode = file.mode
    if mode not in ("RGB", "P", "L", "1"):
        raise UserError(
            f"{path}: mode {mode} is not a mask of class colours; save it as an 8-bit RGB or palette PNG without alpha"
        )
    packed: np.ndarray = layout.read_image(path).astype(np.int64) @ np.array([65536, 256, 1])
    return packed


def _indices(path: Path, values: np.ndarray, rules: Rules) -> np.ndarray | Fault:
    """The class of each value or colour, or the first one that means no class."""
    known, classes = _meanings(rules)
    place = np.searchsorted(known, values).clip(max=len(known) - 1)
    strange = known[place] != values
    if not strange.any():
        indices: np.ndarray = classes[place]
        return indices
    row, column = np.argwhere(strange)[0].tolist()
    value, where = int(values[row, column]), f"first at row {row}, column {column}, {int(strange.sum())} such pixels"
    if rules.colours:
        colour = (value >> 16, value >> 8 & 255, value & 255)
        remedy = "give the colour in dataset.colours or dataset.ignore, or correct the mask"
        return Fault("mask-colour", str(path), f"colour {colour} is not a class ({where})", remedy)
    meaning = f"values 0 to {rules.classes - 1} are classes"
    if rules.ignore is not None:
        meaning += f", {rules.ignore} is void"
    found = f"value {value} is not a class ({where}; {meaning})"
    return Fault("mask-value", str(path), found, "correct the mask or the classes, or set dataset.ignore")


def _meanings(rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """All known values (or packed colours), ascending, and the class index of each; a void value is no class."""
    if rules.colours:
        meaning = {red * 65536 + green * 256 + blue: index for red, green, blue, index in rules.colours}
    else:
        meaning = {value: value for value in range(rules.classes)}
        if rules.ignore is not None:
            meaning[rules.ignore] = layout.IGNORE_INDEX
    known = sorted(meaning)
    return np.array(known), np.array([meaning[value] for value in known], np.uint8)
