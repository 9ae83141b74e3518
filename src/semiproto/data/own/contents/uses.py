"""What every file of a user's folder is used as, or why it is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from semiproto.data import layout
from semiproto.data.own import account
from semiproto.data.own.account import PASSED_OVER
from semiproto.data.own.contents.folder import Folder
from semiproto.data.own.contents.found import Found
from semiproto.data.own.contents.images import UNREAD_SUFFIXES, is_mask_beside
from semiproto.data.own.formats import class_files, lists, readers, yolo
from semiproto.data.own.formats.coco import Segment
from semiproto.data.own.formats.outlines import Layers
from semiproto.data.own.formats.tools import supervisely
from semiproto.data.own.masks import MASK_SUFFIXES, Mask
from semiproto.data.own.names import TEST, part_of, part_of_folders

LISTS, PAIRS = "lists of images", "annotations (pairs)"
OTHER_FOLDS = f"{PASSED_OVER}lists of other folds"
OTHER_MASKS = f"{PASSED_OVER}masks of images that are not used as labelled"
IMAGES = {"train": "labelled training images", "val": "validation images", "unlabeled": "unlabelled images"}


def tell(found: Found, parts: Mapping[Path, str]) -> None:
    """Notes the use of every file that has none yet. parts: of the images that the set has."""
    named = _are_named(found.folder)
    for path in found.images:
        part = parts.get(path)
        found.uses[path] = IMAGES[part] if part else PASSED_OVER + _why_left_out(found, path)
        if part == "unlabeled" and named and path not in found.named:
            found.uses[path] = "unlabelled images, which no list, table or annotation file names"
    for image, mask in found.masks.items():
        used = parts.get(image) in ("train", "val")
        for file in files_of(mask):
            if file.suffix.lower() in MASK_SUFFIXES:
                kind = "masks" if file.suffix.lower() == ".png" else f"masks ({file.suffix})"
                found.uses[file] = kind if used else OTHER_MASKS
    for path in found.unnamed.values():
        found.uses.setdefault(path, OTHER_MASKS)
    for path in found.folder.files:
        if path not in found.uses:
            found.uses[path] = _other(found.folder, path)


def may_list(path: Path) -> bool:
    """Whether a file may be a list; without a suffix, only one that is called after a part."""
    suffix = path.suffix.lower()
    return suffix in lists.SUFFIXES or (not suffix and part_of(path.stem) is not None)


def _are_named(folder: Folder) -> bool:
    """Whether lists, tables or annotation files of many images say which images are used."""
    by_files = folder.format == "pairs" or folder.format in readers.OF_MANY_IMAGES
    return by_files or bool(folder.source.train_list or folder.source.validation_list)


def _why_left_out(found: Found, path: Path) -> str:
    part = found.parts.get(path)
    if path in found.test:
        return "test images, left out of everything"
    if path not in found.masks and part == "val":
        return "validation images without a mask"
    if (path in found.masks or path in found.unnamed) and part != "val":
        return "images with masks that no list or table names"
    return "images that no list names"


def files_of(mask: Mask) -> list[Path]:
    """The files that a mask's pixels are in."""
    if isinstance(mask, Path):
        return [mask]
    if isinstance(mask, Layers):
        return [path for _, path in mask.layers]
    return list({shape.png for _, _, shape in mask.instances if isinstance(shape, Segment)})


def _other(folder: Folder, path: Path) -> str:
    relative = path.relative_to(folder.base)
    of_tool = path.name.lower() in yolo.DESCRIPTIONS or (
        folder.format == "supervisely" and path.name == supervisely.META
    )
    if of_tool or class_files.is_one(path):
        return "class names"
    if path.suffix.lower() in (*layout.IMAGE_SUFFIXES, *UNREAD_SUFFIXES, *MASK_SUFFIXES):
        place = f"{relative.parts[0]}/" if len(relative.parts) > 1 else "the folder itself"
        if part_of_folders(relative) == TEST:
            return f"{PASSED_OVER}test images, left out of everything"
        if is_mask_beside(folder, path):
            return f"{PASSED_OVER}pictures that are called like masks of the images beside them"
        return f"{PASSED_OVER}pictures in {place}, which is neither in dataset.images nor in dataset.masks"
    if path.suffix.lower() == ".json" and (task := folder.said(path).task) is not None:
        return f"{PASSED_OVER}COCO's {task}, which are no masks"
    if may_list(path) and part_of(path.stem) is not None:
        return f"{PASSED_OVER}lists that the parameters do not name"
    return f"{PASSED_OVER}other files ({account.kind_of(path)})"
