"""Which images to label next, and why.

<out>/suggestions.csv      image, score, why; in the order in which they were chosen
<out>/sheet.jpg            each with its prediction and the reason
<out>/left-out.csv         images that are labelled, or near duplicates of labelled ones, and of which
<out>/for-<tool>/...       on request: predictions to correct in a labelling tool (exchange/)
<out>/.semiproto/          what was seen of each image, and masks, which an interrupted command keeps
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from semiproto.data import layout
from semiproto.data.images.pixels import Array
from semiproto.data.own import account
from semiproto.deploy import contact_sheet, files, looks, predict, segment
from semiproto.deploy.contact_sheet import Cell
from semiproto.deploy.exchange import ToolFormat, writing
from semiproto.deploy.labelled import Labelled
from semiproto.deploy.looks import Look, Looks
from semiproto.errors import UserError, printable
from semiproto.measure.suggestions.acquisition import ACQUISITIONS, Acquisition
from semiproto.measure.suggestions.diversity import spread
from semiproto.measure.suggestions.duplicates import NEAR, nearest, picture_hash
from semiproto.model import folder as model_folder
from semiproto.model import reading
from semiproto.model.folder import STUDENT, Card
from semiproto.params import AcquisitionKind
from semiproto.process.progress import Progress
from semiproto.provenance import sources
from semiproto.provenance.artifacts import write_csv
from semiproto.provenance.integrity import state_of

LIST, SHEET, LEFT_OUT = "suggestions.csv", "sheet.jpg", "left-out.csv"
LOOKS = "looks.sqlite"
UNKNOWN = (
    "which images are labelled is not known, so none is left out as a near duplicate of them; name them with --labelled"
)


@dataclass(frozen=True)
class Wishes:
    """by: the score; None: coverage where the model has prototypes, and uncertainty where it has none.

    count: images to suggest. window: as for a prediction. tool: a format for corrections.
    """

    by: AcquisitionKind | None = None
    count: int = 50
    window: int = 1024
    tool: ToolFormat | None = None


@dataclass(frozen=True)
class Suggestion:
    image: Path
    score: float
    why: str


@dataclass(frozen=True)
class LeftOut:
    """An image that differs from a labelled one in so many bits of 64, at most NEAR."""

    image: Path
    like: Path
    bits: int


@dataclass
class Outcome:
    """By which score what was chosen, what was left out, why images could not be read, and what the files are."""

    by: AcquisitionKind
    suggestions: list[Suggestion] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    files: list[account.Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What else to tell the user."""


@dataclass(frozen=True)
class _Work:
    """What every image is handed to."""

    looks: Looks
    acquisition: Acquisition
    card: Card
    key: str
    """Of the model, the score and the window."""
    window: int
    outcome: Outcome


def suggest(model: Path, paths: list[Path], labelled: Labelled | None, out: Path, wishes: Wishes) -> Outcome:
    """Writes which of the images in `paths` to label next, in `out`.

    labelled: None where it is not known. Images that cannot be read are noted, and the others are looked at. A few
    numbers are kept of each image, so memory does not grow with their pixels. UserError, before anything is written,
    where there is no image, the score needs prototypes that the model lacks, or results would lie among images.
    """
    found = files.images(paths)
    _require_apart(out, [*paths, *(image.parent for image in labelled.images)] if labelled else paths)
    with reading.unchanged(model, *reading.files_of(model)) as digests:
        card = model_folder.read_card(model)
        if wishes.tool:
            writing.require_place(wishes.tool, card.classes, found)
        by, acquisition = _acquisition(model, card, wishes.by)
    outcome = Outcome(by, files=files.uses(paths), notes=[] if labelled else [UNKNOWN])
    key = f"{sources.digests('deploy.suggest')} {by} {wishes.window} {digests}"
    with files.alone_in(out), looks.opened(out / writing.WORK / LOOKS) as kept:
        work = _Work(kept, acquisition, card, key, wishes.window, outcome)
        _choose(found, labelled or Labelled(), wishes, work)
        _write(model, out, wishes, work)
    return outcome


def _require_apart(out: Path, paths: list[Path]) -> None:
    if os.path.realpath(out) in {os.path.realpath(path) for path in paths if path.is_dir()}:
        raise UserError(f"--out {out}: the sheet would lie among the images of this folder; give another")


def _acquisition(model: Path, card: Card, by: AcquisitionKind | None) -> tuple[AcquisitionKind, Acquisition]:
    student, bank = None, None
    if by != "uncertainty" and (model / STUDENT).is_file():
        student, bank = model_folder.load_student(model)
    by = by or ("uncertainty" if bank is None else "coverage")
    kind = ACQUISITIONS[by]
    if kind.with_prototypes and bank is None:
        lack = "a model without prototypes" if student else f"has no {STUDENT}, and so no prototypes"
        remedy = f"which --by {by} needs; name a model of the method prototype, or take --by uncertainty"
        raise UserError(f"{model}: {lack}, {remedy}")
    network = student if student is not None and kind.with_prototypes else model_folder.load_model(model)
    return by, kind(segment.placed(network), None if bank is None else bank.to(segment.device()), card.classes)


