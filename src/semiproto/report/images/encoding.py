"""Small pictures as data URIs: images as WebP, masks and error maps as PNG with a palette of what they hold."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from semiproto.data import layout
from semiproto.report.drawing.style import ERRORS, class_image
from semiproto.report.images.sample import RIGHT, Array

QUALITY = 70
"""Of WebP (chosen): photographs of this size look whole."""
PNG_AT_MOST = 250_000
"""Bytes. A larger figure is mostly photographs, and is compressed as they are."""


def uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def figure_uri(path: Path) -> tuple[str, int, int]:
    """(source, width, height) of a figure's PNG; UserError if it cannot be read."""
    image = Image.fromarray(layout.read_image(path))
    data = path.read_bytes()
    return (uri("png", data) if len(data) <= PNG_AT_MOST else _webp(image)), image.width, image.height


def picture_uri(picture: Array) -> str:
    """Of RGB uint8 [height, width, 3]."""
    return _webp(Image.fromarray(picture))


def mask_uri(mask: Array, classes: int) -> str:
    """Of class indices [height, width] in the classes' colours; what is no class has that of void."""
    return _png(mask, class_image(np.arange(256), classes))


def errors_uri(errors: Array) -> str:
    """Of an error map [height, width]. Right pixels are transparent."""
    return _png(errors, ERRORS, transparent=RIGHT)


def _webp(image: Image.Image) -> str:
    packed = io.BytesIO()
    image.save(packed, "WEBP", quality=QUALITY)
    return uri("webp", packed.getvalue())


def _png(values: Array, colours: Array, transparent: int | None = None) -> str:
    """colours: RGB 0..1 of each value. The palette has those that occur, so that a pixel takes few bits."""
    found, places = np.unique(values, return_inverse=True)
    image = Image.fromarray(places.reshape(values.shape).astype(np.uint8), mode="P")
    image.putpalette(np.round(255 * colours[found]).astype(np.uint8).tobytes())
    clear = {} if transparent is None else {"transparency": bytes(0 if v == transparent else 255 for v in found)}
    packed = io.BytesIO()
    image.save(packed, "PNG", optimize=True, **clear)
    return uri("png", packed.getvalue())
