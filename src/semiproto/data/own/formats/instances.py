"""A folder for each image with a binary mask of each object: `ID/images/ID.png` and `ID/masks/*.png`.

That is how the nuclei of the Data Science Bowl 2018 are kept. All objects are of one class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from semiproto.data.layout import IMAGE_SUFFIXES
from semiproto.data.own.formats.outlines import Layers, Record
from semiproto.data.own.names import fold, part_of_folders

IMAGES, MASKS = "images", "masks"
NAMES = ("background", "object")


def grouped(files: Iterable[Path]) -> dict[Path, list[Path]]:
    """The files by the folder that they lie in."""
    found: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        found[path.parent].append(path)
    return found


def folders(files: Mapping[Path, Sequence[Path]]) -> dict[Path, tuple[Path, list[Path]]]:
    """By folder of an image, the image and the masks of its objects; folders with several images are left out.

    files: of each folder.
    """
    inside: dict[Path, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for folder, found in files.items():
        if fold(folder.name) in (IMAGES, MASKS):
            pictures = [path for path in found if path.suffix.lower() in IMAGE_SUFFIXES]
            inside[folder.parent][fold(folder.name)] += pictures
    return {
        folder: (found[IMAGES][0], found[MASKS])
        for folder, found in inside.items()
        if len(found[IMAGES]) == 1 and found[MASKS]
    }


def is_layout(files: Mapping[Path, Sequence[Path]]) -> bool:
    """Whether several images have a folder each, and their masks are not named like them. files: of each folder."""
    found = folders(files)
    strange = [image for image, masks in found.values() if image.stem not in {mask.stem for mask in masks}]
    return len(found) > 1 and bool(strange)


def records(root: Path, files: Sequence[Path], base: Path) -> list[Record]:
    """The images below a root, each with the masks of its objects."""
    found = []
    for folder, (image, masks) in sorted(folders(grouped(files)).items()):
        name = image.relative_to(base).as_posix()
        layers = Layers(root, name, tuple((1, mask) for mask in sorted(masks)))
        found.append(Record(name, layers, part_of_folders(folder.relative_to(base) / image.name), root))
    return found
