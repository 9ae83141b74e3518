"""The classes of masks that are files: from a file that names them, and from the values or colours of the masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from semiproto.data import layout
from semiproto.data.images import opening
from semiproto.data.own import masks, values
from semiproto.data.own.contents import contents
from semiproto.data.own.formats import class_files, published
from semiproto.data.own.formats.class_files import ClassTable, Colour
from semiproto.data.own.layouts.folder_names import is_below
from semiproto.data.own.layouts.layout import UNSEEN, Layout
from semiproto.data.own.layouts.tree import Tree
from semiproto.data.own.names import TEST, encoding_of, fold, main_encoding, numbered, part_of_folders, unmasked
from semiproto.errors import UserError

OF_OBJECTS = "write classes.txt with the two lines background and object, then run init again"
OF_CLASSES = "if they are classes, write classes.txt with the name of each, then run init again"
SAMPLE = 200
"""Masks whose values are looked at where a file names the classes."""


def with_classes(tree: Tree, found: Layout) -> Layout:
    """The layout with the classes of its mask files, from a file that names them and from the masks themselves."""
    labels, images = ([tree.base / name for name in names] for names in (found.masks, found.images))
    around = [tree.base / folder for folder in class_files.folders(tree.folders)]
    table = class_files.find(class_files.places(tree.base, labels, images, around))
    paths = _mask_paths(tree, found)
    example = _drawn_in_colours(paths[:: max(1, len(paths) // SAMPLE)], table)
    if example is not None:
        _take_colours(tree.base, found, table, example)
        drawn = zip(found.names, found.colours or [], strict=True)
        _leave_out_unseen(found, {name: {colour} for name, colour in drawn}, paths, colours_in)
    elif table is not None and _says_values(table):
        _take_values(found, published.of_coco_stuff(table, paths[:: max(1, len(paths) // SAMPLE)]))
        _leave_out_unseen(found, _values_of(found), paths, _values)
    else:
        encoding = None
        if table is None:
            encoding = published.of_folders(labels) or main_encoding(path.stem for path in paths)
        _look_at_values(found, table, encoding, paths)
    return found


def _says_values(table: ClassTable) -> bool:
    """Whether a file of class names says more of mask values than that they count its lines."""
    if table.values is None:
        return False
    numbered = table.values == list(range(len(table.names)))
    return not numbered or bool(table.note) or any(map(class_files.is_void, table.names))


def _take_values(found: Layout, table: ClassTable) -> None:
    keys = [str(value) for value in table.values or []]
    found.names = [name for name in table.names if not class_files.is_void(name)]
    if table.note:  # regions of several values
        found.notes.append(table.note)
        found.names = list(dict.fromkeys(found.names))
    found.values = dict(zip(keys, table.names, strict=True))
    if "0" not in keys:
        found.values = {"0": "void"} | found.values
    found.why = f"from {table.file.name}"


def _look_at_values(found: Layout, table: ClassTable | None, encoding: str | None, paths: list[Path]) -> None:
    """Takes the classes from the values of the masks, and their names from the file that has them or the data set that
    is known by the encoding."""
    names, why = (table.names, f"from {table.file.name}") if table else (None, "")
    complete, sample = len(paths) <= SAMPLE, paths
    if (table is not None or encoding is not None) and not complete:
        sample = paths[:: len(paths) // SAMPLE]  # check-data reads all of them and names those that do not fit
    seen = values.tally(sample)
    of_set = published.meaning(encoding, seen, complete=complete)
    meant = of_set or _of_objects(found, seen, sample, names, why) or values.meaning(seen, names, why)
    found.names, found.why, found.values, found.ignore = meant.names, meant.why, meant.values, meant.ignore
    if table is not None:
        keys = {name: own for name, own in _values_of(found).items() if not own & set(seen.seen())}
        _leave_out_unseen(found, keys, [] if complete else paths, _values)


def _values_of(found: Layout) -> dict[str, set[int]]:
    """The mask values of each class."""
    if found.values is None:
        return {name: {value} for value, name in enumerate(found.names)}
    meant: dict[str, set[int]] = {name: set() for name in found.names}
    for key, name in found.values.items():
        first, _, last = key.partition("-")
        if name in meant:
            meant[name].update(range(int(first), int(last or first) + 1))
    return meant


def _values(mask: Path) -> set[int]:
    seen: set[int] = set(np.unique(masks.values(mask)).tolist())
    return seen


def _leave_out_unseen(
    found: Layout, keys: Mapping[str, set[Any]], paths: list[Path], shown: Callable[[Path], set[Any]]
) -> None:
    """Leaves out the classes that no mask shows: what a model predicts seldom has all of them, and no training can
    learn one from nothing. keys: the values or colours of each class; masks are looked at until each has been seen."""
    left = dict(keys)
    for path in paths:
        if not left:
            return
        try:
            here = shown(path)
        except UserError:  # check-data says why
            continue
        left = {name: own for name, own in left.items() if not own & here}
    if not left or len(found.names) - len(left) < 2:
        return
    found.notes.append(f"{UNSEEN}: {', '.join(left)}")
    if found.colours:
        kept = [(name, colour) for name, colour in zip(found.names, found.colours, strict=True) if name not in left]
        found.names, found.colours = [name for name, _ in kept], [colour for _, colour in kept]
        return
    table = found.values or {str(value): name for value, name in enumerate(found.names)}
    found.names = [name for name in found.names if name not in left]
    meant = {key: name for key, name in table.items() if name not in left}
    found.values = None if meant == {str(value): name for value, name in enumerate(found.names)} else meant


def _of_objects(
    found: Layout, seen: values.Tally, paths: list[Path], names: list[str] | None, why: str
) -> values.Meaning | None:
    """The meaning of masks that number the objects of each image; None where their values are taken for classes."""
    may_be = names is None or (len(names) == 2 and not set(seen.seen()) <= {0, 1, layout.IGNORE_INDEX})
    if not may_be or not values.number_objects(seen, paths):
        return None
    fewest, most = (choose(number for number in seen.objects if number) for choose in (min, max))
    like = f"the masks have the values 1 to {fewest}, ... and 1 to {most}, each one region"
    if names is None and not values.surely(seen):
        found.notes.append(f"values are taken for classes, but {like}: if they number objects, {OF_OBJECTS}")
        return None
    meant = values.objects(seen, names, why)
    found.notes.append(
        f"mask values number the objects of each image, which are all {meant.names[1]}: {like}"
        + ("" if names else f"; {OF_CLASSES}")
    )
    return meant


def _mask_paths(tree: Tree, found: Layout) -> list[Path]:
    """The mask files of the images; of a table of pairs, read with stand-ins for the classes."""
    base = tree.base
    if found.format == "pairs":
        stand_in = replace(found, names=["a", "b"], ignore=None).section(base, "set")
        return [item.mask for item in contents.read(stand_in).items if isinstance(item.mask, Path)]
    beside = found.images == found.masks
    roots = [Path(name) for name in found.masks]
    folders = [folder for folder in tree.mask_files if is_below(folder, roots)]
    places = [folder for folder in tree.pictures if beside or folder not in folders]
    stems = {numbered(path.stem) for folder in places for path in tree.inside(folder, *layout.IMAGE_SUFFIXES)}
    files = [path for folder in sorted(folders) for path in tree.inside(folder, *masks.MASK_SUFFIXES)]
    named = [path for path in files if not beside or unmasked(path.stem) != fold(path.stem)]
    if (encoding := main_encoding(path.stem for path in named)) is not None:
        named = [path for path in named if encoding_of(path.stem) == encoding]
    masked = [path for path in named if numbered(path.name) in stems or numbered(path.stem) in stems]
    test = {folder for folder in folders if part_of_folders(folder / "mask") == TEST}
    kept = [path for path in masked if path.parent not in test] or masked  # those of test images may be empty
    return [base / path for path in kept]


def _take_colours(base: Path, found: Layout, table: ClassTable | None, example: Path) -> None:
    if table is None or not table.drawn():
        raise UserError(
            f"{base / 'classes.txt'}: gives no colour for every class, and {example} is drawn in colours; write a line"
            f" `name red green blue` for each class (colours in that mask: {sorted(colours_in(example))[:20]})"
        )
    rows = list(zip(table.names, table.colours, strict=True))
    found.void = next((colour for name, colour in rows if class_files.is_void(name)), None)
    kept = [(name, colour) for name, colour in rows if colour and not class_files.is_void(name)]
    found.names, found.colours = [name for name, _ in kept], [colour for _, colour in kept]
    found.why = f"from {table.file.name}"


def mode(path: Path) -> str | None:
    """Pillow's mode of a mask (P, L, RGB, ...), None where it cannot be read: `check-data` says why."""
    try:
        with opening.opened(path, opening.LOSSLESS, "a mask") as file:
            return file.mode
    except UserError:
        return None


def _drawn_in_colours(paths: list[Path], table: ClassTable | None) -> Path | None:
    """The first mask that is RGB, even with alpha (a fault), and not grey; or a palette mask where all colours of such
    masks are those of the table. None where the values of the masks mean something."""
    known: set[Colour | None] = {*table.colours} if table else set()
    modes = {path: mode(path) for path in paths}
    shown = {path: colours_in(path) for path, mode in modes.items() if mode in ("RGB", "RGBA", "P")}
    palettes = [path for path in shown if modes[path] == "P"]
    others = (path for path in shown if modes[path] != "P")
    first = next((path for path in others if shown[path] <= known or any(len({*one}) > 1 for one in shown[path])), None)
    if first is None and all(shown[path] <= known for path in palettes):
        return next(iter(palettes), None)
    return first


def colours_in(mask: Path) -> set[Colour]:
    found = masks.colours(mask).reshape(-1, 3)
    return {(r, g, b) for r, g, b in np.unique(found, axis=0).tolist()}
