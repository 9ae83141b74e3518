"""Masks for images, from a model folder alone.

<out>/<stem>.png             the mask: class indices, with the palette of the model's card
<out>/overlay/<stem>.jpg     on request: the mask laid over the image
<out>/confidence/<stem>.png  on request: 255 times the probability of the predicted class

Of a GeoTIFF all three are GeoTIFFs, <stem>.tif (scene.py).

Each carries, in its text `semiproto` (a JPEG: in its comment), a hash of the model, the options, the code and the
image's name and content. Results with the right hash are kept, so that an interrupted command resumes where it was.
"""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from semiproto.data import layout
from semiproto.data.images import opening
from semiproto.data.images.pixels import PixelFormat
from semiproto.data.own import account
from semiproto.deploy import scene, segment
from semiproto.deploy.files import TEXT, Files, Options, alone_in, dead_link, files_of, images, left_over, uses
from semiproto.errors import Interrupted, UserError, printable
from semiproto.measure.inference import BATCH
from semiproto.model import folder as model_folder
from semiproto.model import reading
from semiproto.model.network import SegmentationNetwork
from semiproto.process.pool import Cores
from semiproto.process.progress import Progress
from semiproto.provenance import sources
from semiproto.provenance.artifacts import atomic_write

Fault = UserError | OSError
"""Why an image has no mask."""
LEAST_PIXELS = 2**12
"""What an image counts for at least, of those that have begun."""


@dataclass
class Outcome:
    """Number of masks written, number of masks kept, why images have none, and what the files of the folders are."""

    written: int = 0
    kept: int = 0
    unreadable: list[str] = field(default_factory=list)
    files: list[account.Row] = field(default_factory=list)
    """What every file of the folders is used as, or why it is passed over."""
    finished: list[Files] = field(default_factory=list)
    """The images that have their masks."""
    notes: list[str] = field(default_factory=list)
    """What else to tell the user."""


@dataclass(frozen=True)
class _Work:
    """What every image is handed to."""

    network: SegmentationNetwork
    form: PixelFormat
    colours: np.ndarray
    options: Options
    together: int
    """Most images of one batch."""
    cores: Cores = field(default_factory=lambda: Cores(torch.get_num_threads()))

    @property
    def window(self) -> int:
        """Pixels of a window."""
        return self.options.window**2

    def cores_for(self, pixels: int) -> int:
        """How many cores look at a batch. On a CPU its share of a window: one for a small image, all for a large one,
        and never more pixels at once than a window has. A GPU looks at one batch at a time."""
        share = 1.0 if self.network.mean.is_cuda else pixels / self.window
        return min(self.cores.count, math.ceil(share * self.cores.count))


def predict_files(model: Path, paths: list[Path], out: Path, options: Options) -> Outcome:
    """Writes a mask for each image that has none of this model and these options.

    Images with more than `options.window` pixels a side are looked at in overlapping windows, so memory is bounded.
    UserError, before anything is written, where there is no image or a result would replace an input.
    """
    found = images(paths)
    _require_apart([files_of(image, out, options, "") for image in found], paths)
    found = found if options.shard is None else options.shard.share(found)
    with reading.unchanged(model, model_folder.MODEL, model_folder.CARD) as digests:
        card = model_folder.read_card(model)
        network = segment.placed(model_folder.load_model(model))
    code = sources.digests("deploy.predict")
    files = [files_of(image, out, options, f"{digests} {options.window} {options.palette} {code}") for image in found]
    work = _Work(network, card.pixels, palette(card), options, BATCH if network.mean.is_cuda else 1)
    with alone_in(out, shared=options.shard is not None):
        outcome = _predicted(files, paths, work)
        names = {one.mask.name for one in outcome.finished}
        if options.shard is None and (others := left_over(out, names)):
            outcome.notes.append(
                f"{out}: holds {len(others)} masks of an earlier command, of other images or another model"
                f" ({printable(others[0].name)}); remove them, or take another folder, where they are not wanted"
            )
        return outcome


def _predicted(files: list[Files], paths: list[Path], work: _Work) -> Outcome:
    todo = [one for one in files if not one.done()]
    if work.options.shard is None:  # the pipeline's folders are its own
        _require_own(todo)
    outcome = Outcome(kept=len(files) - len(todo), files=uses(paths))
    progress = Progress("predict", len(files), "images", done=outcome.kept)
    for one in todo:
        if one.is_scene:
            with _noted(one, outcome, progress):
                _ = one.text  # before its pixels are read
                scene.predict(work.network, work.form, work.options.window, one, work.colours)
                one.remove_stale()
    for done in _pictures([one for one in todo if not one.is_scene], work):
        for one, fault in done:
            with _noted(one, outcome, progress):
                if fault is not None:
                    raise fault
    outcome.finished = [one for one in files if one.done()]
    return outcome


@contextmanager
def _noted(one: Files, outcome: Outcome, progress: Progress) -> Iterator[None]:
    """Counts the image, or notes why it has no mask: the others get theirs."""
    try:
        yield
        outcome.written += 1
    except UserError as error:
        outcome.unreadable.append(printable(str(error)))
    except OSError as error:
        if error.errno not in (errno.ENAMETOOLONG, errno.EISDIR):
            raise
        remedy = "rename the image" if error.errno == errno.ENAMETOOLONG else "remove that folder"
        outcome.unreadable.append(printable(f"{one.image}: no mask ({one.mask.name}: {error.strerror}); {remedy}"))
    progress.update()


