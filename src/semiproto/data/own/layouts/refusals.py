"""Folders that cannot be read as they are, each with what to do about it."""

from __future__ import annotations

import re
import shlex
import tarfile
import zipfile
from collections import Counter
from itertools import combinations
from pathlib import Path

from semiproto.data import layout
from semiproto.data.own import masks
from semiproto.data.own.formats import yolo
from semiproto.data.own.formats.tools import unread
from semiproto.data.own.layouts.folder_names import FILES, IMAGE_FOLDERS, is_mask_folder
from semiproto.data.own.layouts.tree import Tree
from semiproto.data.own.names import fold, part_of_folders
from semiproto.errors import UserError

INTO_FOLDERS = r"""for f in *\\*; do d="${f//\\//}"; mkdir -p "$(dirname "$d")" && mv "$f" "$d"; done"""
"""For bash: a\\b.jpg becomes b.jpg in the folder a."""


def require_folder(base: Path) -> None:
    """UserError for an archive, which has to be unpacked, and for what is no folder."""
    kind = archive(base)
    if kind is not None:
        folder = base.with_name(re.sub(r"(\.tar)?\.\w+$", "", base.name) or f"{base.name}-files")
        command = f"python -m {kind} -e {shlex.quote(str(base))} {shlex.quote(str(folder))}"
        raise UserError(f"{base}: an archive, not a folder; unpack it: `{command}`, then name {folder}")
    if not base.is_dir():
        what = "not a folder" if base.exists() else "no such folder"
        raise UserError(f"{base}: {what}; name the folder of your images")


def archive(path: Path) -> str | None:
    """The module of Python that unpacks a file; None for what is no archive."""
    if not path.is_file():
        return None
    return "zipfile" if zipfile.is_zipfile(path) else "tarfile" if tarfile.is_tarfile(path) else None


def not_understood(tree: Tree) -> UserError:
    """Why no layout fits, and what to do."""
    base, wanted = tree.base, tree.wanted
    crossed = [path for path in tree.files if "\\" in path.name]
    if crossed:
        return UserError(
            f"{base}: {crossed[0].name} has backslashes in its name, as an archive made on Windows leaves; make folders"
            f" of them: `cd {shlex.quote(str(base))} && {INTO_FOLDERS}`"
        )
    if remedy := unread.remedy(base / path for path in tree.suffixed(*unread.SUFFIXES)):
        return UserError(remedy)
    archives = [path for path in tree.files if re.search(r"(?i)\.(zip|tar|tgz|tar\.\w+)$", path.name)]
    if archives and not tree.pictures:
        return UserError(f"{base / archives[0]}: is not unpacked; unpack it and name the folder that it makes")
    if twins := _twins(tree):
        first, second = twins
        return UserError(
            f"{base / first}: {second.name} beside it has the same name; if one is the mask of the other, put images"
            f" into a folder images and masks into a folder masks, or call each mask like {second.stem}_mask.png"
        )
    if alike := _alike(tree):
        return UserError(
            f"{base}: {alike[0]} and {alike[1]} have pictures of the same names, and neither is called like a folder of"
            f" images or masks; {_renaming(tree, alike)}"
        )
    if beside := _yolo_beside_images(tree):
        return UserError(
            f"{base / beside}: a label of YOLO beside its image; put the images into the folder images and the .txt"
            f" into the folder labels of {base}, with a data.yaml, e.g. `names: [cat, dog]`"
        )
    if not tree.pictures or (wanted is None and not tree.image_folders([])):
        return UserError(f"{base}: no folder of images found; name it {' or '.join(IMAGE_FOLDERS[:2])}")
    if wanted is not None:
        return UserError(f"{base}: nothing of the format {wanted} found; leave --format out, or name another")
    return UserError(
        f"{base}: no folder of masks found, nor a .csv of pairs (image,mask), a .json of COCO instances, or the files"
        f" of a labelling tool; name the folder {' or '.join(('SegmentationClass', 'masks'))}"
    )


def _twins(tree: Tree) -> tuple[Path, Path] | None:
    """Two pictures of one name in one folder, if most of its pictures come in such pairs."""
    for folder in tree.pictures:
        by_stem: dict[str, list[Path]] = {}
        for path in tree.inside(folder, *layout.IMAGE_SUFFIXES):
            by_stem.setdefault(fold(path.stem), []).append(path)
        pairs_of = [found for found in by_stem.values() if len(found) > 1]
        if 2 * len(pairs_of) > len(by_stem):
            first, second = sorted(pairs_of[0], key=lambda path: (path.suffix.lower() in masks.MASK_SUFFIXES, path))[:2]
            return first, second
    return None


def _yolo_beside_images(tree: Tree) -> Path | None:
    """A .txt of YOLO that is called like an image in the same folder."""
    images = {path.with_suffix("") for path in tree.suffixed(*layout.IMAGE_SUFFIXES)}
    texts = (path for path in tree.suffixed(".txt") if path.with_suffix("") in images)
    return next((path for path in texts if yolo.is_yolo(tree.base / path)), None)


def _alike(tree: Tree) -> tuple[Path, Path] | None:
    """Two folders whose pictures have names in common, of which none is called like one of images or masks."""
    if tree.image_roots or any(is_mask_folder(folder) for folder in tree.pictures):
        return None
    stems = {folder: {fold(path.stem) for path in tree.inside(folder, *FILES)} for folder in sorted(tree.pictures)}
    common = ((one, other) for one, other in combinations(stems, 2) if stems[one] & stems[other])
    return next(common, None)


def _renaming(tree: Tree, alike: tuple[Path, Path]) -> str:
    """How to rename two such folders, and where they are of a part of the set, those of the other parts likewise."""
    part_of_folder = {folder: part_of_folders(folder / "picture") for folder in tree.pictures}
    if part_of_folder[alike[0]] is None:
        return "rename the one with the images to images, and the one with the masks to masks"
    counts = Counter(part for part in part_of_folder.values() if part is not None)
    images, labels = (
        ", ".join(f"{name}/{part}" for part, count in counts.items() if count >= least)
        for name, least in (("images", 1), ("masks", 2))
    )
    return f"rename the folders with images to {images}, and those with masks to {labels}"
