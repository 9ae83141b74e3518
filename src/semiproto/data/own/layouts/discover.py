"""What a user's folder looks like, for `semiproto init` and `semiproto check-data FOLDER`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from semiproto.data.images import pixels
from semiproto.data.own.contents import contents
from semiproto.data.own.contents.contents import Contents
from semiproto.data.own.layouts import assumed, refusals, split_lists
from semiproto.data.own.layouts.layout import Layout
from semiproto.data.own.layouts.recognise import annotation_files, class_masks, mask_folders, tables
from semiproto.data.own.layouts.tree import Tree, inner
from semiproto.errors import UserError
from semiproto.params import FolderSource, LabelFormat

TOOLS: dict[LabelFormat, Callable[[Tree], Layout | None]] = {
    "pairs": tables.of_pairs,
    "labelstudio": annotation_files.of_labelstudio,
    "instances": class_masks.folder_per_image,
    "masks": mask_folders.mask_folders,
    "per-class": class_masks.masks_per_class,
    "cvat": annotation_files.of_cvat,
    "datumaro": annotation_files.of_datumaro,
    "coco": annotation_files.of_coco,
    "yolo": annotation_files.of_yolo,
    "labelme": annotation_files.of_labelme,
    "supervisely": annotation_files.of_supervisely,
    "via": annotation_files.of_via,
    "rle": tables.run_lengths,
    "rle-rows": tables.run_lengths_along_rows,
}
"""In the order in which a folder is tried."""


class Discovery(NamedTuple):
    """A folder as the dataset section that would read it, what was assumed, in sentences, and what it then holds."""

    source: FolderSource
    assumed: list[str]
    contents: Contents


def discover(base: Path, name: str, wanted: LabelFormat | None = None) -> Discovery:
    """What `base` holds. wanted: the format that it must have; None: the first that fits."""
    source, found = _recognised(base, name, wanted)
    read = contents.read(source)
    return Discovery(source, list(assumed.sentences(source, found, read)), read)


def section_of(base: Path, name: str) -> FolderSource:
    """The dataset section that would read what `base` holds."""
    return _recognised(base, name, None)[0]


def _recognised(base: Path, name: str, wanted: LabelFormat | None) -> tuple[FolderSource, Layout]:
    refusals.require_folder(base)
    tree = inner(Tree(base, wanted))
    fitting = _fitting(tree)
    found = next(fitting, None)
    if found is None:
        raise refusals.not_understood(tree)
    listed, notes = split_lists.of_layout(tree, found)
    source = _with_bands(tree, found.section(tree.base, name, listed))
    found.notes += notes
    if others := [f"{other.tool} in {', '.join(other.masks[:2])} (--format {other.format})" for other in fitting]:
        found.notes.append(f"also there, and not read: {'; '.join(others)}")
    return source, found


def _fitting(tree: Tree) -> Iterator[Layout]:
    """The layouts that a folder may have, in the order of TOOLS. Folders that are only called like those of masks are
    the last resort."""
    none = True
    for recognise in TOOLS.values() if tree.wanted is None else [TOOLS[tree.wanted]]:
        if (found := recognise(tree)) is not None:
            yield found
            none = False
    if none and (tree.wanted is None or (tree.wanted == "masks" and not any(one(tree) for one in TOOLS.values()))):
        yield from filter(None, [mask_folders.by_words(tree)])


def _with_bands(tree: Tree, source: FolderSource) -> FolderSource:
    """With the bands of the first image; 3 where it cannot be read, which `check-data` says."""
    if not tree.suffixed(".tif", ".tiff"):  # the only ones with other numbers of them
        return source
    try:
        first = next(iter(contents.read(source).items), None)
        bands = 3 if first is None else pixels.bands_of(first.image)
    except UserError:
        return source
    return source.model_copy(update={"bands": bands})
