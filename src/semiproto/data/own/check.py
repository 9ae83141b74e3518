"""`semiproto check-data`, and the same before every run: all faults of a user's data in one pass over the files."""

from __future__ import annotations

import hashlib
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from semiproto.data import splits
from semiproto.data.images import measure, pixels
from semiproto.data.images.measure import Span
from semiproto.data.images.pixels import PixelFormat
from semiproto.data.own import masks, values
from semiproto.data.own.contents.contents import Contents, Item
from semiproto.data.own.faults import Fault, fault_of, worst_first
from semiproto.data.own.findings import ClassShare, Findings
from semiproto.data.own.formats import readers
from semiproto.data.own.names import but_for_case
from semiproto.errors import UserError
from semiproto.params import VOID, FolderSource, Params
from semiproto.process.pool import mapped
from semiproto.process.progress import Progress
from semiproto.provenance import sources
from semiproto.provenance.artifacts import sha256_text
from semiproto.provenance.integrity import Kept, State, state_of_path

NEAR = 6
"""Bits of 64 in which the hashes of near duplicates differ at most. Measured on photographs: 99 in 100 copies that were
saved again, halved or trimmed by 2 % are found, and 4 in a million pairs of different ones are taken for copies."""
FLAT = 12
"""Grey levels that a 9 x 8 thumbnail must span for its hash to tell images apart."""
FEW_IMAGES, FEW_PIXELS = 3, 0.0005
"""Labelled images, and share of the labelled pixels, below which a class is called rare."""
LARGE = 0.8
"""Difference of two means, in standard deviations, that is called large (Cohen's d)."""
NOTABLE = 0.1
"""Difference of two means, as a share of the first, below which it is not worth a warning however small the spread."""
ENOUGH = 5
"""Images of each kind that a comparison of means needs."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one image and its mask. `width` is 0 where the image could not be read."""

    item: Item
    faults: list[Fault]
    width: int = 0
    height: int = 0
    brightness: float = 0.0
    length: int = 0
    """Bytes of the file."""
    digest: bytes = b""
    hash: int | None = None
    """64 bits; None where the image is too flat to be told from others."""
    pixels: np.ndarray | None = None
    """Labelled pixels of each class, int64 [classes]; None without a sound mask."""
    span: Span | None = None
    """The range of samples of more than 8 bits, in which `brightness` then is too; None for 8 bits."""
    alpha: bool = False
    """Whether alpha was left out that is not opaque everywhere."""
    palette: masks.Palette | None = None
    """The colours of the values of a palette mask."""


def check(source: FolderSource, contents: Contents, params: Params | None = None, kept: Kept | None = None) -> Findings:
    """Looks at every image and mask, and at what the experiments of `params` ask of them.

    The result depends on the files alone: neither on the order of the file system nor on the number of processes.
    kept: images that were found sound and have not changed since are not read again.
    """
    seen = list(_look(source, contents.items)) if kept is None else _look_once(source, contents.items, kept)
    form = _format(source, seen)
    depths = list(_depth_faults(form, seen))
    seen = [_as_shown(one, form) for one in seen]
    shares = [share for part in ("train", "val") for share in _shares(part, source.classes, seen)]
    looks = {
        kind: _look_of([one for one in seen if one.width and (one.item.mask is None) == (kind == "unlabelled")])
        for kind in ("labelled", "unlabelled")
    }
    faults = [
        *contents.faults,
        *(fault for one in seen for fault in one.faults),
        *depths,
        *_class_faults(source, shares, seen),
        *values.palette_faults(
            [(masks.file_of(one.item.mask), one.palette) for one in seen if one.item.mask and one.palette]
        ),
        *_exact_duplicates(seen),
        *_near_duplicates(seen),
        *_look_faults(source, seen),
    ]
    if params and not _unknown(contents, seen):
        faults += experiment_faults(params, contents.counts(), _shown(seen))
    return Findings(
        source.path,
        worst_first(faults),
        contents.counts(),
        shares,
        looks,
        form,
        contents.files,
        contents.matched,
        {one.item.id: (one.length, one.digest.hex()) for one in seen if one.digest},
    )


