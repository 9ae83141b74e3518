"""Files that name the classes: classes.txt and its likes, CVAT's labelmap.txt, Roboflow's _classes.csv, CamVid's tables
of colours, nnU-Net's dataset.json, Mapillary's and Pixel Annotation Tool's config.json, ADE20K's objectInfo150.txt, and
the id2label.json of models on Hugging Face."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from semiproto.data.own.formats.outlines import class_name, require_distinct
from semiproto.data.own.formats.pairs import cells, names_of, text_of
from semiproto.data.own.names import fold
from semiproto.errors import UserError
from semiproto.params import VOID, FolderSource
from semiproto.provenance.reading import MOST_CLASS_TEXT, json_tree

Colour = tuple[int, int, int]
ADE20K = "objectInfo150.txt"
"""Its columns are Idx, Ratio, Train, Val, Stuff, Name; 0 is what is not labelled."""
NAMES = (
    *("classes.txt", "class_names.txt", "labels.txt", "label_colors.txt", "labelmap.txt", "_classes.csv"),
    *("class_dict.csv", "classes.csv", "labels.csv", "codes.txt", "classes.json", "id2label.json", "label2id.json"),
    *("dataset.json", "config.json", "config_v1.1.json", "config_v1.2.json", "config_v2.0.json", ADE20K),
)
COLUMNS = {
    **dict.fromkeys(("id", "index", "idx", "value", "pixel value", "class_id", "label_id"), "value"),
    **dict.fromkeys(("name", "class", "label", "class_name", "label_name", "category"), "name"),
    **{form: colour for colour in ("red", "green", "blue") for form in (colour, colour[0])},
}
"""What the columns of a table of classes may be called; lower case."""
UNLABELED = {"Unlabeled": VOID[0]}
"""Mapillary's name of what is not labelled."""
NNUNET = ("channel_names", "modality", "numTraining", "file_ending")
"""Keys of nnU-Net's dataset.json, by which another file of that name is told from it."""


@dataclass(frozen=True)
class ClassTable:
    """What a file says: the names in its order, and the colour or mask value of each where it gives one.

    note: what people should know of its meaning.
    """

    file: Path
    names: list[str]
    colours: list[Colour | None]
    values: list[int] | None = None
    note: str = ""

    def drawn(self) -> bool:
        """Whether every class has a colour."""
        return bool(self.names) and all(colour is not None for colour in self.colours)

    def meanings(self) -> dict[int | Colour, str]:
        """The name of each colour where all classes have one, otherwise of each mask value."""
        keys = self.colours if self.drawn() else self.values or range(len(self.names))
        return {key: name for key, name in zip(keys, self.names, strict=True) if key is not None}


def find(folders: Iterable[Path]) -> ClassTable | None:
    """The first file of class names in one of the folders, with the classes of those of its name in the others.

    UserError where two files of one name contradict each other: no reading would be right for the masks of both.
    """
    by_name: dict[str, list[ClassTable]] = {}
    for folder in dict.fromkeys(folders):
        for path in (folder / name for name in NAMES):
            if path.name == "dataset.json" and by_name:
                continue  # where its regions cannot be classes, another file is the remedy
            if path.is_file() and (table := read(path)) is not None:
                by_name.setdefault(path.name, []).append(table)
    together = [_together(tables) for tables in by_name.values()]
    return together[0] if together else None


def is_one(path: Path) -> bool:
    """Whether a file is called like one of class names, and is no other table or JSON of that name."""
    try:
        return path.name.lower() in NAMES and (path.suffix not in (".csv", ".json") or read(path) is not None)
    except UserError:
        return True


def folders(files: Mapping[Path, Sequence[Path]]) -> list[Path]:
    """Those of the folders, given with their files, that have a file which may name the classes."""
    return [folder for folder, found in files.items() if any(path.name in NAMES for path in found)]


