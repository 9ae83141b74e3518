"""The lists, tables and JSON files that say which images are trained on, validated on and tested on."""

from __future__ import annotations

from pathlib import Path

from semiproto.data import layout
from semiproto.data.own.formats import lists
from semiproto.data.own.layouts.folder_names import is_below
from semiproto.data.own.layouts.layout import Layout, OneOrMore, one_or_list
from semiproto.data.own.layouts.tree import Tree
from semiproto.data.own.names import Names, fold, part_of

FOLDERS = ("ImageSets/Segmentation", ".", "ImageSets", "splits", "split", "lists")
"""Where lists lie."""


def of_layout(tree: Tree, found: Layout) -> tuple[dict[str, OneOrMore | None], list[str]]:
    """The list files by parameter, and in words which ones are not read."""
    beside = [Path(name) for name in found.masks] if found.format == "masks" else []  # as Oxford's pets have them
    folders = list(dict.fromkeys([*map(Path, FOLDERS), *_further_lists(tree), *beside]))
    by_part, notes = _chosen(tree, found, [*folders, *_pair_of_lists(tree, folders)])
    if not any(by_part.values()):  # exports side by side, each with its own
        tops = dict.fromkeys(Path(name).parent for name in found.images)
        each = [_chosen(tree, found, [top / name for name in FOLDERS]) for top in tops]
        by_part = {part: [name for one, _ in each for name in one[part]] for part in lists.PARAMETERS}
        notes = [note for _, told in each for note in told]
    if not any(by_part.values()) and (file := _assigning(tree, folders, found)) is not None:
        parts, count = lists.read(tree.base / file).assigned, lists.folds(tree.base / file)
        notes += [f"parts from the first of {count} folds in {file.as_posix()}"] if count > 1 else []
        by_part = {part: [file.as_posix()] if part in parts else [] for part in lists.PARAMETERS}
    return {key: one_or_list(by_part[part]) or None for part, key in lists.PARAMETERS.items()}, notes


def _chosen(tree: Tree, found: Layout, folders: list[Path]) -> tuple[dict[str, list[str]], list[str]]:
    """The list file of each part in some folders; and in words which others of the part are not read.

    CVAT's default list, beside lists of parts, is of the images without a part, to train with.
    """
    near = [path for folder in folders for path in _plain_lists(tree, found, folder)]
    named = {part: [path.as_posix() for path in near if part_of(path.stem) == part] for part in lists.PARAMETERS}
    notes = [
        f"{part} list: {names[0]}; not read: {', '.join(names[1:])}" for part, names in named.items() if len(names) > 1
    ]
    chosen = {part: names[:1] for part, names in named.items()}
    if chosen["train"]:
        chosen["train"] += [path.as_posix() for path in near if fold(path.stem) == "default"][:1]
    return chosen, notes


def _plain_lists(tree: Tree, found: Layout, folder: Path) -> list[Path]:
    """Files in a folder with a name a line; tables of one column are such too."""
    tables = [path for path in tree.inside(folder, *lists.TABLES) if path.as_posix() not in found.masks]
    tables = [path for path in tables if part_of(path.stem) is not None and lists.read(tree.base / path).plain]
    return [*(path for suffix in lists.LINES for path in tree.inside(folder, suffix)), *tables]


def _further_lists(tree: Tree) -> list[Path]:
    """Folders of lists as DAVIS has them: ImageSets/2017."""
    inner = sorted({path.parent for path in tree.suffixed(".txt") if path.parts[0] == "ImageSets"})
    return [path for path in inner if path.as_posix() not in FOLDERS and not lists.is_of_another_task(path)]


def _pair_of_lists(tree: Tree, folders: list[Path]) -> list[Path]:
    """The only folder below those of lists that has one of unlabelled images, as UniMatch's splits/1_8, and those
    between; none where there are several such, which `check-data` names, or the lists lie further up."""
    tops = [folder for folder in folders if folder != Path()]
    said = {folder: {part_of(path.stem) for path in tree.inside(folder, *lists.LINES)} for folder in tree.folders}
    if any({"train", "unlabeled"} & said.get(folder, set()) for folder in folders):
        return []
    inner = [folder for folder in said if "unlabeled" in said[folder] and is_below(folder, tops)]
    return [inner[0], *(above for above in inner[0].parents if is_below(above, tops))] if len(inner) == 1 else []


def _assigning(tree: Tree, folders: list[Path], found: Layout) -> Path | None:
    """The first JSON file or table beside those of the layout that gives images their parts, if most are there."""
    files = [path for folder in folders for path in tree.inside(folder, *lists.JSON, *lists.TABLES)]
    files = [path for path in files if path.as_posix() not in found.masks]
    if not files:
        return None
    names = Names(tree.base, [tree.base / path for path in tree.suffixed(*layout.IMAGE_SUFFIXES)])
    for path in files:
        parts = lists.read(tree.base / path).assigned
        texts = [text for part in ("train", "val") for text in parts.get(part, [])]
        known = sum(names.find(text) is not None for text in texts)
        if 2 * known > len(texts):
            return path
    return None
