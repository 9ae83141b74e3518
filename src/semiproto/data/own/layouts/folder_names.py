"""What people call folders of images and of masks."""

from __future__ import annotations

import re
from pathlib import Path

from semiproto.data import layout
from semiproto.data.own import masks
from semiproto.data.own.names import fold, part_of, words_of

IMAGE_FOLDERS = (
    *("JPEGImages", "images", "imgs", "image", "img", "img_dir", "photos", "leftImg8bit", "image_2"),
    *("Bilder", "Bild", "Fotos"),
)

MASK_FOLDERS = (
    *("SegmentationClass", "SegmentationClassPNG", "masks", "labels", "annotations", "mask", "label", "annotation"),
    *("ann_dir", "annot", "gt", "gtFine", "ground_truth", "gtCoarse", "segmentation", "segmentations"),
    *("SegmentationClassAug", "stuffthingmaps", "stuffthingmaps_trainval2017", "semantic", "Masken", "Maske"),
)
"""Names of folders of masks, the likeliest first. Split names beside them (train_masks, labelsTr) do not matter."""
IMAGE_HINTS = {"image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "originals", "frames"}
MASK_HINTS = {"mask", "masks", "label", "labels", "annotation", "annotations", "segmentation", "gt", "groundtruth"}
"""Words in names of folders, where none is called as above: original_images, label_images_semantic."""
FILES = (*layout.IMAGE_SUFFIXES, *masks.MASK_SUFFIXES)
"""Suffixes that may be part of a folder's name, as in masks_png."""


def role(name: str) -> str:
    """A folder's name, folded, without words for a part or kind of file: train_masks, masks_png are masks."""
    words = words_of(name)
    rest = [word for word in words if part_of(word) is None and f".{word}" not in FILES]
    return "".join(rest) if len(rest) < len(words) else fold(name)


def folded(names: tuple[str, ...]) -> list[str]:
    return [re.sub(r"[^a-z0-9]", "", fold(name)) for name in names] + [fold(name) for name in names]


def named(folder: Path, known: tuple[str, ...]) -> list[Path]:
    """The folder and those above it whose name is one of the known ones, the uppermost first."""
    above = [Path(*folder.parts[:depth]) for depth in range(1, len(folder.parts) + 1)]
    return [path for path in above if role(path.name) in folded(known)]


def is_mask_folder(folder: Path) -> bool:
    return any(role(part) in folded(MASK_FOLDERS) for part in folder.parts)


def is_below(path: Path, folders: list[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
