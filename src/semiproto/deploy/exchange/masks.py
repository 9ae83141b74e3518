"""Formats of mask pictures: folders as PASCAL VOC has them, and the archive that CVAT imports."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from semiproto.data import layout
from semiproto.deploy.exchange.predictions import File, Predictions
from semiproto.deploy.exchange.regions import EIGHT, regions
from semiproto.errors import UserError

LABELMAP, OBJECTS = "labelmap.txt", "SegmentationObject"
ARCHIVE = "cvat.zip"
LIST = f"{layout.LISTS}/default.txt"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first time that an archive can hold, so that the same masks make the same archive."""
MOST_OBJECTS = 255


def require_names(classes: list[str], images: list[Path]) -> None:
    """UserError where labelmap.txt cannot hold a class's name, or the list of images an image's."""
    for name in classes:
        if ":" in name or name.startswith("#"):
            raise UserError(
                f"class {name!r}: its name has a colon or begins with #, which {LABELMAP} cannot hold; rename it in the"
                " model's card.json, or give another --format"
            )
    for image in images:
        if image.name.startswith("#"):
            raise UserError(
                f"{image}: its name begins with #, which {LIST} cannot hold; rename it, or give another --format"
            )


def voc(predictions: Predictions) -> Iterator[File]:
    """JPEGImages, SegmentationClass with palettes, a list of all images, and the colours of the classes."""
    yield LABELMAP, _labelmap(predictions)
    yield LIST, _list(predictions)
    yield from predictions.copies(layout.IMAGES)
    for one in predictions.of:
        picture = Image.fromarray(one.classes())
        picture.putpalette(predictions.colours.ravel().tolist())
        yield f"{layout.MASKS}/{one.image.stem}.png", _png(picture)


def cvat(predictions: Predictions) -> Iterator[File]:
    """One archive, "Segmentation mask 1.1": colours for classes and for objects, and no images."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _cvat_files(predictions):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED)
    yield ARCHIVE, stream.getvalue()


def _cvat_files(predictions: Predictions) -> Iterator[tuple[str, bytes]]:
    yield LABELMAP, _labelmap(predictions)
    yield LIST, _list(predictions)
    for one in predictions.of:
        classes = one.classes()
        for folder, colours in (
            (layout.MASKS, predictions.colours[classes]),
            (OBJECTS, layout.voc_palette()[_objects(classes, predictions)]),
        ):
            yield f"{folder}/{one.image.stem}.png", _png(Image.fromarray(colours))


def _objects(classes: np.ndarray, predictions: Predictions) -> np.ndarray:
    """A number from 1 for each region, uint8 [H, W]; for each class where there are more regions than numbers."""
    found = regions(classes, predictions.drawn(), EIGHT)
    objects = np.zeros_like(classes)
    if len(found) > MOST_OBJECTS:
        for number, index in enumerate(predictions.drawn(), start=1):
            objects[classes == index] = number
    else:
        for number, region in enumerate(found, start=1):
            objects[region.place()][region.inside] = number
    return objects


def _labelmap(predictions: Predictions) -> bytes:
    rows = zip(predictions.classes, predictions.colours.tolist(), strict=True)
    lines = ["# label:color_rgb:parts:actions", *(f"{name}:{r},{g},{b}::" for name, (r, g, b) in rows)]
    return "".join(f"{line}\n" for line in lines).encode()


def _list(predictions: Predictions) -> bytes:
    return "".join(f"{one.image.stem}\n" for one in predictions.of).encode()


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format="PNG")
    return stream.getvalue()