def _unknown(contents: Contents, seen: list[Seen]) -> bool:
    """Whether it is not known yet what there will be to train on: names, lists or masks have errors."""
    train = [one for one in seen if one.item.part == "train"]
    return any(not fault.warning for fault in contents.faults) or any(one.pixels is None for one in train)


def _shown(seen: list[Seen]) -> dict[str, frozenset[int]]:
    """The classes that the mask of each training image shows, by id."""
    return {
        one.item.id: frozenset(np.flatnonzero(one.pixels).tolist())
        for one in seen
        if one.item.part == "train" and one.pixels is not None
    }


# ---------------------------------------------------------------------------------------------- one image


def _look(source: FolderSource, items: list[Item]) -> Iterator[Seen]:
    """Every item as seen, in order; by as many processes as there are cores where that is worth it."""
    work = partial(look, masks.rules(source), source.bands)
    return mapped(work, items, Progress(f"data {source.name}: checking", len(items), "images"))


def _look_once(source: FolderSource, items: list[Item], kept: Kept) -> list[Seen]:
    """The same, where what was sound and has not changed since is remembered, also of a look that was interrupted."""
    how = sha256_text(f"{masks.rules(source)} {source.bands} {sources.digests('data.own.check')}")
    states = [_state_of(item, how) for item in items]
    seen = [
        state and _recalled(item, kept.recall(str(item.image), state))
        for item, state in zip(items, states, strict=True)
    ]
    for one, state in zip(seen, states, strict=True):
        _learn(kept, one, state)
    new = [position for position, one in enumerate(seen) if one is None]
    try:
        for position, one in zip(new, _look(source, [items[position] for position in new]), strict=True):
            seen[position] = one
            _learn(kept, one, states[position])
    finally:
        kept.keep()
    return [one for one in seen if one]


def _learn(kept: Kept, one: Seen | None, state: State | None) -> None:
    """Remembers a sound image of 8 bits."""
    if one is not None and state is not None and not one.faults and one.span is None:
        kept.learn(str(one.item.image), state, _as_kept(one))


def _state_of(item: Item, how: str) -> State | None:
    """The state of an image and its mask; None where it cannot be told, or the mask is one of many in a file."""
    if not isinstance(item.mask, Path | None):
        return None
    try:
        mask = None if item.mask is None else state_of_path(item.mask)
        image = state_of_path(item.image, f"{how}{mask and mask.digest} ")
    except OSError:
        return None
    return State(image.digest, image.settled and (mask is None or mask.settled))


def _as_kept(one: Seen) -> list[Any]:
    """What is remembered of it: plain values, for JSON."""
    pixels = None if one.pixels is None else one.pixels.tolist()
    palette = None if one.palette is None else [[value, list(colour)] for value, colour in one.palette.items()]
    size = [one.width, one.height, one.brightness, one.length]
    return [*size, one.digest.hex(), one.hash, pixels, one.alpha, palette]


def _recalled(item: Item, kept: list[Any] | None) -> Seen | None:
    if kept is None:
        return None
    width, height, brightness, length, digest, hash64, pixels, alpha, palette = kept
    return Seen(
        item,
        [],
        width,
        height,
        brightness,
        length,
        bytes.fromhex(digest),
        hash64,
        pixels=None if pixels is None else np.array(pixels),
        alpha=alpha,
        palette=None if palette is None else {value: (red, green, blue) for value, (red, green, blue) in palette},
    )


