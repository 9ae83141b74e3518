"""A look at the values of all masks together: what they may mean, and where files contradict each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from semiproto.data.layout import IGNORE_INDEX
from semiproto.data.own import masks
from semiproto.data.own.faults import Fault
from semiproto.data.own.masks import Colour
from semiproto.errors import UserError

SPARSE = 16
"""Values from which a gap between them is no forgotten class but a numbering of its own."""
SOFT_EDGES = 24
"""Different values from which masks of two classes are taken for ones with soft edges."""
A_FEW, LARGE = 20, 2048
"""Masks, and pixels of a side, in which it is looked where fewer values than that lie."""
FLAT = 0.5
"""Share of the pixels of such masks that must be of the lowest or the highest value."""
BACKGROUND = ("background", "bg")
"""Names of a first class that is what no object covers, so that 0 stands for it and not for void."""
COMMON = 0.25
"""Share of the masks that must hold a value which is no class index, for it to be more than a slip."""
OBJECT = "object"
"""The class of masks whose values number the objects of each image."""
DENSE = 0.9
"""Share of the numbers 1 to n that a mask of n objects has, and of the masks that must be like that."""
WHOLE = 0.8
"""Share of the objects that are one region each; the others lie behind something that parts them."""
USUAL = 2 / 3
"""Share of the masks with the most frequent number of objects, above which the values may well be classes."""
EIGHT = np.ones((3, 3), int)
"""Pixels that touch at a corner are of one region."""
LOOKED_AT = 40
"""Masks in which regions are counted."""


@dataclass(frozen=True)
class Meaning:
    """The classes, and what mask values mean where they are no class indices. ignore: the value that is void."""

    names: list[str]
    why: str
    values: dict[str, str] | None = None
    ignore: int | None = IGNORE_INDEX


@dataclass(frozen=True)
class Tally:
    """Pixels and masks that have each value, int64 [65537] both, and the number of masks."""

    pixels: np.ndarray
    masks: np.ndarray
    total: int
    objects: Counter[int] = field(default_factory=Counter)
    """Masks by the number of objects in them if their values are 1 to n; 0: they are not. Empty masks are left out."""
    both: int = 0
    """Masks that have 1 and 255."""
    filled: set[int] = field(default_factory=set)
    """Values that fill a square of 3 x 3 pixels in some of the first masks; others are seen only where two meet."""

    def seen(self) -> list[int]:
        found: list[int] = np.flatnonzero(self.pixels).tolist()
        return found

    def is_common(self, values: Iterable[int]) -> bool:
        """Whether some of the values are in so many masks that they are no slip of the pen."""
        return any(self.masks[value] >= COMMON * self.total for value in values)


def tally(paths: Iterable[Path], read: Callable[[Path], np.ndarray] = masks.values) -> Tally:
    """The values of all masks; masks that cannot be read are left out."""
    pixels, images, total = np.zeros(65537, np.int64), np.zeros(65537, np.int64), 0
    objects: Counter[int] = Counter()
    filled: set[int] = set()
    both = 0
    for path in paths:
        try:
            mask = read(path)
        except UserError:
            continue
        found = np.bincount(mask.ravel().clip(0, 65536))
        if total < A_FEW:
            filled |= _filled(mask[:LARGE, :LARGE])
        pixels[: len(found)] += found
        images[: len(found)] += found > 0
        objects.update(_objects(found))
        both += len(found) > IGNORE_INDEX and bool(found[1] and found[IGNORE_INDEX])
        total += 1
    return Tally(pixels, images, total, objects, both, filled)


def _objects(counts: np.ndarray) -> list[int]:
    """n where the values of a mask but 0 are 1 to n, with few gaps, and 0 where they are not; [] if there are none."""
    inner = np.flatnonzero(counts[1:]) + 1
    if inner.size and inner[-1] == IGNORE_INDEX and inner.size < DENSE * IGNORE_INDEX:
        inner = inner[:-1]  # void
    return [int(inner[-1]) if inner.size >= DENSE * inner[-1] else 0] if inner.size else []


def meaning(found: Tally, names: Sequence[str] | None, why: str = "") -> Meaning:
    """What the values of all masks mean; names: of the classes where a file gives them.

    Values that do not fit the names are given another meaning only where they are common; otherwise they are faults,
    which check-data names.
    """
    seen = found.seen()
    if names is None or len(names) == 2:
        if of_two := _binary(found, seen, names or ("background", "class1"), why):
            return of_two
        why += _of_few(found, names or ("background", "class1"))
    if names is None:
        return _unnamed(seen, why)
    indices = {*range(len(names)), IGNORE_INDEX}
    if seen == [0, IGNORE_INDEX] and len(names) == 2:
        return Meaning(list(names), why, _table(seen, names), None)
    if not set(seen) - indices or not found.is_common(set(seen) - indices):
        return Meaning(list(names), why)
    if len(seen) == len(names):  # ids with gaps
        return Meaning(list(names), why, _table(seen, names), _unless_used(seen))
    if _is_background(names) and indices - {IGNORE_INDEX} <= set(seen) and len(names) not in seen:
        return Meaning(list(names), why)  # 0 is that class, and a value more is a fault of some mask
    if set(seen) - {IGNORE_INDEX} <= {*range(len(names) + 1)}:  # ids from 1, 0 is void
        return Meaning(list(names), why, {"0": "void"} | _table(range(1, len(names) + 1), names))
    inner = [value for value in seen if value not in (0, IGNORE_INDEX)]
    if len(inner) == len(names) and 0 in seen:  # ids with gaps, 0 is void
        return Meaning(list(names), why, {"0": "void"} | _table(inner, names))
    return Meaning(list(names), why)


def _binary(found: Tally, seen: list[int], names: Sequence[str], why: str) -> Meaning | None:
    """The meaning of masks of two classes with soft edges, or of 0 and 1, as those of one bit, beside 0 and 255."""
    first, second = names
    if _soft_edged(found, seen):
        half = (seen[-1] + 1) // 2
        table = {f"0-{half - 1}": first, f"{half}-{seen[-1]}": second}
        return Meaning([first, second], why or "from masks with soft edges, which are cut in the middle", table, None)
    if _never_beside(found) and found.is_common([IGNORE_INDEX]):
        table = {"0": first, "1": second, "255": second}
        return Meaning([first, second], why or "from binary masks of 0 and 1, and others of 0 and 255", table, None)
    return None


def _of_few(found: Tally, names: Sequence[str]) -> str:
    """What to say where few masks are of 0 and 255 and the others of 0 and 1: 255 is void then, or the class of 1."""
    if not _never_beside(found):
        return ""
    table = f"{{0: {names[0]}, 1: {names[1]}, 255: {names[1]}}}"
    return (
        f" (255, in {found.masks[IGNORE_INDEX]} of {found.total} masks and never beside 1, is taken for void; if it is"
        f" the class of 1, say --set dataset.values='{table}' --set dataset.ignore=null)"
    )


# ------------------------------------------------------------------------------------------- numbers of objects


def number_objects(found: Tally, paths: Sequence[Path]) -> bool:
    """Whether the values may number the objects of each image rather than classes, as in Penn-Fudan's masks.

    Those of a mask are then 1 to n, n differs between masks, and each is one region. Classes are seldom all of that:
    most masks lack some of them, and some class has several regions.
    """
    numbers = {number: count for number, count in found.objects.items() if number}
    run = sum(numbers.values()) >= DENSE * found.objects.total()
    return len(numbers) > 1 and run and _are_whole(paths[:: max(1, len(paths) // LOOKED_AT)])


def surely(found: Tally) -> bool:
    """Whether the numbers differ so much that they are no few classes of which some masks lack the last."""
    return len(found.objects) > 2 and max(found.objects.values()) <= USUAL * found.objects.total()


def objects(found: Tally, names: Sequence[str] | None, why: str) -> Meaning:
    """The meaning of masks that number objects: all are of one class."""
    void = found.masks[IGNORE_INDEX] > 0 and max(found.objects) < IGNORE_INDEX
    background, one = names or ("background", OBJECT)
    last, ignore = (IGNORE_INDEX - 1, IGNORE_INDEX) if void else (65535, None)
    return Meaning(
        [background, one],
        why or "since mask values number the objects of each image",
        {"0": background, f"1-{last}": one},
        ignore,
    )


def _are_whole(paths: Sequence[Path]) -> bool:
    regions = [count for path in paths for count in _regions(path)]
    return bool(regions) and regions.count(1) >= WHOLE * len(regions)


def _regions(path: Path) -> list[int]:
    """The number of connected regions of each value of a mask but 0 and void; [] where it cannot be read."""
    from scipy import ndimage  # seldom needed, and slow to import

    try:
        found = masks.values(path)
    except UserError:
        return []
    places = enumerate(ndimage.find_objects(np.where(found == IGNORE_INDEX, 0, found)), start=1)
    return [ndimage.label(found[place] == value, EIGHT)[1] for value, place in places if place is not None]


def _never_beside(found: Tally) -> bool:
    """Whether there are only 0, 1 and 255, and no mask has the last two."""
    return found.seen() == [0, 1, IGNORE_INDEX] and not found.both


def _is_background(names: Sequence[str]) -> bool:
    return bool(names) and names[0].strip("_").lower() in BACKGROUND


def _unless_used(seen: Sequence[int]) -> int | None:
    """The conventional value of void, unless it is a class."""
    return None if IGNORE_INDEX in seen else IGNORE_INDEX


def _table(values: Iterable[int], names: Sequence[str]) -> dict[str, str]:
    return {str(value): name for value, name in zip(values, names, strict=True)}


def _unnamed(seen: list[int], why: str) -> Meaning:
    if seen == [0, IGNORE_INDEX]:
        names = ["background", "class1"]
        return Meaning(names, "from binary masks of 0 and 255", _table(seen, names), None)
    void = IGNORE_INDEX if seen and seen[-1] <= IGNORE_INDEX else None  # a convention of masks of 8 bits
    inner = [value for value in seen if value not in (0, void)]
    if len(inner) > 1 and 0 not in seen:
        names = [f"class{value}" for value in inner]
        return Meaning(names, "from the mask values, of which none is 0", _table(inner, names), void)
    if inner and inner[-1] >= SPARSE and 4 * len(inner) <= inner[-1]:
        names = ["background", *(f"class{value}" for value in inner)]
        return Meaning(names, "from the mask values", _table([0, *inner], names), void)
    highest = min(max(inner, default=1), 253)
    names = ["background", *(f"class{i}" for i in range(1, highest + 1))]
    return Meaning(names, f"from the highest mask value{why}")


def _soft_edged(found: Tally, seen: list[int]) -> bool:
    """Whether masks of two classes were saved with soft edges: most pixels are at the ends, and the values between are
    many, or those of lines where the ends meet. A mask that was halved has three such values."""
    if len(seen) < 3 or not 127 <= seen[-1] <= 255:
        return False
    ends = int(found.pixels[: seen[-1] // 16 + 1].sum() + found.pixels[seen[-1] - seen[-1] // 16 :].sum())
    if ends <= FLAT * int(found.pixels.sum()):
        return False
    return len(seen) >= SOFT_EDGES or found.filled == {0, seen[-1]}


def _filled(mask: np.ndarray) -> set[int]:
    """The values that fill some square of 3 x 3 pixels."""
    across, down = mask[:, 1:] == mask[:, :-1], mask[1:, 1:-1] == mask[:-1, 1:-1]
    rows, columns = across[:, 1:] & across[:, :-1], down[1:] & down[:-1]  # three alike
    return set(np.unique(mask[1:-1, 1:-1][rows[:-2] & rows[1:-1] & rows[2:] & columns]).tolist())


# ---------------------------------------------------------------------------------------------------- palettes


def palette_faults(palettes: Sequence[tuple[Path, dict[int, Colour]]]) -> Iterator[Fault]:
    """Palette masks of which one gives a value another colour than the first file did.

    palettes: of each mask the colours of the values that it uses. An error where the same colour stands for different
    values, since one of the two files then shows classes swapped; otherwise a warning.
    """
    first: dict[int, tuple[Path, Colour]] = {}
    of_colour: dict[Colour, tuple[Path, int]] = {}
    contradicting: dict[bool, list[tuple[Path, Path, str]]] = defaultdict(list)
    for path, colours in palettes:
        for value, colour in colours.items():
            other, known = first.setdefault(value, (path, colour))
            where, elsewhere = of_colour.setdefault(colour, (path, value))
            if elsewhere != value and where != path and known != colour:
                text = f"its palette gives {colour} to value {value}, and that of {where} to value {elsewhere}"
                contradicting[True].append((path, where, text))
            elif known != colour:
                text = f"its palette gives value {value} the colour {colour}, and that of {other} {known}"
                contradicting[False].append((path, other, text))
    for swapped, found in contradicting.items():
        path, _, text = found[0]
        files = len({one[0] for one in found})
        more = f" (palettes of {files} files differ)" if files > 1 else ""
        table = [list(colour) for _, (_, colour) in sorted(first.items())]
        remedy = (
            f"if the colours are right, set dataset.colours to {table} in the order of dataset.classes, and"
            " dataset.ignore to null or the colour of void; if the values are, save the masks with one palette"
        )
        yield Fault("palette", str(path), text + more, remedy, warning=not swapped)
