"""Tables: of pairs of an image and its mask, and of run lengths."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from semiproto.data import layout
from semiproto.data.images import opening
from semiproto.data.own import masks
from semiproto.data.own.formats import pairs, rle
from semiproto.data.own.layouts.layout import Layout
from semiproto.data.own.layouts.recognise.annotation_files import annotated, by_part
from semiproto.data.own.layouts.recognise.mask_classes import with_classes
from semiproto.data.own.layouts.tree import Tree
from semiproto.data.own.names import Names
from semiproto.errors import UserError

DOWN_COLUMNS, ALONG_ROWS = (
    f"run lengths go {how} from pixel 1, as {whose} do (--format {other} for the other way); pixels outside all are"
    " background"
    for how, whose, other in (
        ("down the columns", "most of Kaggle's", "rle-rows"), ("along the rows", "Sartorius' and UW-Madison's", "rle"),
    )
)  # fmt: skip


def of_pairs(tree: Tree) -> Layout | None:
    """Tables of an image and its mask in each row, beside the folders."""
    tables = [path for path in tree.inside(Path(), ".csv") if pairs.is_pairs(tree.base / path)]
    if not tables:
        return None
    kept, notes = by_part(tables, lambda path: {one.image for one in pairs.records(tree.base / path, tree.base)[0]})
    images = tree.image_folders([path.parent for path in kept]) or _folders_in(tree, kept) or ["."]
    found = Layout("table of pairs", "pairs", images, [path.as_posix() for path in kept], notes=notes)
    return with_classes(tree, found)


def _folders_in(tree: Tree, tables: list[Path]) -> list[str]:
    """The uppermost folders of the images that tables name; empty where masks lie in one of them too."""
    records = [record for path in tables for record in pairs.records(tree.base / path, tree.base)[0]]
    names = Names(tree.base, [tree.base / path for path in tree.suffixed(*layout.IMAGE_SUFFIXES, *masks.MASK_SUFFIXES)])
    tops: list[set[str]] = []
    for texts in ([record.image for record in records], [record.mask_name or "" for record in records]):
        found = (names.find(text) for text in texts)
        tops.append({path.relative_to(tree.base).parts[0] for path in found if isinstance(path, Path)})
    folders = sorted(tops[0])
    return [] if tops[0] & tops[1] or not all((tree.base / name).is_dir() for name in folders) else folders


def run_lengths(tree: Tree) -> Layout | None:
    """Tables whose run lengths go down the columns, as far as can be seen."""
    found = _run_lengths(tree)
    return None if found is None or (tree.wanted is None and _along_rows(tree, found)) else found


def run_lengths_along_rows(tree: Tree) -> Layout | None:
    """Tables whose run lengths go along the rows."""
    found = _run_lengths(tree)
    if found is None or (tree.wanted is None and not _along_rows(tree, found)):
        return None
    return replace(found, format="rle-rows", notes=[ALONG_ROWS, *found.notes[1:]])


def _run_lengths(tree: Tree) -> Layout | None:
    tables = [path for path in tree.suffixed(".csv") if rle.is_table(tree.base / path)]
    files = [path for path in tables if not rle.is_sample(path)]
    if not files:
        return None
    notes = [DOWN_COLUMNS]
    if samples := [path.as_posix() for path in tables if path not in files]:
        notes.append(f"not read, since it is a sample of what is handed in: {', '.join(samples)}")
    return annotated(tree, Layout("table of run lengths", "rle", notes=notes), files, rle.names)


def _along_rows(tree: Tree, found: Layout) -> bool:
    names = Names(tree.base, [tree.base / path for path in tree.suffixed(*layout.IMAGE_SUFFIXES)])
    return any(rle.goes_along_rows(tree.base / name, partial(_size, names)) for name in found.masks)


def _size(names: Names, text: str) -> tuple[int, int] | None:
    """Width and height of the image of a name; None where there is none, or it cannot be read."""
    path = names.find(text)
    try:
        return opening.outline(path).size if isinstance(path, Path) else None
    except UserError:
        return None