def places(base: Path, masks: Sequence[Path], images: Sequence[Path], others: Iterable[Path]) -> list[Path]:
    """The folders in which a file may name the classes of the masks, the likeliest first: those of the set, then of the
    others those within or around them."""
    near = [*masks, *images]
    around = [
        folder for folder in others if any(folder.is_relative_to(one) or one.is_relative_to(folder) for one in near)
    ]
    return [folder for folder in dict.fromkeys([base, *near, *around]) if folder.is_dir()]


def contradiction(table: ClassTable, source: FolderSource) -> str | None:
    """What a table says of a class that the parameters say otherwise, in words; None where they agree.

    Compared are the colours, or the mask values. A list whose names have no values of their own has those of its lines,
    unless the parameters give values: masks may begin at 1, or have gaps; its order is compared then.
    """
    ours = _keys(source)
    if source.colours is not None and not table.drawn():
        return None
    in_order = list(range(len(table.names)))
    if source.values is not None and table.values in (None, in_order):
        # Background may have any value, so its place in a list says nothing.
        named = [name for name in table.names if name in ours and class_name(name) != "background"]
        ranked = sorted(named, key=lambda name: min(ours[name]))
        return None if named == ranked else f"the order is {', '.join(named)}, and {', '.join(ranked)}"
    keys = table.colours if source.colours is not None else table.values or in_order
    for key, name in zip(keys, table.names, strict=True):
        if name in ours and key not in ours[name]:
            return f"{name!r} is {key}, and {', '.join(map(str, ours[name][:3]))}"
    return None


def _keys(source: FolderSource) -> dict[str, Sequence[Any]]:
    """The colours of each class, or the mask values."""
    if source.colours is not None:
        return {name: [tuple(colour)] for name, colour in zip(source.classes, source.colours, strict=True)}
    if source.values is None:
        return {name: [value] for value, name in enumerate(source.classes)}
    found: dict[str, list[int]] = {}
    for first, last, name in source.ranges():
        found.setdefault(name, []).extend(range(first, last + 1))
    return dict(found)


def unknown(table: ClassTable, source: FolderSource) -> list[str]:
    """The names of a table that are no class of the parameters, whatever their case."""
    known = set(map(fold, source.classes))
    return [name for name in table.names if fold(name) not in known and not is_void(name)]


def _together(tables: list[ClassTable]) -> ClassTable:
    first = tables[0]
    for other in tables[1:]:
        if difference := _difference(first, other):
            raise UserError(
                f"{other.file}: {difference} in {first.file}; export both with one list of classes, or where the masks"
                " do agree correct the file"
            )
        if more := [key for key in other.meanings() if key not in first.meanings()]:
            first = _extended(first, other, more)
    return first


def _difference(first: ClassTable, other: ClassTable) -> str | None:
    """What the second table says otherwise than the first, in words."""
    known, key_of = first.meanings(), {name: key for key, name in first.meanings().items()}
    for key, name in other.meanings().items():
        if known.get(key, name) != name:
            return f"{key} is {name!r}, and {known[key]!r}"
        if key_of.get(name, key) != key and not is_void(name):
            return f"{name!r} is {key}, and {key_of[name]}"
    return None


def _extended(first: ClassTable, other: ClassTable, more: list[int | Colour]) -> ClassTable:
    meanings = {**first.meanings(), **{key: other.meanings()[key] for key in more}}
    if first.drawn():
        return replace(
            first, names=list(meanings.values()), colours=[key for key in meanings if isinstance(key, tuple)]
        )
    order = sorted(key for key in meanings if isinstance(key, int))
    values = order if first.values is not None else None
    return replace(first, names=[meanings[key] for key in order], colours=[None] * len(order), values=values)


def read(path: Path) -> ClassTable | None:
    """The table of a file; None for JSON of another kind."""
    plain = path.suffix == ".txt"  # the others may also be a table or JSON of another kind
    text = text_of(path, "class names", MOST_CLASS_TEXT) if plain else names_of(path, "class names")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if path.name == "dataset.json":
        return _nnunet(path, text)
    if path.suffix == ".json":
        return _labelled(path, text)
    if path.name == ADE20K:
        return _ade20k(path, lines)
    if path.name == "labelmap.txt":
        return _cvat(path, lines)
    if path.name in ("classes.csv", "labels.csv"):
        return _table(path, text)
    if path.suffix == ".csv":
        rows = lines[1:] if lines and not re.search(r"\d", lines[0]) else lines  # without the header
        return _numbered(path, [line.replace(",", " ", 1) for line in rows]) or _plain(path, rows)
    return _numbered(path, lines) or _plain(path, lines)


