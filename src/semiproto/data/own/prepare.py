"""A user's own folder, checked and copied, linked or referred to in the layout of data/layout.py."""

from __future__ import annotations

import os
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np

from semiproto.data import layout, references
from semiproto.data.images import measure, opening
from semiproto.data.images.measure import Moments
from semiproto.data.images.pixels import PixelFormat, SetPixels
from semiproto.data.own import check, masks
from semiproto.data.own.contents import contents
from semiproto.data.own.faults import Fault
from semiproto.data.own.names import PARTS
from semiproto.errors import UserError
from semiproto.params import FolderSource
from semiproto.process.pool import mapped
from semiproto.process.progress import Progress
from semiproto.provenance.artifacts import write_text
from semiproto.provenance.integrity import Kept


def prepare(root: Path, source: FolderSource, found: contents.Contents | None = None, kept: Kept | None = None) -> None:
    """Copies, links or refers to the images, and rewrites the masks below `root`.

    found: what the folder holds, where that is known. kept: what is remembered of images that were checked before.
    UserError at the worst fault, with the number of all.
    """
    found = contents.read(source) if found is None else found
    report = check.check(source, found, kept=kept)
    if errors := report.errors():
        more = f" ({errors} faults in all; `semiproto check-data` lists them)" if errors > 1 else ""
        raise UserError(f"{report.faults[0]}{more}")
    if report.faults:
        told = f"data {source.name}: warnings: {len(report.faults)}; `semiproto check-data` lists them"
        print(told, file=sys.stderr, flush=True)
    (root / layout.MASKS).mkdir(parents=True)
    if source.storage == "reference":
        references.write(root, {item.id: report.digests[item.id] for item in found.items})
    else:
        _place_all(root, source, found)
    _write_masks(root, source, found)
    for part in PARTS:
        write_text(root / layout.LISTS / f"{part}.txt", "".join(f"{item.id}\n" for item in found.of(part)))
    write_text(root / "classes.txt", "".join(f"{name}\n" for name in source.classes))
    if source.colours:
        layout.write_palette(root, source.colours)
    layout.write_pixels(root, _measured(source, found, report.pixels))


def _place_all(root: Path, source: FolderSource, found: contents.Contents) -> None:
    """Puts the images into the set."""
    (root / layout.IMAGES).mkdir()
    doing = "linking" if source.storage == "link" else "copying"
    progress = Progress(f"data {source.name}: {doing}", len(found.items), "images")
    linked = 0
    for item in found.items:
        linked += _place(item.image, root / layout.IMAGES / f"{item.id}{item.image.suffix}", source.storage)
        progress.update()
    if source.storage == "link" and linked < len(found.items):
        copied = f"{len(found.items) - linked} of {len(found.items)} images copied, not linked"
        print(f"data {source.name}: {copied}: the file system refuses links to them", file=sys.stderr, flush=True)


def _write_masks(root: Path, source: FolderSource, found: contents.Contents) -> None:
    """Writes the masks as class indices."""
    masked, rules = [(item, item.mask) for item in found.items if item.mask is not None], masks.rules(source)
    progress = Progress(f"data {source.name}: writing", len(masked), "masks")
    for item, mask in masked:
        layout.write_mask(root / layout.MASKS / f"{item.id}.png", _indices(item, mask, rules))
        progress.update()


def _place(image: Path, target: Path, storage: str) -> bool:
    """Puts an image into the set; whether it is a link. Between file systems, and to files of other users, there are no
    hard links: those images are copied."""
    if storage == "link":
        try:
            os.link(os.path.realpath(image), target)
        except OSError:
            pass
        else:
            return True
    shutil.copyfile(image, target)
    return False


def _measured(source: FolderSource, found: contents.Contents, form: PixelFormat) -> SetPixels:
    """What is kept of the images; mean and deviation of the training images where they have not three bands."""
    if form.bands == 3:
        return SetPixels(format=form)
    training = [item.image for item in found.items if item.part != "val"]
    progress = Progress(f"data {source.name}: measuring", len(training), "images")
    return measure.set_pixels(form, mapped(partial(_moments, form), training, progress))


def _moments(form: PixelFormat, image: Path) -> Moments:
    return measure.moments(layout.read_image(image, form))


def _indices(item: contents.Item, mask: masks.Mask, rules: masks.Rules) -> np.ndarray:
    values = masks.read(mask, opening.outline(item.image).size, rules)
    if isinstance(values, Fault):  # checked a moment ago: the file was changed meanwhile
        raise UserError(str(values))
    return values
