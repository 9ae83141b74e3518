"""Cityscapes' fine annotations as a prepared set, from the two archives that a registered user downloads.

An id is what the names of an image and its mask share, e.g. hamburg_000000_080169. Of the 34 kinds of object, label ids
0 to 33, 19 are the classes of the benchmark; the others are void.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from semiproto.data import layout
from semiproto.data.published.catalog import Dataset
from semiproto.data.published.download import Access
from semiproto.data.published.voc import Example, Published, gather, require_known, unpacked, write_set
from semiproto.errors import UserError

IMAGE_END, MASK_END = "_leftImg8bit.png", "_gtFine_labelIds.png"
LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""The label id of each class, in the order of the classes (the "trainId" of cityscapesScripts)."""

_CLASS = np.full(256, layout.IGNORE_INDEX, dtype=np.uint8)
_CLASS[list(LABEL_IDS)] = np.arange(len(LABEL_IDS))
_KNOWN = np.arange(256) <= 33


def prepare(root: Path, dataset: Dataset, downloads: Path, access: Access) -> None:
    """Makes the set below `root` (which exists) from the archives in `downloads`; UserError says how to get them."""
    published, files = gather(dataset, downloads, access, read_list)
    with unpacked(root, files, wanted) as (images, masks):
        convert(root, images, masks, published, dataset)


def wanted(name: str) -> bool:
    """Whether a member of one of the archives is needed: images and label ids of the training and validation parts."""
    return name.endswith((IMAGE_END, MASK_END)) and name.split("/")[1:2] in (["train"], ["val"])


def convert(root: Path, images: Path, masks: Path, published: Published, dataset: Dataset) -> None:
    """Makes the set below `root` from the unpacked archives (folders with leftImg8bit and gtFine); moves the images."""
    parts = {part: _examples(images / "leftImg8bit" / part, masks / "gtFine" / part) for part in ("train", "val")}
    parts["unlabeled"] = {}
    write_set(root, dataset, parts, published, read_mask)


def _examples(images: Path, masks: Path) -> dict[str, Example]:
    found = {}
    for path in sorted(images.glob(f"*/*{IMAGE_END}")):
        image_id = layout.check_id(path.name.removesuffix(IMAGE_END), str(path))
        found[image_id] = Example(path, masks / path.parent.name / f"{image_id}{MASK_END}")
    return found


def read_mask(path: Path) -> np.ndarray:
    """Class indices uint8 [height, width], void 255, of a mask of label ids."""
    label_ids = layout.read_mask(path)
    require_known(path, label_ids, _KNOWN, "label ids are 0 to 33; 255 occurs in masks of train ids only")
    classes: np.ndarray = _CLASS[label_ids]
    return classes


def read_list(path: Path) -> list[str]:
    """The ids of a published list, whose lines are paths of images; UserError on a bad or repeated line."""
    ids: dict[str, int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        image_id = id_of(line.strip(), f"{path}, line {number}")
        if image_id in ids:
            raise UserError(f"{path}, line {number}: image {image_id!r} is also on line {ids[image_id]}; remove one")
        ids[image_id] = number
    return list(ids)


def id_of(line: str, where: str) -> str:
    """The id in `leftImg8bit/<part>/<city>/<id>_leftImg8bit.png`; UserError names `where` any other line stood."""
    parts = PurePosixPath(line).parts
    if len(parts) != 4 or parts[0] != "leftImg8bit" or parts[1] not in ("train", "val"):
        raise UserError(f"{where}: {line[:100]!r} is not leftImg8bit/<train or val>/<city>/<image>; correct the line")
    image_id = layout.check_id(parts[3].removesuffix(IMAGE_END), where)
    if not (parts[3].endswith(IMAGE_END) and image_id.startswith(f"{parts[2]}_")):
        raise UserError(f"{where}: {line[:100]!r} does not end in <city>_..{IMAGE_END}; correct the line")
    return image_id
