"""The files below a folder, by what they could be."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from semiproto.data import layout
from semiproto.data.own import account, masks
from semiproto.data.own.formats.tools import datumaro, labelme, labelstudio, supervisely, via
from semiproto.data.own.layouts.folder_names import (
    IMAGE_FOLDERS,
    MASK_FOLDERS,
    folded,
    is_below,
    is_mask_folder,
    named,
    role,
)
from semiproto.data.own.names import part_of
from semiproto.params import LabelFormat
from semiproto.provenance import reading

COCO_KEYS = ("images", "annotations", "categories")


@dataclass(frozen=True)
class Tree:
    """The files below a folder, by what they could be. Paths are relative to it. wanted: the format to look for."""

    base: Path
    wanted: LabelFormat | None = None

    @cached_property
    def folders(self) -> dict[Path, list[Path]]:
        """The files of each folder: a set may have a million files, so what can be is asked of folders."""
        return account.by_folder(self.base, relative=True)[0]

    @cached_property
    def files(self) -> list[Path]:
        return [path for found in self.folders.values() for path in found]

    @cached_property
    def _by_suffix(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in sorted(self.files, key=str):
            found.setdefault(path.suffix.lower(), []).append(path)
        return found

    def suffixed(self, *suffixes: str) -> list[Path]:
        found = [self._by_suffix[suffix] for suffix in suffixes if suffix in self._by_suffix]
        return found[0] if len(found) == 1 else sorted((path for one in found for path in one), key=str)

    def inside(self, folder: Path, *suffixes: str) -> list[Path]:
        """The files of these kinds in a folder, without those in folders below."""
        return [path for path in self.folders.get(folder, ()) if path.suffix.lower() in suffixes]

    def below(self, roots: list[Path], *suffixes: str) -> list[Path]:
        kept = [folder for folder in self.folders if is_below(folder, roots)]
        return [path for folder in kept for path in self.inside(folder, *suffixes)]

    def outside(self, roots: list[Path], *suffixes: str) -> list[Path]:
        """The files of these kinds that lie below none of the roots."""
        kept = [folder for folder in self.folders if not is_below(folder, roots)]
        return [path for folder in kept for path in self.inside(folder, *suffixes)]

    @cached_property
    def _kinds_of_json(self) -> dict[Path, str | None]:
        return {path: _kind_of_json(self.base / path) for path in self.suffixed(".json")}

    def json_of(self, kind: LabelFormat) -> list[Path]:
        """The JSON files of a tool; each is looked into once, since there may be as many as images."""
        return [path for path, found in self._kinds_of_json.items() if found == kind]

    @cached_property
    def pictures(self) -> Counter[Path]:
        """Number of images by folder."""
        return self._counted(*layout.IMAGE_SUFFIXES)

    @cached_property
    def mask_files(self) -> Counter[Path]:
        return self._counted(*masks.MASK_SUFFIXES)

    def _counted(self, *suffixes: str) -> Counter[Path]:
        counts = {folder: len(self.inside(folder, *suffixes)) for folder in self.folders}
        return Counter({folder: count for folder, count in counts.items() if count})

    @cached_property
    def image_roots(self) -> list[Path]:
        """The uppermost folders whose name is that of a folder of images."""
        return self._roots(self.pictures, IMAGE_FOLDERS)

    def mask_roots(self, counts: Counter[Path]) -> list[Path]:
        """The uppermost folders of masks, and in one that has others beside them, as BDD100K's `labels/`, those."""
        roots: dict[Path, None] = {}
        for folder in sorted(counts):
            if found := named(folder, MASK_FOLDERS):
                roots[found[0]] = None
        for root in list(roots):
            below = [folder for folder in sorted(counts) if folder.is_relative_to(root)]
            inner = [found[1] for folder in below if len(found := named(folder, MASK_FOLDERS)) > 1]
            if inner and len(inner) < len(below):
                del roots[root]
                roots |= dict.fromkeys(inner)
        return list(roots)

    def _roots(self, counts: Counter[Path], known: tuple[str, ...]) -> list[Path]:
        return list(dict.fromkeys(root[0] for folder in sorted(counts) if (root := named(folder, known))))

    def split_folders(self, taken: list[Path]) -> list[Path]:
        """Folders of pictures that are named like a part of the set and lie in none of `taken`."""
        found: dict[Path, None] = {}
        for folder in sorted(self.pictures):
            inside = any(folder.is_relative_to(root) for root in taken)
            part = next((path for path in (folder, *folder.parents) if part_of(path.name) is not None), None)
            if inside or part is None or is_mask_folder(folder):
                continue
            # train/depth beside train/images is no folder of images
            if part == folder or not any(root != part and root.is_relative_to(part) for root in taken):
                found[folder] = None
        return list(found)

    def image_folders(self, labels: list[Path]) -> list[str]:
        """Where images are: folders of that name, folders of the parts, and where the labels lie; empty if nowhere."""
        roots = [root for root in self.image_roots if root not in labels]
        if not roots:
            near = [label if (self.base / label).is_dir() else label.parent for label in labels]
            beside = [folder for folder in dict.fromkeys((*near, *(label.parent for label in labels)))
                      if self.pictures[folder] and folder not in labels]  # fmt: skip
            roots = beside or ([Path()] if self.pictures[Path()] else [])
        extra = self.split_folders([*roots, *labels]) if Path() not in roots else []
        return [root.as_posix() for root in [*roots, *extra]]


def inner(tree: Tree) -> Tree:
    """The tree, or the only folder in it that everything lies in, as archives are unpacked."""
    first = {folder.parts[0] for folder, files in tree.folders.items() if files and folder.parts}
    if len(first) != 1 or tree.folders.get(Path()):
        return tree
    (name,) = first
    plain = role(name) not in folded((*IMAGE_FOLDERS, *MASK_FOLDERS)) and part_of(name) is None
    return inner(replace(tree, base=tree.base / name)) if plain else tree


def _kind_of_json(path: Path) -> str | None:
    """The tool that a JSON file is of; one that is broken is taken for COCO's where it has the words."""
    text = reading.text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = {key: None for key in COCO_KEYS if f'"{key}"' in text}
    if isinstance(content, dict) and set(COCO_KEYS) <= set(content):
        return "coco"
    if labelme.is_labelme(content):
        return "labelme"
    if datumaro.is_datumaro(content):
        return "datumaro"
    if supervisely.is_supervisely(content):
        return "supervisely"
    if via.is_via(content):
        return "via"
    return "labelstudio" if labelstudio.is_labelstudio(content) else None