def look(rules: masks.Rules, bands: int, item: Item) -> Seen:
    """Reads one image and its mask whole."""
    try:
        samples = pixels.decode(item.image, bands)
    except UserError as error:
        return Seen(item, [fault_of("image-unreadable", item.image, error)])
    span = None if samples.kind == "8-bit" else measure.span(samples)
    # A deep image is shown by its own range: whether two look alike does not depend on the set's.
    own = None if span is None else measure.format_of([span], bands)
    grey = samples.values if own is None else pixels.to_bytes(item.image, samples, own)
    orientation, alpha = samples.orientation, samples.alpha
    del samples  # a gigabyte of a large one
    image = Image.fromarray(pixels.shown(grey))
    faults, counts, palette = [], None, None
    if item.mask is not None:
        found, palette = masks.read_with_palette(item.mask, image.size, rules)
        if isinstance(found, Fault):
            faults.append(_turned(found, orientation))
        else:
            counts = np.bincount(found.ravel(), minlength=256)[: rules.classes]
            sides_tell = orientation >= 5 and image.width != image.height
            faults += _mask_warnings(item, counts, orientation, sides_tell)
    data = item.image.read_bytes()
    thumbnail = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BILINEAR), dtype=np.int16)
    brightness = float(thumbnail.mean())
    return Seen(
        item,
        faults,
        *image.size,
        brightness=brightness if own is None else _on_scale(brightness, own),
        length=len(data),
        digest=hashlib.sha256(data).digest(),
        hash=difference_hash(thumbnail),
        pixels=counts,
        span=span,
        alpha=alpha,
        palette=palette,
    )


def difference_hash(thumbnail: np.ndarray) -> int | None:
    """Whether each pixel of a grey thumbnail [8, 9] is darker than its right neighbour: 64 bits (dHash)."""
    if np.ptp(thumbnail) < FLAT:
        return None
    return int.from_bytes(np.packbits(thumbnail[:, :-1] < thumbnail[:, 1:]).tobytes(), "big")


def _turned(fault: Fault, orientation: int) -> Fault:
    if fault.kind != "mask-size" or orientation == 1:
        return fault
    found = f"{fault.found} as shown (its EXIF orientation is {orientation})"
    return Fault("mask-turned", fault.file, found, "turn the mask like the image, or remove the image's EXIF tag")


def _mask_warnings(item: Item, pixels: np.ndarray, orientation: int, sides_tell: bool) -> Iterator[Fault]:
    """sides_tell: the image was turned by a quarter, so a mask of its size can only be one of the image as shown."""
    assert item.mask is not None
    file = str(masks.file_of(item.mask))
    if not pixels.any():
        found = f"all pixels of {item.image.name} are void"
        yield Fault("mask-void", file, found, "label something, or remove the mask", warning=True)
    if orientation != 1 and not sides_tell:
        found = f"its EXIF orientation is {orientation}, and it is used as shown"
        yield Fault("exif", str(item.image), found, "make sure that its mask is of the image as shown", warning=True)


# -------------------------------------------------------------------------------------------- depth of images


def _format(source: FolderSource, seen: list[Seen]) -> PixelFormat:
    """What the samples of the set are, measured over its training images, labelled or not."""
    training = [one for one in seen if one.width and one.item.part != "val"]
    kinds = Counter(_kind(one) for one in training)
    most = kinds.most_common(1)[0][0] if kinds else "8-bit"
    spans = [one.span for one in training if one.span is not None and one.span.kind == most]
    return measure.format_of(spans, source.bands)


def _kind(one: Seen) -> pixels.Kind:
    return "8-bit" if one.span is None else one.span.kind


def _on_scale(brightness: float, form: PixelFormat) -> float:
    """A brightness of 0 to 255 in the samples' own unit, on average over the bands; 8 bits stay as they are."""
    if form.low is None or form.high is None:
        return brightness
    return float(np.mean(form.low) + brightness / 255 * (np.mean(form.high) - np.mean(form.low)))


def _as_shown(one: Seen, form: PixelFormat) -> Seen:
    """With the brightness, 0 to 255, that the image has by the set's range."""
    if one.span is None or form.low is None or form.high is None:
        return one
    low, high = np.mean(form.low), np.mean(form.high)
    return replace(one, brightness=float(np.clip(255 * (one.brightness - low) / (high - low), 0, 255)))