def _require_own(files: list[Files]) -> None:
    """UserError where a result would replace a picture that no `predict` wrote, such as a mask drawn by hand."""
    if foreign := next(filter(None, (one.foreign() for one in files)), None):
        raise UserError(
            f"{foreign}: not written by `predict`, or changed since, and would be overwritten; give another folder with"
            " --out, or move it away"
        )


def _require_apart(files: list[Files], paths: list[Path]) -> None:
    # By name: links that lead in circles are no error here, but of the image that they stand for.
    inputs = {os.path.realpath(one.image) for one in files}
    folders = {os.path.realpath(path) for path in paths if path.is_dir()}
    for one in files:
        if mixed := [path.parent for path in one.outputs() if os.path.realpath(path.parent) in folders]:
            raise UserError(f"{mixed[0]}: masks would lie among the images of this folder; give another with --out")
        if any(os.path.realpath(path) in inputs for path in one.outputs()):
            raise UserError(f"{one.image}: its mask would overwrite an input image; give another folder with --out")


def palette(card: model_folder.Card) -> np.ndarray:
    """256 colours, uint8 [256, 3]: the card's for its classes, VOC's for the others."""
    colours = layout.voc_palette()
    if card.palette is not None:
        colours[: len(card.palette)] = card.palette
    return colours


def _pictures(todo: list[Files], work: _Work) -> Iterator[list[tuple[Files, Fault | None]]]:
    """Writes the results of pictures; yields, batch by batch, each with what kept it from having any.

    Some are read and written while others are looked at.
    """
    hook = work.network.register_forward_pre_hook(lambda *_: _go_on(work.cores))
    try:
        yield from work.cores.mapped(partial(_finish, work), _batches(todo, work), work.cores.count * work.window)
    finally:
        hook.remove()
        torch.set_num_threads(work.cores.count)


def _batches(todo: list[Files], work: _Work) -> Iterator[tuple[list[Files], float]]:
    """Neighbours of one size, no more pixels in all than a window has, unless one has more; with their pixels.

    One at a time on a CPU, where an image's mask is then the same to the last bit whatever its neighbours are. Nothing
    is padded, so on a GPU too only pixels may differ where two classes tie.
    """
    for size, same in groupby(todo, _size):
        pixels = size[0] * size[1]
        fitting = max(1, min(work.together, work.window // pixels))
        while batch := list(islice(same, fitting)):
            yield batch, max(pixels * len(batch), LEAST_PIXELS)


def _size(one: Files) -> tuple[int, int]:
    """Width and height by the header; of a file whose header cannot be read, none to speak of."""
    try:
        return opening.outline(one.image).size
    except UserError:
        return 1, 1


def _finish(work: _Work, batch: list[Files]) -> list[tuple[Files, Fault | None]]:
    """Reads, looks at and writes one batch."""
    found: list[tuple[Files, Fault | None]] = []
    pictures = []
    for one in batch:
        try:
            _ = one.text  # before its pixels are read
            pictures.append((one, read(one.image, work.form)))
        except UserError as error:
            found.append((one, error))
    for _, same in groupby(pictures, lambda picture: picture[1].shape):  # whatever their headers say
        found += _look_at(work, list(same))
    return found


def _look_at(work: _Work, pictures: list[tuple[Files, np.ndarray]]) -> Iterator[tuple[Files, Fault | None]]:
    # One is not copied: large pictures come alone.
    images = pictures[0][1][None] if len(pictures) == 1 else np.stack([image for _, image in pictures])
    count = work.cores_for(images[..., 0].size)
    with work.cores.taken(count):
        torch.set_num_threads(count)
        results = segment.whole(work.network, images, work.options.window)
    for (one, image), classes, confidence in zip(pictures, *results, strict=True):
        try:
            _write(one, image, classes, confidence, work.colours)
        except (UserError, OSError) as error:
            yield one, error
        else:
            yield one, None


def _go_on(cores: Cores) -> None:
    """Called before every window: of a large image there are many."""
    if cores.stopped.is_set():
        raise Interrupted("stopped; the same command goes on from there")


def read(path: Path, form: PixelFormat) -> np.ndarray:
    """The image as the network takes it, uint8 [H, W, bands]; UserError where it cannot be read, or is a dead link."""
    if path.is_symlink() and not path.exists():
        raise dead_link(path)
    return layout.read_image(path, form)


def _write(files: Files, image: np.ndarray, classes: np.ndarray, confidence: np.ndarray, colours: np.ndarray) -> None:
    text = PngInfo()
    text.add_text(TEXT, files.text)
    if files.overlay is not None:
        with atomic_write(files.overlay) as temporary:
            drawn = segment.overlay(image, classes, colours)
            drawn.save(temporary, format="JPEG", quality=90, comment=files.text)
    if files.confidence is not None:
        with atomic_write(files.confidence) as temporary:
            Image.fromarray(confidence).save(temporary, format="PNG", pnginfo=text)
    mask = Image.fromarray(classes)
    if files.palette:
        mask.putpalette(colours.ravel().tolist())
    files.remove_stale()
    with atomic_write(files.mask) as temporary:
        mask.save(temporary, format="PNG", pnginfo=text)
