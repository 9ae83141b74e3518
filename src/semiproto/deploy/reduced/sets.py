"""The images that a reduced file is calibrated on, and those that it is measured on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.images.pixels import SetPixels
from semiproto.data.own import prepare
from semiproto.data.own.layouts import discover
from semiproto.deploy.labelled import Sets, sets_of_model
from semiproto.deploy.reduced.cost import pieces
from semiproto.errors import UserError
from semiproto.model import folder as model_folder
from semiproto.model.folder import Card

CALIBRATED = 64
"""The most images whose ranges are looked at; onnxruntime's examples take between ten and a hundred."""


@contextmanager
def opened(model: Path, folder: Path | None) -> Iterator[Sets]:
    """The model's own images with labels, or, where a folder is given, those that `init` would find in it.

    A folder without validation images gives all its images with masks for both. UserError where there are none, or the
    classes are others than the model's.
    """
    if folder is None:
        own = sets_of_model(model)
        if own is None or not own.validation.ids:
            raise UserError(
                f"{model}: its validation images are not here, which say what less precision costs; run this in the"
                " checkout that trained it, or name a folder of images with masks with --data"
            )
        yield own
        return
    with TemporaryDirectory() as work:
        yield _prepared(folder, Path(work, layout.FILES), model_folder.read_card(model))


def _prepared(folder: Path, root: Path, card: Card) -> Sets:
    """The sets of a user's folder, copied to `root`."""
    source = discover.section_of(folder, "export")
    if list(source.classes) != card.classes:
        raise UserError(
            f"--data {folder}: its classes are {', '.join(source.classes)}, and the model's {', '.join(card.classes)};"
            " name a folder of images with masks of the model's classes"
        )
    prepare.prepare(root, source)
    (root / layout.PIXELS).unlink(missing_ok=True)
    layout.write_pixels(root, SetPixels(format=card.pixels))  # scaled as in training, not as these images would be
    training, validation = (layout.read_list(root / layout.LISTS / f"{part}.txt") for part in ("train", "val"))
    if not training and not validation:
        raise UserError(f"--data {folder}: no image with a mask in it; name a folder of images with masks")
    return Sets(Images(root, training or validation), Images(root, validation or training))


def calibration(images: Images) -> Iterator[np.ndarray]:
    """Pieces uint8 [bands, H, W] of at most CALIBRATED images, spread evenly over the list."""
    for position in np.linspace(0, len(images) - 1, min(CALIBRATED, len(images))).round().astype(int).tolist():
        for piece in pieces(images[position][0]):
            yield piece.numpy()