def _depth_faults(form: PixelFormat, seen: list[Seen]) -> Iterator[Fault]:
    """Images of another depth than most; and, of a deep set, by which range it is scaled."""
    readable = [one for one in seen if one.width]
    first = next((one for one in readable if _kind(one) == form.kind), None)
    for one in readable:
        if first is not None and _kind(one) != form.kind:
            found = f"its samples are {_kind(one)}, those of most images {form.kind}, such as {first.item.image.name}"
            yield Fault("image-depth", str(one.item.image), found, "save all images with one depth")
    if first is not None and form.low is not None and form.high is not None:
        ends = ", ".join(f"{low:g} to {high:g}" for low, high in sorted({*zip(form.low, form.high, strict=True)}))
        found = f"{form.kind} samples of more than 8 bits: {ends} of the training images become grey levels 0 to 255"
        remedy = "predict only images with the same meaning of a value"
        yield Fault("image-range", str(first.item.image), found, remedy, warning=True)
    if transparent := [one for one in readable if one.alpha]:
        found = f"its alpha is left out ({len(transparent)} such images)"
        remedy = "where it is data, set dataset.bands to 4"
        yield Fault("image-alpha", str(transparent[0].item.image), found, remedy, warning=True)


# ----------------------------------------------------------------------------------------------- the classes


def _shares(part: str, names: list[str], seen: list[Seen]) -> list[ClassShare]:
    counts = [one.pixels for one in seen if one.item.part == part and one.pixels is not None]
    if not counts:
        return []
    pixels, images = np.sum(counts, axis=0), np.count_nonzero(counts, axis=0)
    total = max(1, int(pixels.sum()))
    return [
        ClassShare(part, name, int(images[i]), int(pixels[i]), float(pixels[i] / total)) for i, name in enumerate(names)
    ]


def _class_faults(source: FolderSource, shares: list[ClassShare], seen: list[Seen]) -> Iterator[Fault]:
    """Classes that training cannot learn, and rare ones."""
    where = str(Path(source.path) / (source.masks if isinstance(source.masks, str) else source.masks[0]))
    yield from _classes_alike(source, shares, where)
    for one in shares:
        if one.part == "val":
            if one.pixels == 0:
                found, remedy = f"no pixel of class {one.name} to validate on", "add an image that shows it"
                yield Fault("class-unvalidated", where, found, remedy, warning=True)
        elif one.pixels == 0:
            found, remedy = _without_pixels(one, shares, source, seen)
            yield Fault("class-without-pixels", where, found, remedy)
        elif one.images < FEW_IMAGES or one.share < FEW_PIXELS:
            found = (
                f"class {one.name} has {one.pixels} labelled pixels ({100 * one.share:.2g} %) in {one.images} images"
            )
            yield Fault("class-rare", where, found, "label more images that show it", warning=True)


def _classes_alike(source: FolderSource, shares: list[ClassShare], where: str) -> Iterator[Fault]:
    """Classes whose names differ only in case: those who labelled may have meant one."""
    for names in but_for_case(source.classes):
        images = {name: sum(one.images for one in shares if one.name == name) for name in names}
        often = ", ".join(f"{name} in {count} images" for name, count in images.items())
        kept = max(names, key=lambda name: images[name])
        classes = [name for name in source.classes if name == kept or name not in names]
        remedy = f"if they are one, set dataset.classes to [{', '.join(classes)}]"
        if source.colours:
            remedy = "if they are one, draw both in one colour"
        elif readers.format_of(source) in ("masks", "pairs"):
            table = ", ".join(f"{value}: {kept if one in names else one}" for value, one in _meant(source).items())
            remedy += f" and dataset.values to {{{table}}}"
        yield Fault("class-case", where, f"classes differ only in case: {often}", remedy, warning=True)


def _without_pixels(
    one: ClassShare, shares: list[ClassShare], source: FolderSource, seen: list[Seen]
) -> tuple[str, str]:
    """What was found and what to do; binary masks of 0 and 255 are common, and 255 is void here."""
    masked = [each for each in seen if each.item.part == "train" and each.pixels is not None]
    if validating := sum(share.images for share in shares if share.part == "val" and share.name == one.name):
        found = f"no labelled pixel of class {one.name} to train on, and {validating} validation images show it"
        return found, f"move one of them to the training images{_or_make_void(one.name, source)}"
    total = sum(each.width * each.height for each in masked)
    void = 1 - sum(share.pixels for share in shares if share.part == "train") / total
    found, value = f"no labelled pixel of class {one.name}", source.ignore
    if (
        not isinstance(value, int)
        or not void
        or one.name == source.classes[0]
        or len(source.classes) > 2
        or source.values
    ):
        return found, f"label an image that shows it{_or_leave_out(one.name, source)}"
    found += f", and {100 * void:.2g} % of the pixels are {value}, which dataset.ignore makes void"
    table = f"{{0: {source.classes[0]}, {value}: {one.name}}}"
    remedy = f"set dataset.values to {table}, or write them as 1"
    return found, f"if they are {one.name}, {remedy}"