def _table(path: Path, text: str) -> ClassTable | None:
    """A table with a column of names and one of mask values or three of colours; None for another, such as one of the
    labels of whole images."""
    header, *rows = [*filter(None, cells(text))] or [[]]
    place = {COLUMNS.get(name.strip().lower(), ""): number for number, name in enumerate(header)}
    sides = [names for names in (["value"], ["red", "green", "blue"]) if {*names} <= set(place)]
    if "name" not in place or not sides or not rows or any(len(row) != len(header) for row in rows):
        return None
    columns = {name: [row[number].strip() for row in rows] for name, number in place.items()}
    if not all(text.isdecimal() for names in sides for name in names for text in columns[name]):
        return None
    names = _named(path, columns["name"])
    colours: list[Colour | None] = [None] * len(rows)
    if "red" in sides[-1]:
        red, green, blue = (map(int, columns[name]) for name in sides[-1])
        colours = [*zip(red, green, blue, strict=True)]
    return ClassTable(path, names, colours, [*map(int, columns["value"])] if "value" in sides[0] else None)


def _ade20k(path: Path, lines: list[str]) -> ClassTable:
    """The first of each class's names, which commas part; the header has no number."""
    rows = [line.split("\t") for line in lines if re.match(r"\d+\t", line)]
    names = _named(path, [row[-1].split(",")[0] for row in rows])
    return ClassTable(path, names, [None] * len(rows), [int(row[0]) for row in rows])


def _cvat(path: Path, lines: list[str]) -> ClassTable:
    """name:red,green,blue:parts:actions"""
    matches = [re.match(r"([^#:][^:]*):(\d+),(\d+),(\d+)(?::|$)", line) for line in lines]
    rows = [(match[1], (int(match[2]), int(match[3]), int(match[4]))) for match in matches if match]
    return ClassTable(path, _named(path, [name for name, _ in rows]), [colour for _, colour in rows])


def _named(path: Path, labels: list[str]) -> list[str]:
    """The class names of the labels of a file; UserError where two that differ have one."""
    require_distinct(labels, path, "")
    return [class_name(label) for label in labels]


def _json(text: str) -> Any:
    """What a text in JSON says; None for others."""
    try:
        return json_tree(text)
    except ValueError:
        return None


def _nnunet(path: Path, text: str) -> ClassTable | None:
    """nnU-Net's labels: the value of each name, the name of each value in version 1, or regions of several values."""
    content = _json(text)
    labels = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(labels, dict):
        return None
    if any(isinstance(value, list) for value in labels.values()) and any(key in content for key in NNUNET):
        return _regions(path, labels)
    if (order := _values_and_names(labels)) is None:
        return None
    order = sorted(order)
    names = _named(path, [name for _, name in order])
    return ClassTable(path, names, [None] * len(order), [value for value, _ in order])


def _labelled(path: Path, text: str) -> ClassTable | None:
    """Labels with the mask value of each: Mapillary's, whose value is their place, Pixel Annotation Tool's, or the name
    of each value or the value of each name."""
    content: Any = _json(text)
    of_names = isinstance(content, list) and content and all(isinstance(name, str) for name in content)
    if of_names and path.name == "classes.json":
        return ClassTable(path, _named(path, content), [None] * len(content))
    content = content if isinstance(content, dict) else {}
    labels, named = content.get("labels"), content.get("id2label", content)
    if isinstance(labels, list) and labels and all(isinstance(one, dict) and "readable" in one for one in labels):
        found = {value: UNLABELED.get(str(one["readable"]), str(one["readable"])) for value, one in enumerate(labels)}
    elif isinstance(labels, dict) and all(
        isinstance(one, dict) and type(one.get("id")) is int for one in labels.values()
    ):
        found = {one["id"]: str(name) for name, one in sorted(labels.items(), key=lambda item: item[1]["id"])}
    elif isinstance(named, dict) and named and (pairs := _values_and_names(named)) is not None:
        found = dict(sorted(pairs))
    else:
        return None
    return ClassTable(path, _named(path, list(found.values())), [None] * len(found), list(found))


