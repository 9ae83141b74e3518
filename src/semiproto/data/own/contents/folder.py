"""A user's folder as it is: its files, and what parameters, lists and names of folders say of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from semiproto.data import layout
from semiproto.data.own import account
from semiproto.data.own.formats import lists, readers
from semiproto.data.own.names import fold, part_of_folders, unimaged
from semiproto.params import FolderSource


class Folder:
    """The files below `base` and the dataset section that reads them.

    folders: the files that may be of use, by folder. passed_over: the others, with the reason. roots: the folders of
    images. labels: the folders of masks, or the files with labels.
    """

    def __init__(self, source: FolderSource, base: Path) -> None:
        self.source, self.base = source, base
        self.folders, self.passed_over = account.by_folder(base)
        self.files = [path for files in self.folders.values() for path in files]
        self.roots = self.paths(source.images)
        self.labels = self.paths(source.masks)
        self.format = readers.format_of(source)
        self._start = account.start_of(base)
        self._parts: dict[str, str | None] = {}
        self._said: dict[Path, lists.Said] = {}

    def paths(self, names: str | Sequence[str] | None) -> list[Path]:
        """Those that a parameter names."""
        return [self.base / name for name in ([names] if isinstance(names, str) else names or [])]

    @cached_property
    def stems(self) -> set[tuple[Path, str]]:
        """Folder and folded stem of every picture, and the stem without a word for an image."""
        pictures = [path for path in self.files if path.suffix.lower() in layout.IMAGE_SUFFIXES]
        return {(path.parent, form(path.stem)) for path in pictures for form in (fold, unimaged)}

    def relative(self, path: Path) -> PurePosixPath:
        return PurePosixPath(str(path)[self._start :])  # faster than pathlib's

    def part_of(self, path: Path) -> str | None:
        """The part that the folders of a file mean."""
        folder = str(path).rpartition(os.sep)[0]  # pathlib's is slow, and a set may have a million files
        if folder not in self._parts:
            self._parts[folder] = part_of_folders(path.relative_to(self.base))
        return self._parts[folder]

    def said(self, file: Path) -> lists.Said:
        """What a file says that may be a list; each is read once."""
        if file not in self._said:
            self._said[file] = lists.read(file)
        return self._said[file]

    def below_labels(self) -> list[Path]:
        """The files in the folders of masks."""
        inside = [folder for folder in self.folders if deepest(folder, self.labels) is not None]
        return [path for folder in inside for path in self.folders[folder]]


def below(paths: Iterable[Path], place: Path) -> list[Path]:
    return [path for path in paths if path.is_relative_to(place)]


def deepest(path: Path, folders: list[Path]) -> Path | None:
    """The folder of several that the path lies in most closely; None where it lies in none."""
    inside = [folder for folder in folders if path.is_relative_to(folder)]
    return max(inside, key=lambda folder: len(folder.parts), default=None)