def _or_make_void(name: str, source: FolderSource) -> str:
    """How to leave out a class that some masks show."""
    if len(source.classes) == 2 or source.colours or readers.format_of(source) not in ("masks", "pairs"):
        return ""
    table = ", ".join(f"{value}: {VOID[0] if other == name else other}" for value, other in _meant(source).items())
    return f", or remove it from dataset.classes and set dataset.values to {{{table}}}"


def _meant(source: FolderSource) -> dict[str, str]:
    """The name of each mask value, as dataset.values has them."""
    return source.values or {str(value): name for value, name in enumerate(source.classes)}


def _or_leave_out(name: str, source: FolderSource) -> str:
    """How to do without a class; the values of the others must keep their meaning."""
    if len(source.classes) == 2:
        return ""
    text = f", or remove it from dataset.classes{' and dataset.colours' if source.colours else ''}"
    if source.values:
        return f"{text} and dataset.values"
    if source.colours or readers.format_of(source) not in ("masks", "pairs"):
        return text
    others = ", ".join(f"{value}: {other}" for value, other in enumerate(source.classes) if other != name)
    return f"{text} and set dataset.values to {{{others}}}"


# ------------------------------------------------------------------------------------------------ duplicates


def _exact_duplicates(seen: list[Seen]) -> Iterator[Fault]:
    """Files of equal bytes: an error where one is trained on and the other validates."""
    groups: dict[bytes, list[Seen]] = defaultdict(list)
    for one in seen:
        if one.digest:
            groups[one.digest].append(one)
    for group in groups.values():
        first, *others = sorted(group, key=lambda one: (one.item.part, str(one.item.image)))
        for other in others:
            parts = {first.item.part, other.item.part}
            found = f"the same file as {first.item.image} (parts {first.item.part} and {other.item.part})"
            leak = parts == {"train", "val"}
            yield Fault("duplicate", str(other.item.image), found, "remove one of them", warning=not leak)


def _near_duplicates(seen: list[Seen]) -> Iterator[Fault]:
    """For each validation image its nearest training image, where they look alike.

    Without a validation list, labelled images are compared with each other, since some of them will validate.
    """
    train, val = ([one for one in seen if one.item.part == part and one.hash is not None] for part in ("train", "val"))
    hashes = np.array([one.hash for one in train], dtype=np.uint64)
    apart = "training and validation"
    others = [(one, len(train)) for one in val]  # of the training images the first so many
    if not val:
        apart = "the labelled images, of which some will validate"
        others = [(one, position) for position, one in enumerate(train)]
    for one, count in others:
        if not count:
            continue
        distances = np.bitwise_count(hashes[:count] ^ np.uint64(one.hash or 0))
        nearest = train[int(distances.argmin())]
        if distances.min() <= NEAR and nearest.digest != one.digest:
            found = f"looks like {nearest.item.image} ({distances.min()} of 64 bits differ), both in {apart}"
            remedy = "if they show the same, keep them in one part"
            yield Fault("near-duplicate", str(one.item.image), found, remedy, warning=True)


# ------------------------------------------------------------------------------------------- how images look


def _features(seen: list[Seen]) -> dict[str, np.ndarray]:
    return {
        "megapixels": np.array([one.width * one.height / 1e6 for one in seen]),
        "brightness": np.array([one.brightness for one in seen]),
    }


def _look_of(seen: list[Seen]) -> dict[str, float]:
    """Number of images, and mean and standard deviation of their size and brightness (0..255)."""
    if not seen:
        return {"images": 0}
    return {"images": len(seen)} | {
        f"{name}_{what}": round(float(value), 4)
        for name, values in _features(seen).items()
        for what, value in (("mean", values.mean()), ("sd", values.std()))
    }


