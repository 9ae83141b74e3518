"""Binary masks of one class or object each: in a folder for each class or image, or with the class in their names."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from semiproto.data import layout
from semiproto.data.own import values
from semiproto.data.own.formats import class_files, instances, outlines, per_class, readers
from semiproto.data.own.layouts.layout import Layout
from semiproto.data.own.layouts.tree import Tree
from semiproto.data.own.names import (
    FURTHER_PICTURES,
    MASK_WORDS,
    bare,
    fold,
    main_encoding,
    part_of,
    unimaged,
    unmasked,
)

BY_FOLDER = ("a folder of masks per class", "from their folders")

BY_NAME = ("several masks of one image", "from the names of the masks")

NAMELESS = (BY_NAME[0], "since nothing names them")
"""Layouts, and where the names of classes are from."""


def masks_per_class(tree: Tree) -> Layout | None:
    """Masks of one class each, which their folders or names say."""
    roots, pictured = tree.mask_roots(tree.mask_files) or beside_images(tree), list[Path]()
    if names := classes_by_folder(tree, roots):
        how = BY_FOLDER
    elif names := classes_by_name(tree, roots):
        how = NAMELESS if names == [values.OBJECT] else BY_NAME
    elif roots:
        return None
    elif roots := _class_roots(tree):
        names, how = sorted({root.name for root in roots}), BY_FOLDER
    else:
        roots, pictured = _named_apart(tree)
        names, how = classes_by_name(tree, roots), BY_NAME
    images = [root.as_posix() for root in roots if tree.pictures[root]] if roots == beside_images(tree) else []
    images = images or [folder.as_posix() for folder in pictured] or tree.image_folders(roots)
    if not names or not images:
        return None
    labels, (tool, why) = [root.as_posix() for root in roots], how
    note = "of two masks that share a pixel the smaller is on top; pixels that no mask covers are background"
    return Layout(tool, "per-class", images, labels, outlines.class_names(names, tree.base), why, notes=[note])


def folder_per_image(tree: Tree) -> Layout | None:
    """A folder for each image, with masks of its objects."""
    if not instances.is_layout(tree.folders):
        return None
    tops = sorted({(folder.parts[0] if len(folder.parts) > 2 else ".") for folder in tree.pictures})
    masked = [top for top in tops if any(folder.is_relative_to(top) for folder in instances.folders(tree.folders))]
    names = list(instances.NAMES)
    note = "the masks of all objects of an image are one class; pixels that none covers are background"
    tool = "a folder per image with masks of its objects"
    return Layout(tool, "instances", tops, masked, names, NAMELESS[1], notes=[note])


def _class_roots(tree: Tree) -> list[Path]:
    """Folders beside that of the images, two or more, with binary masks that are called like the images."""
    outside = tree.outside(tree.image_roots, *readers.MASKS)
    stems = {fold(path.stem) for path in tree.below(tree.image_roots, *layout.IMAGE_SUFFIXES)}
    strange = {path.parent for path in outside if fold(path.stem) not in stems}
    kept = [path for path in outside if path.parent not in strange and part_of(path.parent.name) is None]
    folders = sorted({path.parent for path in kept})
    sample = [tree.base / path for path in kept[:: max(1, len(kept) // 20)]]
    several = len({folder.name for folder in folders}) > 1 and Path() not in folders
    return folders if several and all(map(_is_binary, sample)) else []


def _named_apart(tree: Tree) -> tuple[list[Path], list[Path]]:
    """Folders of any name whose masks are called like images elsewhere with more behind, and those of the images."""
    stems: dict[Path, set[str]] = {}
    for path in tree.suffixed(*layout.IMAGE_SUFFIXES, *readers.MASKS):
        stems.setdefault(path.parent, set()).add(fold(path.stem))
    known = set().union(*stems.values())
    labels: dict[Path, set[str]] = {}
    for folder in (folder for folder in stems if tree.mask_files[folder]):
        behind = {stem: _behind(stem, known, whole=False) for stem in stems[folder]}
        if all(behind.values()):
            labels[folder] = {stem[: -len(text) - 1] for stem, text in behind.items() if text}
    wanted = set().union(*labels.values())
    return sorted(labels), sorted(folder for folder, found in stems.items() if folder not in labels and found & wanted)


def beside_images(tree: Tree) -> list[Path]:
    """Folders where at least half of the images have a picture beside them that is called like their mask."""
    found = []
    for folder in sorted(tree.pictures):
        stems = [path.stem for path in tree.inside(folder, *layout.IMAGE_SUFFIXES)]
        plain = {form(stem) for stem in stems for form in (fold, unimaged)}
        masked = [stem for stem in stems if unmasked(stem) != fold(stem) and unmasked(stem) in plain]
        images = {*stems} - {*masked, *filter(FURTHER_PICTURES.search, stems)}
        if masked and 2 * len(masked) >= len(images):
            found.append(folder)
    if not found:
        return []
    return [*found, *(folder for folder in tree.split_folders(found) if folder not in found)]


def classes_by_name(tree: Tree, roots: list[Path]) -> list[str]:
    """The classes in the names of binary masks of which an image has several; empty where there are none such.

    A mask is called like its image, with a class or a number behind: `photo_cat.png`, `photo_mask_1.png`.
    """
    pictures = tree.outside(roots, *layout.IMAGE_SUFFIXES)
    files = tree.below(roots, *readers.MASKS)
    if not pictures:  # they lie beside their masks
        pictures = [path for path in files if unmasked(path.stem) == fold(path.stem)]
        files = [path for path in files if unmasked(path.stem) != fold(path.stem)]
    stems = {fold(path.stem) for path in pictures}
    if any(fold(path.stem) in stems for path in files) or main_encoding(path.stem for path in files):
        return []  # as in most sets, or by their names they are of all classes
    behind = {path: text for path in files if (text := _behind(path.stem, stems)) is not None}
    masks_of = Counter(path.stem.removesuffix(text) for path, text in behind.items())
    names = {_class_in(text) for text in behind.values()}
    if not all(behind.values()) or max(masks_of.values(), default=0) < 2 or (len(names) > 1 and "" in names):
        return []
    sample = [tree.base / path for path in sorted(behind)[:: max(1, len(behind) // 20)]]
    return sorted(name or values.OBJECT for name in names) if all(map(_is_binary, sample)) else []


def _behind(stem: str, images: set[str], *, whole: bool = True) -> str | None:
    """What stands in a mask's stem behind the longest of the images' stems that it begins with; None without one.

    whole: an image's stem may be all of it.
    """
    cuts = [match.start() for match in reversed([*re.finditer(r"[-_. ]", stem)])]
    cuts = [len(stem), *cuts] if whole else cuts
    place = next((cut for cut in cuts if fold(stem[:cut]) in images), None)
    return None if place is None else stem[place + 1 :]


def _class_in(text: str) -> str:
    """The name of a class in what stands behind an image's: without words for a mask and numbers."""
    return "_".join(word for word in re.split(r"[-_. ]+", text) if not re.fullmatch(rf"(?i)\d*|{MASK_WORDS}", word))


