"""What mask values mean by the tables of published sets that do not ship them: Cityscapes' label ids and train ids,
which KITTI has too, and LoveDA's, where 0 is no data. And what COCO-Stuff's table means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from semiproto.data.own.formats.class_files import ClassTable
from semiproto.data.own.names import fold
from semiproto.data.own.values import Meaning, Tally, tally
from semiproto.data.published.cityscapes import CITYSCAPES, LABEL_IDS

LOVEDA = "loveda"
LOVEDA_CLASSES = ("background", "building", "road", "water", "barren", "forest", "agriculture")
ENCODED = {
    "labelids": dict(zip(LABEL_IDS, CITYSCAPES.classes, strict=True)),
    "labeltrainids": dict(enumerate(CITYSCAPES.classes)),
    "labelcstrainids": dict(enumerate(CITYSCAPES.classes)),
    LOVEDA: dict(enumerate(LOVEDA_CLASSES, start=1)),
}
"""The class of each value, by what the names of Cityscapes' masks end in, or the set."""
OTHERS = {"labelids": sorted({*range(34)} - {*LABEL_IDS}), LOVEDA: [0]}
"""The values that are no class, which are void."""
COCO_STUFF = 183
"""Lines of its labels.txt."""


def of_folders(masks: Sequence[Path]) -> str | None:
    """The values that masks have by the names of their folders: LoveDA's Urban/masks_png and Rural/masks_png, KITTI's
    training/semantic beside image_2."""
    ends = {tuple(map(fold, path.parts[-2:])) for path in masks}
    if ends and ends <= {("urban", "masks_png"), ("rural", "masks_png")}:
        return LOVEDA
    kitti = ends == {("training", "semantic")} and all((path.parent / "image_2").is_dir() for path in masks)
    return "labelids" if kitti else None


def of_coco_stuff(table: ClassTable, masks: Sequence[Path]) -> ClassTable:
    """COCO-Stuff's labels.txt as its PNGs have it, whose values are one less, with 255 for what it calls 0, unlabeled;
    other tables, and masks without 255, as they are."""
    names, values = table.names, table.values or []
    if names[:2] != ["unlabeled", "person"] or values != list(range(COCO_STUFF)) or 255 not in tally(masks).seen():
        return table
    note = f"mask values are one less than in COCO-Stuff's {table.file.name}: 0 is person, and 255 is unlabeled"
    colours = table.colours[1:]
    return replace(table, names=names[1:], colours=colours, values=[value - 1 for value in values[1:]], note=note)


def meaning(encoding: str | None, found: Tally, *, complete: bool) -> Meaning | None:
    """The classes that the masks show, or all where not every mask was read; None for values that the table lacks."""
    known, others = ENCODED.get(encoding or "", {}), OTHERS.get(encoding or "", [])
    seen = set(found.seen()) - {255}
    if not seen or not seen <= {*known, *others}:
        return None
    shown = {value: name for value, name in known.items() if value in seen or not complete}
    shown = shown if len(shown) > 1 else known
    why = "from LoveDA's table" if encoding == LOVEDA else f"from Cityscapes' table of {encoding}"
    if list(shown) == list(range(len(shown))):
        return Meaning(list(shown.values()), why)
    return Meaning(list(shown.values()), why, _ranges(shown | dict.fromkeys(others, "void")))


def _ranges(meanings: dict[int, str]) -> dict[str, str]:
    """`dataset.values`, in which neighbours of one meaning are a range."""
    table = {}
    runs = groupby(sorted(meanings), key=lambda value: (meanings[value], value - sorted(meanings).index(value)))
    for (name, _), run in runs:
        first, *others = run
        table[f"{first}-{others[-1]}" if others else str(first)] = name
    return table