def _look_faults(source: FolderSource, seen: list[Seen]) -> Iterator[Fault]:
    """Where labelled and unlabelled images differ so much that the unlabelled ones may not help."""
    readable = [one for one in seen if one.width]
    labeled = _features([one for one in readable if one.item.mask is not None])
    unlabeled = _features([one for one in readable if one.item.mask is None])
    for name, unit in (("megapixels", "megapixels"), ("brightness", "of 255 grey levels")):
        mine, theirs = labeled[name], unlabeled[name]
        if min(len(mine), len(theirs)) < ENOUGH:
            continue
        spread = np.sqrt((mine.var() + theirs.var()) / 2)
        if abs(mine.mean() - theirs.mean()) > max(LARGE * spread, NOTABLE * mine.mean()):
            found = (
                f"labelled and unlabelled images differ: on average {mine.mean():.3g} and {theirs.mean():.3g} {unit}"
            )
            remedy = "check that both show the same kind of scene"
            yield Fault("looks", source.path, found, remedy, warning=True)


# ----------------------------------------------------------------------------------------------- experiments


def experiment_faults(params: Params, images: dict[str, int], shown: dict[str, frozenset[int]]) -> Iterator[Fault]:
    """What the experiments ask of the folder that it does not have.

    images: number by part. shown: the classes in the mask of each training image, by id.
    """
    train, validation = images["train"], images["val"]
    if not validation and train < 2:
        yield _experiment("only one image has a mask, and validation needs one too", "give masks for two or more")
        return
    try:
        kept = set() if validation else set(splits.held_out(shown, params.splits))
    except UserError as error:
        yield _experiment(*str(error).rsplit("; ", 1))
        return
    left = {image_id: classes for image_id, classes in shown.items() if image_id not in kept}
    for experiment in params.experiments:
        labeled = len(left) if experiment.split == "all" else experiment.split
        if labeled > len(left):
            yield _experiment(f"split {labeled} asks for more than the {len(left)} labelled images", "ask for fewer")
            continue
        needing = [name for name in experiment.variants if params.variants[name].method != "supervised"]
        if needing and not images["unlabeled"] and labeled >= len(left):
            found = f"{needing[0]} on split {experiment.split} has no unlabelled image"
            yield _experiment(found, f"add some{_with_fewer(params, left, labeled)}")
        yield from _split_faults(params, str(experiment.split), left, labeled)


def _with_fewer(params: Params, left: dict[str, frozenset[int]], labeled: int) -> str:
    """The command after which half of the images are labelled, or as many as it takes, and the others count as
    unlabelled; empty where each of them is needed."""
    assert isinstance(params.dataset, FolderSource)
    possible = range(max(1, labeled // 2), labeled)
    count = next((one for one in possible if not any(_split_faults(params, str(one), left, one))), None)
    if count is None:
        return ""
    command = f"semiproto init {shlex.quote(params.dataset.path)} --force --labels {count}"
    return f", or label fewer: `{command}`, then the others count as unlabelled"


def _experiment(found: str, remedy: str) -> Fault:
    return Fault("experiment", "experiments", found, remedy)


def _split_faults(params: Params, split: str, left: dict[str, frozenset[int]], count: int) -> Iterator[Fault]:
    """What would stop a run before its training: a class that no labelled image shows, folds that cannot be made.

    left: the images that `count` are drawn from.
    """
    assert isinstance(params.dataset, FolderSource)
    labeled = {image_id: left[image_id] for image_id in splits.stratified(left, count, params.splits.seed)}
    present = frozenset().union(*labeled.values())
    missing = [name for number, name in enumerate(params.dataset.classes) if number not in present]
    if missing and split != "all":  # of all images, the class is a fault of its own
        remedy = "ask for more labelled images, or label more that show it"
        yield _experiment(f"split {split} has no labelled pixel of class {', '.join(missing)}", remedy)
    if params.forecast.images == "labeled":
        try:
            splits.folds(labeled, params.forecast.folds, params.splits.seed)
        except UserError as error:
            yield _experiment(*str(error).rsplit("; ", 1))
