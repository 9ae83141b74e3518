"""The weak view of an image, and CutMix of a batch of them (the only strong augmentation, method section 7)."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from semiproto.data.layout import IGNORE_INDEX
from semiproto.params import Augment

MEAN_COLOUR = (124, 116, 104)
"""ImageNet's mean colour, 8 bits: what padding looks like to the network after normalisation is zero."""


def weak_view(
    image: Image.Image,
    label: Image.Image,
    augment: Augment,
    rng: np.random.Generator,
    padding_label: int = IGNORE_INDEX,
) -> tuple[np.ndarray, np.ndarray]:
    """A random crop of the zoomed, turned and flipped image with its label.

    image: RGB. label: grey, class indices. Returns uint8 [crop, crop, 3] and uint8 [crop, crop]; outside the image the
    colour is the mean colour and the label `padding_label`. Only the source window of the crop is resized, with
    antialiasing.
    """
    low, high = augment.scale
    zoom = rng.uniform(low, 1) if rng.random() < 0.5 else rng.uniform(1, high)
    spare = np.array([image.width * zoom - augment.crop, image.height * zoom - augment.crop])
    shift = min(augment.shift, min(image.size) * zoom / 2)
    left, top = rng.uniform(np.minimum(spare, 0) - shift, np.maximum(spare, 0) + shift)
    view, target = _cut(image, label, (left / zoom, top / zoom), zoom, augment.crop, padding_label)
    if augment.rotation > 0:
        angle = rng.uniform(-augment.rotation, augment.rotation)
        view = view.rotate(angle, Image.Resampling.BILINEAR, fillcolor=MEAN_COLOUR)
        target = target.rotate(angle, Image.Resampling.NEAREST, fillcolor=padding_label)
    flipped = rng.random() < augment.flip
    step = -1 if flipped else 1
    return np.asarray(view)[:, ::step].copy(), np.asarray(target)[:, ::step].copy()


def _cut(
    image: Image.Image, label: Image.Image, corner: tuple[float, float], zoom: float, crop: int, padding_label: int
) -> tuple[Image.Image, Image.Image]:
    """The crop whose upper left corner is at `corner` (x, y in source pixels, outside the image allowed)."""
    view = Image.new("RGB", (crop, crop), MEAN_COLOUR)
    target = Image.new("L", (crop, crop), padding_label)
    (x0, x1), (y0, y1) = (_inside(corner[axis], crop / zoom, length) for axis, length in enumerate(image.size))
    place = (round((x0 - corner[0]) * zoom), round((y0 - corner[1]) * zoom))
    size = (
        max(1, min(crop - place[0], round((x1 - x0) * zoom))),
        max(1, min(crop - place[1], round((y1 - y0) * zoom))),
    )
    box = (x0, y0, x1, y1)
    view.paste(image.resize(size, Image.Resampling.BILINEAR, box=box), place)
    target.paste(label.resize(size, Image.Resampling.NEAREST, box=box), place)
    return view, target


def _inside(start: float, extent: float, length: int) -> tuple[float, float]:
    """The part of [start, start + extent] that lies in [0, length]."""
    return max(0.0, start), min(float(length), start + extent)


def cutmix_boxes(batch: int, size: int, generator: torch.Generator) -> torch.Tensor:
    """One box per image, bool [batch, size, size]: half the area, width uniform in (size/2, size), any position.

    The height is half the area over the width, rounded and clamped to the crop [base].
    """
    boxes = torch.zeros(batch, size, size, dtype=torch.bool)
    draws = torch.rand(batch, 3, generator=generator).tolist()
    for box, (for_width, for_row, for_column) in zip(boxes, draws, strict=True):
        width = min(size, max(1, round(size / 2 + for_width * size / 2)))
        height = min(size, round(size * size / 2 / width))
        top, left = int(for_row * (size - height + 1)), int(for_column * (size - width + 1))
        box[top : top + height, left : left + width] = True
    return boxes


def cutmix(x: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """`x` [B, ..., H, W] with each image's box [B, H, W] filled from the next image of the batch."""
    partner = x.roll(-1, dims=0)
    return torch.where(boxes if x.ndim == 3 else boxes.unsqueeze(1), partner, x)
