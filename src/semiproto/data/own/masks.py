"""Masks of a user's own as class indices: files of values or colours, outlines, and layers of binary masks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from semiproto.data import layout
from semiproto.data.images import opening, pixels
from semiproto.data.images.pixels import RGB8
from semiproto.data.own.faults import Fault, fault_of
from semiproto.data.own.formats import outlines, per_class
from semiproto.data.own.formats.outlines import Layers, Outlines
from semiproto.errors import UserError, reason
from semiproto.params import MOST_CLASSES, VOID, FolderSource

Mask = Path | Outlines | Layers
Colour = tuple[int, int, int]
Palette = dict[int, Colour]
"""Red, green and blue by value."""
MASK_SUFFIXES = (".png", ".gif", ".bmp", ".tif", ".tiff", ".npy")
"""Suffixes of mask files, the best first where an image has several."""
LOSSY = (".jpg", ".jpeg", ".jfif", ".avif", ".heic")
"""Suffixes of pictures that do not keep values."""
LOSSY_REMEDY = "export the masks again as PNG, from the tool that drew them; converting them keeps the changed values"
SMEARED = 16
"""Different colours that are no class's from which a mask is taken for one that was compressed or smoothed."""
NEAR = 32
"""Grey levels in every channel within which a colour is taken for a changed one."""


@dataclass(frozen=True)
class Rules:
    """What the values of a mask mean. Passed to worker processes, so plain values only."""

    classes: int
    ignore: int | None
    colours: tuple[tuple[int, int, int, int], ...]
    """(red, green, blue, class index), void included; empty where mask values are class indices."""
    values: tuple[tuple[int, int, int], ...] = ()
    """(first value, last value, class index), void included; empty where mask values are class indices."""


def rules(source: FolderSource) -> Rules:
    """The rules that the dataset section states."""
    table = [(*colour, index) for index, colour in enumerate(source.colours or [])]
    if isinstance(source.ignore, list):
        table.append((*source.ignore, layout.IGNORE_INDEX))
    ignore = source.ignore if isinstance(source.ignore, int) else None
    colours = tuple((r, g, b, index) for r, g, b, index in table)
    return Rules(len(source.classes), ignore, colours, tuple(_ranges(source)))


def _ranges(source: FolderSource) -> list[tuple[int, int, int]]:
    """(first value, last value, class index) of each entry of `dataset.values`."""
    found = []
    for first, last, name in source.ranges():
        void = name.lower() in VOID and name not in source.classes
        found.append((first, last, layout.IGNORE_INDEX if void else source.classes.index(name)))
    return found


def file_of(mask: Mask) -> Path:
    return mask if isinstance(mask, Path) else mask.file


def read(mask: Mask, size: tuple[int, int], rules: Rules) -> np.ndarray | Fault:
    """Class indices of an image of `size` (width, height), uint8 [height, width], void 255; or what is wrong."""
    return read_with_palette(mask, size, rules)[0]


def read_with_palette(mask: Mask, size: tuple[int, int], rules: Rules) -> tuple[np.ndarray | Fault, Palette | None]:
    """`read`, and the colour of each value that a palette PNG uses; None for other masks and where colours are read."""
    palette: Palette | None = None
    try:
        if isinstance(mask, Outlines):
            mine = (mask.width, mask.height) if mask.width else size
            return _wrong_size(mask.file, mine, size, mask.image) or outlines.draw(mask, size), None
        if isinstance(mask, Layers):
            drawn = per_class.draw(mask)
            return _wrong_size(mask.layers[0][1], (drawn.shape[1], drawn.shape[0]), size) or drawn, None
        if rules.colours:
            found = _coloured(mask)
        else:
            found, palette = _values_and_palette(mask)
    except UserError as error:
        return fault_of("mask-unreadable", file_of(mask), error), None
    return _wrong_size(mask, (found.shape[1], found.shape[0]), size) or _indices(mask, found, rules), palette


def _values_and_palette(path: Path) -> tuple[np.ndarray, Palette | None]:
    if path.suffix.lower() == ".npy":
        return _array(path), None
    found, flat = layout.read_with_palette(path)
    if flat is None:
        return found, None
    used = np.flatnonzero(np.bincount(found.ravel())).tolist()
    return found, {value: (flat[3 * value], flat[3 * value + 1], flat[3 * value + 2])
                   for value in used if 3 * value + 2 < len(flat)}  # fmt: skip


def values(path: Path) -> np.ndarray:
    """The values of a mask file, integers of any width [height, width]."""
    return _array(path) if path.suffix.lower() == ".npy" else layout.read_with_palette(path)[0]