def _is_binary(mask: Path) -> bool:
    found = values.tally([mask], per_class.values)
    return found.total > 0 and (len(found.seen()) <= 2 or values.meaning(found, None).ignore is None)


def classes_by_folder(tree: Tree, roots: list[Path]) -> list[str]:
    """The classes of folders of binary masks below the roots; empty where masks are not kept by class."""
    below = {root: tree.below([root], *readers.MASKS) for root in roots}
    by_root = [per_class.class_folders(root, files) for root, files in below.items()]
    if not by_root or not all(by_root):
        return []
    folders = sorted({name for found in by_root for name in found})
    files = [path for found in below.values() for path in found]
    sample = [tree.base / path for path in files[:: max(1, len(files) // 20)]]
    binary = all(map(_is_binary, sample))
    masks_of_classes = set(files)
    pictures = [path for path in tree.suffixed(*layout.IMAGE_SUFFIXES) if path not in masks_of_classes]
    images = {bare(path.stem) for path in pictures}
    several = any(
        count > 1 and bare(stem) in images
        for found in below.values()
        for stem, count in _masks_of(found, folders).items()
    )
    named = {fold(name) for name in folders} & {fold(name) for name in _known_names(tree)}
    of_images = {part for path in pictures for part in path.parts}  # images may lie in the same folders as their masks
    apart = len(folders) > 1 and not set(folders) & of_images
    return folders if binary and (several or named or apart) else []


def _masks_of(files: list[Path], folders: list[str]) -> Counter[str]:
    """The number of classes that have a mask of each stem."""
    return Counter(stem for stem, _ in {(path.stem, part) for path in files for part in path.parts if part in folders})


def _known_names(tree: Tree) -> list[str]:
    table = class_files.find([tree.base])
    return table.names if table else []