def _values_and_names(content: Mapping[str, Any]) -> list[tuple[int, str]] | None:
    """Each mask value with its name, whichever of them comes first; None where they are something else."""
    turned = all(type(value) is int for value in content.values())
    pairs = [(value, key) if turned else (key, value) for key, value in content.items()]
    if not all(str(value).isdecimal() and isinstance(name, str) and not name.isdecimal() for value, name in pairs):
        return None
    return [(int(value), name) for value, name in pairs]


def _regions(path: Path, labels: dict[str, Any]) -> ClassTable:
    """Labels that are regions: a mask value is of the smallest region that has it.

    Regions lie within each other, so a pixel has the name of the innermost one, and the name of an outer region means
    what none of its inner ones covers.
    """
    regions = {name: set(value if isinstance(value, list) else [value]) for name, value in labels.items()}
    remedy = "write the name of each mask value into classes.txt beside it, e.g. `1 whole`, one a line"
    if strange := [name for name, region in regions.items() if not region or not all(type(v) is int for v in region)]:
        raise UserError(f"{path}: label {strange[0]!r} is neither a mask value nor a list of some; {remedy}")
    for (name, one), (other, two) in combinations(regions.items(), 2):
        if one & two and not (one < two or two < one):
            raise UserError(
                f"{path}: regions {name!r} and {other!r} overlap and neither lies within the other; {remedy}"
            )
    values = sorted(set().union(*regions.values()))
    inner = {value: min((n for n in regions if value in regions[n]), key=lambda n: len(regions[n])) for value in values}
    outer = [name for name, region in regions.items() if any(other < region for other in regions.values())]
    if lost := [name for name in regions if name not in inner.values()]:
        raise UserError(f"{path}: region {lost[0]!r} has no mask value of its own; {remedy}")
    note = "labels that are regions: a mask value is of the smallest one"
    note += f"; {', '.join(outer)}: what no inner one covers" if outer else ""
    return ClassTable(path, _named(path, [inner[value] for value in values]), [None] * len(values), values, note)


def _numbered(path: Path, lines: list[str]) -> ClassTable | None:
    """Lines that all begin with a mask value: `0 background`, `1: cat`; None where one does not."""
    matches = [re.fullmatch(r"(\d{1,5})\s*[ \t:,;=.)]\s*(\D.*)", line) for line in lines]
    rows = [(int(match[1]), match[2]) for match in matches if match]
    if not lines or len(rows) < len(lines) or len({value for value, _ in rows}) < len(rows):
        return None
    return ClassTable(path, _named(path, [name for _, name in rows]), [None] * len(rows), [value for value, _ in rows])


def _plain(path: Path, lines: list[str]) -> ClassTable:
    """A name a line, with a colour behind it (`cat 64 0 0`) or before it (`64 128 64 Animal`) where there is one."""
    names: list[str] = []
    colours: list[Colour | None] = []
    for line in lines:
        after = re.fullmatch(r"(.+?)[\s,:]+(\d+)[\s,]+(\d+)[\s,]+(\d+)", line)
        before = re.fullmatch(r"(\d+)[\s,]+(\d+)[\s,]+(\d+)[\s,]+(\D.*)", line)
        name, *colour = after.groups() if after else (before[4], *before.groups()[:3]) if before else (line,)
        if name.strip("_").lower() == "ignore" and name.startswith("__"):
            continue  # LabelMe's void, which is no class
        names.append(name)
        colours.append((int(colour[0]), int(colour[1]), int(colour[2])) if colour else None)
    return ClassTable(path, _named(path, names), colours)


def is_void(name: str) -> bool:
    return name.lower() in VOID