def _array(path: Path) -> np.ndarray:
    try:
        loaded: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)  # its header may claim anything
    except (OSError, ValueError, EOFError) as error:
        why = reason(error)
        raise UserError(f"{path}: cannot be read as a mask ({why}); save a two-dimensional array of integers") from None
    if loaded.ndim != 2 or loaded.dtype.kind not in "biu":
        raise UserError(
            f"{path}: an array of {loaded.dtype} {list(loaded.shape)}; save a two-dimensional array of integers"
        )
    opening.require_sides(path, loaded.shape[1], loaded.shape[0])
    signed = loaded.astype(np.int64)
    signed[signed == -1] = layout.IGNORE_INDEX  # labelme2voc's void, which its PNGs hold as 255
    return signed


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
    packed: np.ndarray = colours(path).astype(np.int64) @ np.array([65536, 256, 1])
    return packed


def colours(path: Path) -> np.ndarray:
    """The colours of a mask file, uint8 [height, width, 3]."""
    return pixels.to_bytes(path, pixels.decode(path, RGB8.bands, opening.LOSSLESS), RGB8)


def _indices(path: Path, values: np.ndarray, rules: Rules) -> np.ndarray | Fault:
    """The class of each value or colour, or the first one that means no class."""
    known, classes = _meanings(rules)
    place = np.minimum(np.searchsorted(known, values), len(known) - 1)
    strange = known[place] != values
    if not strange.any():
        indices: np.ndarray = classes[place]
        return indices
    row, column = np.argwhere(strange)[0].tolist()
    value, where = int(values[row, column]), f"first at row {row}, column {column}, {int(strange.sum())} such pixels"
    if rules.colours:
        colour = (value >> 16, value >> 8 & 255, value & 255)
        remedy = "give the colour in dataset.colours or dataset.ignore, or correct the mask"
        if _changed(values[strange], known):
            where += "; most of them are near the colour of a class, as a JPEG or smoothing leaves them"
            remedy = LOSSY_REMEDY
        return Fault("mask-colour", str(path), f"colour {colour} is not a class ({where})", remedy)
    meaning = "values in dataset.values are classes" if rules.values else f"values 0 to {rules.classes - 1} are classes"
    if rules.ignore is not None:
        meaning += f", {rules.ignore} is void"
    found = f"value {value} is not a class ({where}; {meaning})"
    remedy = f"correct the mask or the classes, or say what it means in dataset.values, e.g. `{value}: void`"
    if value > layout.IGNORE_INDEX and not rules.values:
        remedy += f"; prepared masks have 8 bits, so merge rare classes where there are more than {MOST_CLASSES}"
    if value == rules.classes and not rules.values:
        remedy += "; where classes begin at 1, give them all there: `{0: void, 1: ...}`"
    return Fault("mask-value", str(path), found, remedy)


def near_values(path: Path) -> str:
    """In words, around which values or colours those of a lossy picture lie; empty where there is nothing to say."""
    try:
        shown = pixels.to_bytes(path, pixels.decode(path, RGB8.bands), RGB8).reshape(-1, 3)
    except UserError:
        return ""
    left, counts = np.unique(shown, axis=0, return_counts=True)
    different = len(left)
    centres: list[tuple[int, ...]] = []
    order = np.argsort(-counts, kind="stable")
    left, counts = left[order].astype(int), counts[order]
    while len(left) and len(centres) < layout.IGNORE_INDEX:
        inside = np.abs(left - left[0]).max(axis=1) <= NEAR
        if 100 * counts[inside].sum() >= len(shown):
            centres.append(tuple(left[0].tolist()))
        left, counts = left[~inside], counts[~inside]
    if different <= len(centres):
        return ""
    words = (str(one[0] if len(set(one)) == 1 else one) for one in sorted(centres))
    return f", and its {different} different ones lie around {', '.join(words)}"


def _changed(strange: np.ndarray, known: np.ndarray) -> bool:
    """Whether most of the colours that are no class's are near one that is: compression and smoothing make such."""
    sample = np.unique(strange)
    if len(sample) < SMEARED:
        return False
    sample = sample[:: max(1, len(sample) // 1000)]
    some, classes = (np.stack([v >> 16, v >> 8 & 255, v & 255], axis=-1) for v in (sample, known))
    distance = np.abs(some[:, None] - classes[None]).max(axis=-1).min(axis=1)
    return bool((distance <= NEAR).mean() > 0.5)


@cache  # a set has few rules and many masks
def _meanings(rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """All known values (or packed colours), ascending, and the class index of each; a void value is no class."""
    if rules.colours:
        meaning = {red * 65536 + green * 256 + blue: index for red, green, blue, index in rules.colours}
    else:
        meaning = {} if rules.values else {value: value for value in range(rules.classes)}
        if rules.ignore is not None:
            meaning[rules.ignore] = layout.IGNORE_INDEX
        meaning |= {value: index for first, last, index in rules.values for value in range(first, last + 1)}
    known = sorted(meaning)
    return np.array(known), np.array([meaning[value] for value in known], np.uint8)
