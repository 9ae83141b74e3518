"""Which images are labelled: published lists, or stratified ones that are the same on any machine.

The rule of the generated ones: order all images by a hash of seed and id; then, until there are enough, look for the
class that the fewest chosen images show and take the first image of the order that shows it. Every class is present as
soon as there are as many images as classes; rare classes are not drowned by common ones.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path

import numpy as np

from semiproto.data import layout
from semiproto.errors import UserError
from semiproto.params import SplitsParams


def stratified(classes_of: Mapping[str, Set[int]], count: int, seed: int) -> list[str]:
    """`count` of the ids in `classes_of` (id -> classes its mask shows), chosen by the rule above, sorted.

    A class's count rises with every chosen image that shows it; ties go to the class with the fewest images.
    """
    if not 1 <= count <= len(classes_of):
        raise UserError(f"{count} labelled images asked for, {len(classes_of)} have masks; ask for 1 to that many")
    order = sorted(classes_of, key=lambda image_id: hashlib.sha256(f"{seed}:{image_id}".encode()).digest())
    waiting = {c: [i for i in order if c in classes_of[i]] for c in sorted(set().union(*classes_of.values()))}
    shown = dict.fromkeys(waiting, 0)
    totals = {c: len(ids) for c, ids in waiting.items()}
    chosen: set[str] = set()
    while len(chosen) < count:
        open_classes = [c for c, ids in waiting.items() if any(i not in chosen for i in ids)]
        if open_classes:
            wanted = min(open_classes, key=lambda c: (shown[c], totals[c], c))
            image_id = next(i for i in waiting[wanted] if i not in chosen)
        else:
            image_id = next(i for i in order if i not in chosen)
        chosen.add(image_id)
        for c in classes_of[image_id]:
            shown[c] += 1
    return sorted(chosen)


def folds(classes_of: Mapping[str, Set[int]], count: int, seed: int) -> list[list[str]]:
    """The ids in `classes_of` (id -> classes its mask shows) in `count` parts of nearly one size, each sorted.

    Images are dealt round in the order of the rarest class they show, then of a hash of seed and id, so that those of
    a rare class go to different parts. Whichever part is left out, the other images show every class: an image that
    alone shows a class is in no part, and neither is one that is all void. UserError where a part would be empty.
    """
    shown: dict[int, list[str]] = defaultdict(list)
    for image_id in sorted(classes_of, key=lambda one: hashlib.sha256(f"{seed}:{one}".encode()).digest()):
        for c in classes_of[image_id]:
            shown[c].append(image_id)
    rarest_first = sorted(shown, key=lambda c: (len(shown[c]), c))
    order = list(dict.fromkeys(image_id for c in rarest_first for image_id in shown[c]))

    def dealt(count: int) -> list[set[str]]:
        parts = [_spare(set(order[number::count]), shown.values()) for number in range(count)]
        return parts if all(parts) else []

    if not (parts := dealt(count)):
        fewer = next((f"set it to {lower}, " for lower in range(count - 1, 1, -1) if dealt(lower)), "")
        raise UserError(
            f"forecast.folds: {len(order)} labelled images cannot be divided into {count} parts so that the others"
            f" show every class; {fewer}label more, or set forecast.images to validation"
        )
    return [sorted(part) for part in parts]


def _spare(part: set[str], groups: Iterable[list[str]]) -> set[str]:
    """`part` without the first image of each group that it holds whole."""
    for group in groups:
        if part.issuperset(group):
            part = part - {group[0]}
    return part


def classes_in_masks(root: Path, ids: Sequence[str]) -> dict[str, frozenset[int]]:
    """The classes that each mask shows, void left out."""
    found = {}
    for image_id in ids:
        values = np.unique(layout.read_mask(root / layout.MASKS / f"{image_id}.png"))
        found[image_id] = frozenset(int(v) for v in values if v != layout.IGNORE_INDEX)
    return found


def make_split(root: Path, split: str, params: SplitsParams) -> dict[str, list[str]]:
    """The lists `labeled`, `unlabeled` and `val` of a prepared set.

    split: number of labelled images, drawn from train.txt by the rule, or `all`. Images of train.txt that are not
    drawn join the unlabelled ones, their masks unseen. Where the set has no validation list, the rule first draws the
    share `params.validation` of train.txt, the same for every split. Published lists are used unchanged.
    """
    if params.family != "generated":
        return _published(root, params.family, split)
    lists = root / layout.LISTS
    train, val = layout.read_list(lists / "train.txt"), layout.read_list(lists / "val.txt")
    if not val:
        val = _validation(root, train, params)
        train = sorted(set(train) - set(val))
    labeled = train if split == "all" else _drawn(root, train, int(split), params.seed)
    rest = sorted(set(train) - set(labeled))
    unlabeled = sorted(rest + layout.read_list(lists / "unlabeled.txt"))
    _require_every_class(root, labeled, split)
    return {"labeled": sorted(labeled), "unlabeled": unlabeled, "val": val}


def _published(root: Path, family: str, split: str) -> dict[str, list[str]]:
    """The lists of a published split, which came with the set."""
    folder = root / layout.PUBLISHED / family
    known = sorted((path.name for path in folder.glob("*")), key=int)
    if not known:
        families = ", ".join(sorted(path.name for path in folder.parent.glob("*")))
        remedy = f"take one of {families}, or generated" if families else "set it to generated"
        raise UserError(f"splits.family: {root} has no published lists of the family {family}; {remedy}")
    if split not in known:
        raise UserError(
            f"experiments: split {split} is not a published {family} split; take one of {', '.join(known)}, or set"
            " splits.family to generated"
        )
    lists = {name: layout.read_list(folder / split / f"{name}.txt") for name in ("labeled", "unlabeled")}
    return lists | {"val": layout.read_list(root / layout.LISTS / "val.txt")}


def describe(root: Path, split: Path) -> Iterator[str]:
    """The images of a split's lists, and how many pixels and images of each class its labelled ones show, in lines."""
    lists = {name: layout.read_list(split / f"{name}.txt") for name in ("labeled", "unlabeled", "val")}
    names = layout.read_classes(root)
    pixels, images = np.zeros(len(names), int), np.zeros(len(names), int)
    for image_id in lists["labeled"]:
        mask = layout.read_mask(root / layout.MASKS / f"{image_id}.png")
        found = np.bincount(mask.ravel(), minlength=256)[: len(names)]
        pixels, images = pixels + found, images + (found > 0)
    counts = ", ".join(f"{len(ids):,} {name}" for name, ids in lists.items())
    yield f"{split.parent.name}/{split.name}: {counts}; {pixels.sum():,} labelled pixels"
    for name, found, shown in zip(names, pixels, images, strict=True):
        yield f"  {name}: {100 * found / max(1, pixels.sum()):.1f} % of the pixels, {shown} images"


