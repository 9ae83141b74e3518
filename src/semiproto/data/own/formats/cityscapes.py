"""What the values of masks in Cityscapes' form mean: label ids by the published table, train ids by its order."""

from __future__ import annotations

from itertools import groupby

from semiproto.data.own.values import Meaning, Tally
from semiproto.data.published.cityscapes import CITYSCAPES, LABEL_IDS

ALL_IDS = range(34)
"""Label ids; those that are no class of the benchmark are void."""
ENCODED = {
    "labelids": dict(zip(LABEL_IDS, CITYSCAPES.classes, strict=True)),
    "labeltrainids": dict(enumerate(CITYSCAPES.classes)),
    "labelcstrainids": dict(enumerate(CITYSCAPES.classes)),
}
"""The class of each value, by what the names of the masks end in."""


def meaning(encoding: str | None, found: Tally, *, complete: bool) -> Meaning | None:
    """The classes that the masks show, or all where not every mask was read; None for values that Cityscapes lacks."""
    known = ENCODED.get(encoding or "")
    seen = set(found.seen()) - {255}
    if known is None or not seen or max(seen) > max(ALL_IDS if encoding == "labelids" else known):
        return None
    shown = {value: name for value, name in known.items() if value in seen or not complete}
    shown = shown if len(shown) > 1 else known
    why = f"from Cityscapes' table of {encoding}"
    if list(shown) == list(range(len(shown))):
        return Meaning(list(shown.values()), why)
    rest = {value: "void" for value in ALL_IDS if encoding == "labelids" and value not in known}
    return Meaning(list(shown.values()), why, _ranges(shown | rest))


def _ranges(meanings: dict[int, str]) -> dict[str, str]:
    """`dataset.values`, in which neighbours of one meaning are a range."""
    table = {}
    runs = groupby(sorted(meanings), key=lambda value: (meanings[value], value - sorted(meanings).index(value)))
    for (name, _), run in runs:
        first, *others = run
        table[f"{first}-{others[-1]}" if others else str(first)] = name
    return table
