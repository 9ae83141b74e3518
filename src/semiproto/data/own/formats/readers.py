"""The formats that `dataset.format` names, each with the reader of its file in this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from semiproto.data.own.account import PASSED_OVER
from semiproto.data.own.faults import Fault
from semiproto.data.own.formats import coco, instances, lists, pairs, per_class, rle, yolo
from semiproto.data.own.formats.outlines import Record, well_formed
from semiproto.data.own.formats.tools import cvat, datumaro, labelme, labelstudio, supervisely, via
from semiproto.errors import UserError
from semiproto.params import FolderSource, LabelFormat

OF_FILES = ("masks", "per-class", "instances", "labelstudio")
"""Formats whose masks may be picture files."""
SUFFIXES: dict[LabelFormat, tuple[str, ...]] = {
    "masks": (),
    "per-class": (),
    "instances": (),
    "pairs": (".csv",),
    "coco": (".json",),
    "cvat": (".xml",),
    "datumaro": (".json",),
    "labelme": (".json",),
    "labelstudio": (".json",),
    "rle": (".csv",),
    "rle-rows": (".csv",),
    "supervisely": (".json",),
    "via": (".json", ".csv"),
    "yolo": (".txt",),
}
"""Suffixes of a format's files."""
MASKS: tuple[str, ...] = (".png", ".gif", ".bmp", ".tif", ".tiff")


OF_MANY_IMAGES: dict[LabelFormat, Callable[[Path, Path, Sequence[str]], tuple[list[Record], list[Fault]]]] = {
    "coco": coco.records,
    "cvat": cvat.records,
    "datumaro": datumaro.records,
    "labelstudio": labelstudio.records,
    "rle": rle.records,
    "rle-rows": partial(rle.records, along_rows=True),
    "via": via.records,
}
"""Formats in which a file says everything, with their readers."""


@dataclass
class Labels:
    """What the files of a format say. files: those that were read."""

    records: list[Record] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    passed_over: dict[Path, str] = field(default_factory=dict)

    def add(self, file: Path, found: tuple[list[Record], list[Fault]]) -> None:
        self.files.append(file)
        self.records += found[0]
        self.faults += found[1]


def format_of(source: FolderSource) -> LabelFormat:
    """The format that the parameters name, or that of the suffix of the masks."""
    if source.format is not None:
        return source.format
    first = source.masks if isinstance(source.masks, str) else source.masks[0]
    return {".csv": "pairs", ".json": "coco"}.get(Path(first).suffix.lower(), "masks")  # type: ignore[return-value]


def records(kind: LabelFormat, source: FolderSource, labels: list[Path], below: list[Path]) -> Labels:
    """What the files that `dataset.masks` names say. below: what lies in those that are folders."""
    base, found = Path(source.path), Labels()
    if kind == "per-class":
        for root in labels:
            files = [path for path in below if path.is_relative_to(root) and path.suffix.lower() in MASKS]
            faults_and_records = per_class.records(root, files, base, source.classes)
            found.records += faults_and_records[0]
            found.faults += faults_and_records[1]
        found.records = per_class.joined(found.records)
    elif kind == "instances":
        for root in labels:
            found.records += instances.records(root, [path for path in below if path.is_relative_to(root)], base)
    elif kind == "labelstudio" and labels[0].is_dir():
        pngs = [path for path in below if labelstudio.PNG.fullmatch(path.name)]
        found.add(labels[0], labelstudio.layers(labels[0], pngs, source.classes))
        found.files = [path for path in below if path.suffix == ".json"]
    else:
        _each_file(kind, source, [*(path for path in labels if path.is_file()), *below], found)
    return found


def _each_file(kind: LabelFormat, source: FolderSource, files: list[Path], found: Labels) -> None:
    base, classes = Path(source.path), source.classes
    known = yolo.labels(base) if kind == "yolo" else []
    for path in dict.fromkeys(files):
        if path.suffix.lower() not in SUFFIXES[kind]:
            continue
        if kind == "pairs":
            found.add(path, pairs.records(path, base))
        elif kind in OF_MANY_IMAGES:
            with well_formed(path):
                found.add(path, OF_MANY_IMAGES[kind](path, base, classes))
        elif kind in ("labelme", "supervisely"):
            records = _of_one_image(kind, path, base, classes)
            if records is None:
                found.passed_over[path] = f"{PASSED_OVER}JSON files of another kind than {kind}"
            else:
                found.add(path, records)
        elif path.name not in ("classes.txt", "README.txt") and path.parent != base:
            found.add(path, yolo.records(path, base, classes, known))


def _of_one_image(
    kind: LabelFormat, path: Path, base: Path, classes: Sequence[str]
) -> tuple[list[Record], list[Fault]] | None:
    """What a JSON says about its image; None for one of another kind."""
    if kind == "labelme":
        drawn = labelme.read(path)
        return None if drawn is None else labelme.records(path, base, classes, drawn)
    objects = supervisely.read(path)
    return None if objects is None else supervisely.records(path, base, classes, objects)


def names_in(file: Path) -> Iterator[str]:
    """What a file with a list of images may name them by: lines, the cells of a table; in JSON and YAML names of
    pictures, and lists of nothing but names. UserError where it cannot be read.

    Whoever keeps a list of test images writes it in a form of his own. Words that are no image's name do no harm.
    """
    text = pairs.names_of(file, "ids")
    rows: Iterable[Sequence[str]] = ([line] for line in text.split("\n") if line.strip())
    if file.suffix.lower() in lists.TABLES:
        rows = pairs.cells(text)
    elif file.suffix.lower() in lists.JSON:
        content = lists.tree(file, text)
        if (table := lists.of_records(content)) is None:
            yield from _names(content)
            return
        _, rows = table
    for row in rows:
        yield from (cell.strip() for place, cell in enumerate(row) if place == 0 or lists.is_picture(cell))


def is_table(file: Path) -> bool:
    """Whether a table or JSON file has masks or outlines, so that it can be named in dataset.masks."""
    try:
        return pairs.is_pairs(file) if file.suffix == ".csv" else bool(coco.read(file).categories)
    except UserError:
        return False


def _names(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield from [tree] if lists.is_picture(tree) else []
    elif lists.are_names(tree):
        yield from tree
    elif isinstance(tree, dict | list):
        for one in [*tree, *tree.values()] if isinstance(tree, dict) else tree:
            yield from _names(one)