def _validation(root: Path, train: list[str], params: SplitsParams) -> list[str]:
    try:
        return held_out(classes_in_masks(root, train), params)
    except UserError as error:
        raise UserError(f"{root}: {error}") from None


def held_out(classes_of: Mapping[str, Set[int]], params: SplitsParams) -> list[str]:
    """The share `params.validation` of the ids in `classes_of` (id -> classes its mask shows), drawn by the rule.

    An image that alone shows a class is left to training, and so is one image of each class. UserError where that
    leaves none.
    """
    if len(classes_of) < 2:
        raise UserError(
            f"training and validation each need an image with a mask, and there are {len(classes_of)}; give masks for"
            " two or more"
        )
    groups = _by_class(classes_of)
    alone = {images[0] for images in groups if len(images) == 1}
    spare = {image_id: shown for image_id, shown in classes_of.items() if image_id not in alone}
    count = min(len(classes_of) - 1, max(1, round(params.validation * len(classes_of))), len(spare))
    drawn = _spare(set(stratified(spare, count, params.seed)), groups) if spare else set()
    if not drawn:
        raise UserError(
            "no image with a mask can be spared for validation, since each is the only one that shows some class; give"
            " masks for more images"
        )
    return sorted(drawn)


def _by_class(classes_of: Mapping[str, Set[int]]) -> list[list[str]]:
    """The ids that show each class, sorted."""
    groups: dict[int, list[str]] = defaultdict(list)
    for image_id in sorted(classes_of):
        for c in classes_of[image_id]:
            groups[c].append(image_id)
    return [groups[c] for c in sorted(groups)]


def _drawn(root: Path, train: list[str], count: int, seed: int) -> list[str]:
    if count > len(train):
        raise UserError(
            f"experiments: split {count} asks for {count} labelled images, {root} has {len(train)} with masks for"
            f" training; ask for at most {len(train)}, or for all"
        )
    return stratified(classes_in_masks(root, train), count, seed)


def _require_every_class(root: Path, labeled: list[str], split: str) -> None:
    names = layout.read_classes(root)
    present = frozenset().union(*classes_in_masks(root, labeled).values()) if labeled else frozenset()
    missing = [name for index, name in enumerate(names) if index not in present]
    if missing:
        raise UserError(
            f"split {split} of {root}: no labelled pixel of class {', '.join(missing)}; label an image that shows it,"
            " ask for more labelled images, or remove it from the classes"
        )