def _choose(images: list[Path], labelled: Labelled, wishes: Wishes, work: _Work) -> None:
    """Fills the outcome's suggestions and what was left out."""
    training = _seen("labelled images", labelled.training, work, look=work.acquisition.of_labelled)
    validation = _seen("validation images", labelled.validation, work, look=False)
    seen = _seen("suggest", images, work, look=True)
    work.outcome.unreadable = list(dict.fromkeys(work.outcome.unreadable))
    _leave_out(seen, training | validation, work.outcome)
    if not seen:
        raise UserError(
            f"{images[0].parent}: none of {len(images)} images is left to suggest ({len(work.outcome.left_out)} are"
            f" labelled or nearly so, {len(work.outcome.unreadable)} cannot be read); name a folder with others"
        )
    promises = work.acquisition.judge(_stacked(seen, "numbers"), _stacked(training, "numbers"))
    order = spread(np.array([one.score for one in promises]), _stacked(seen, "descriptor"), wishes.count)
    candidates = list(seen)
    work.outcome.suggestions = [Suggestion(candidates[n], *promises[n]) for n in order]
    if len(order) < wishes.count:
        work.outcome.notes.append(f"images left to suggest: {len(order)}, fewer than the {wishes.count} asked for")


def _seen(what: str, images: list[Path], work: _Work, *, look: bool) -> dict[Path, Look]:
    """By image, what was seen of it, for those that can be read. look: by the network too, not the picture alone."""
    key = work.key if look else ""
    keys = [_key_of(image, key) for image in images]
    progress = Progress(what, len(images), "images", done=sum(map(work.looks.has, keys)))
    found = {}
    for image, own in zip(images, keys, strict=True):
        fresh = not work.looks.has(own)
        try:
            found[image] = work.looks.get(own, _look(image, work, look=look))
        except UserError as error:
            work.outcome.unreadable.append(printable(str(error)))
        if fresh:
            progress.update()
    return found


def _key_of(image: Path, key: str) -> str:
    facts = image.stat() if image.exists() else None  # a dangling link is reported when it is read
    text = f"{key} {image.name} {facts and state_of(facts)}"
    return hashlib.sha256(os.fsencode(text)).hexdigest()


def _look(image: Path, work: _Work, *, look: bool) -> Callable[[], Look]:
    """What looks at an image when its look is not kept."""

    def make() -> Look:
        pixels = predict.read(image, work.card.pixels)
        if not look:
            nothing = np.zeros(0, dtype=np.float32)
            return Look(picture_hash(pixels), nothing, nothing)
        tiles = segment.tiles(pixels.shape[0], pixels.shape[1], work.window)
        return Look(picture_hash(pixels), *work.acquisition.look(pixels, tiles))

    return make


def _leave_out(seen: dict[Path, Look], labelled: dict[Path, Look], outcome: Outcome) -> None:
    """Moves the near duplicates of labelled images, and these themselves, from what was seen to what is left out."""
    if not labelled:
        return
    names, images = list(labelled), list(seen)
    like, bits = nearest(_pictures(seen), _pictures(labelled))
    for image, position, differing in zip(images, like.tolist(), bits.tolist(), strict=True):
        if differing <= NEAR:
            outcome.left_out.append(LeftOut(image, names[position], differing))
            del seen[image]
    if outcome.left_out:
        outcome.notes.append(
            f"left out, since they are labelled or nearly the same as a labelled image: {len(outcome.left_out)}"
            f" ({LEFT_OUT})"
        )


def _pictures(looked: dict[Path, Look]) -> Array:
    return np.array([look.picture for look in looked.values()], dtype=np.uint64)


def _stacked(looked: dict[Path, Look], what: str) -> Array:
    """The numbers [N, V] or the descriptors [N, dim]."""
    rows = [getattr(look, what) for look in looked.values()]
    return np.stack(rows) if rows else np.zeros((0, 0), dtype=np.float32)


def _write(model: Path, out: Path, wishes: Wishes, work: _Work) -> None:
    chosen, outcome = work.outcome.suggestions, work.outcome
    images = [one.image for one in chosen]
    home = out / f"for-{wishes.tool}" if wishes.tool else out
    if wishes.tool:
        _require_same(home, images)
    masks = predict.predict_files(model, images, home / writing.WORK, files.Options(wishes.window))
    outcome.unreadable += masks.unreadable
    shown = chosen[: contact_sheet.MOST]
    if len(shown) < len(chosen):
        outcome.notes.append(f"{SHEET}: shows the first {len(shown)} of {len(chosen)}")
    cells = _cells(shown, {one.image: one.mask for one in masks.finished}, work.card)
    contact_sheet.write(out / SHEET, cells, len(shown), predict.palette(work.card))
    if wishes.tool:
        outcome.notes += writing.predict_for(wishes.tool, model, images, home, wishes.window).notes
    write_csv(out / LEFT_OUT, _table(outcome.left_out, ["image", "like", "bits"]))
    write_csv(out / LIST, _table(chosen, ["image", "score", "why"]))


def _require_same(home: Path, images: list[Path]) -> None:
    """UserError where a folder for a tool has masks of images that are not among these."""
    stems = {image.stem for image in images}
    if other := sorted(path.stem for path in (home / writing.WORK).glob("*.png") if path.stem not in stems):
        raise UserError(
            f"{home}: has predictions of images that are not suggested now ({other[0]}); give another --out, or move it"
            " away"
        )


def _cells(chosen: list[Suggestion], masks: dict[Path, Path], card: Card) -> Iterator[Cell]:
    for number, one in enumerate(chosen, start=1):
        image = predict.read(one.image, card.pixels)
        mask = layout.read_mask(masks[one.image]) if one.image in masks else None
        yield Cell(image, mask, printable(f"{number}. {one.image.name}: {one.score:.4g}"), printable(one.why))


def _table(rows: list[Suggestion] | list[LeftOut], columns: list[str]) -> pd.DataFrame:
    values = [[getattr(row, column) for column in columns] for row in rows]
    shown = [[printable(one.as_posix()) if isinstance(one, Path) else one for one in row] for row in values]
    return pd.DataFrame(shown, columns=columns)
