"""What mask values mean by the tables of published sets that do not ship them: Cityscapes' label ids and train ids, and
LoveDA's, where 0 is no data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from semiproto.data.own.names import fold
from semiproto.data.own.values import Meaning, Tally
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


def of_folders(masks: Sequence[Path]) -> str | None:
    """The set that folders of masks are of by their names: LoveDA's Urban/masks_png and Rural/masks_png."""
    ends = {tuple(map(fold, path.parts[-2:])) for path in masks}
    return LOVEDA if ends and ends <= {("urban", "masks_png"), ("rural", "masks_png")} else None


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
