"""The weak view of an image, and CutMix of a batch of them (method section 7)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from semiproto.data.layout import IGNORE_INDEX
from semiproto.params import AugmentParams, CutMixParams, NormalisationParams

Colour = tuple[int, ...]
"""8 bits per band."""


class Padding(NamedTuple):
    """What a view shows outside its image."""

    colour: Colour
    label: int = IGNORE_INDEX


def mean_colour(normalisation: NormalisationParams) -> Colour:
    """The colour that is zero after normalisation: (124, 116, 104) with ImageNet's."""
    return tuple(round(255 * mean) for mean in normalisation.mean)


class Window(NamedTuple):
    """Where a view looks: rows and columns of the image, their place in the crop, and whether left and right swap."""

    rows: slice
    columns: slice
    to_rows: slice
    to_columns: slice
    mirrored: bool

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in the crop."""
        return self.to_rows.stop - self.to_rows.start, self.to_columns.stop - self.to_columns.start


def weak_view(
    image: np.ndarray,
    label: np.ndarray,
    augment: AugmentParams,
    rng: np.random.Generator,
    padding: Padding,
) -> tuple[np.ndarray, np.ndarray]:
    """A random window of the image, resized to the crop, flipped and turned, with its label.

    image: uint8 [H, W, bands]. label: class indices uint8 [H, W]. Returns uint8 [crop, crop, bands] and uint8 [crop,
    crop]; outside the image they are those of `padding`. Only the window is resized.
    """
    window = _draw_window(label.shape, augment, rng)
    view = _padded(_bilinear(image, window), window, augment.crop, padding.colour)
    target = _padded(_nearest(label, window), window, augment.crop, padding.label)
    if augment.rotation > 0:
        angle = rng.uniform(-augment.rotation, augment.rotation)
        view = _rotated(view, angle, Image.Resampling.BILINEAR, padding.colour)
        target = _rotated(target, angle, Image.Resampling.NEAREST, padding.label)
    return view, target


def _draw_window(shape: tuple[int, ...], augment: AugmentParams, rng: np.random.Generator) -> Window:
    """A square of crop / zoom pixels, rounded, its corner anywhere in the image or, where that is smaller, around it.

    In whole pixels, so that the part to resize is a slice of the array.
    """
    low, high = augment.scale
    zoom = rng.uniform(low, 1) if rng.random() < 0.5 else rng.uniform(1, high)
    side = max(1, round(augment.crop / zoom))
    spare = np.array(shape) - side
    shift = int(min(augment.shift / zoom, min(shape) / 2))
    corner = rng.integers(np.minimum(spare, 0) - shift, np.maximum(spare, 0) + shift, endpoint=True).tolist()
    (rows, to_rows), (columns, to_columns) = (
        _overlap(start, side, length, augment.crop) for start, length in zip(corner, shape, strict=True)
    )
    mirrored = bool(rng.random() < augment.flip)
    if mirrored:
        to_columns = slice(augment.crop - to_columns.stop, augment.crop - to_columns.start)
    return Window(rows, columns, to_rows, to_columns, mirrored)


def _overlap(start: int, side: int, length: int, crop: int) -> tuple[slice, slice]:
    """The part of [start, start + side) that lies in [0, length), and its place in the crop: one pixel at least."""
    first, last = max(0, start), min(length, start + side)
    place = min(crop - 1, round((first - start) * crop / side))
    return slice(first, last), slice(place, max(place + 1, round((last - start) * crop / side)))


def _bilinear(image: np.ndarray, window: Window) -> np.ndarray:
    """The window of [H, W, bands], resized with antialiasing. torch's 8-bit kernel takes a third of Pillow's time."""
    pixels = torch.from_numpy(image[window.rows, window.columns])
    pixels = pixels.flip(1) if window.mirrored else pixels.contiguous()
    # The batch axis comes first: only then does the kernel see that the channels lie side by side in memory.
    x = pixels.unsqueeze(0).permute(0, 3, 1, 2)
    resized = F.interpolate(x, window.size, mode="bilinear", antialias=True)
    return np.asarray(resized[0].permute(1, 2, 0))


def _nearest(label: np.ndarray, window: Window) -> np.ndarray:
    """The window of [H, W], resized: each pixel takes the value under its centre."""
    part = label[window.rows, window.columns]
    rows, columns = (
        ((np.arange(size) + 0.5) * length / size).astype(int)
        for size, length in zip(window.size, part.shape, strict=True)
    )
    resized: np.ndarray = part[rows][:, columns[::-1] if window.mirrored else columns]
    return resized


def _padded(part: np.ndarray, window: Window, crop: int, fill: int | Colour) -> np.ndarray:
    """[crop, crop, ...] with `part` in its place and `fill` around it."""
    if window.size == (crop, crop):
        return part
    row = np.empty((crop, *part.shape[2:]), part.dtype)
    row[:] = fill
    whole = row[None].repeat(crop, axis=0)  # row by row: filling pixel by pixel takes ten times as long
    whole[window.to_rows, window.to_columns] = part
    return whole


def _rotated(array: np.ndarray, angle: float, resampling: Image.Resampling, fill: int | Colour) -> np.ndarray:
    if array.ndim == 2 or array.shape[2] == 3:
        return np.array(Image.fromarray(array).rotate(angle, resampling, fillcolor=fill))
    # Band by band: Pillow has no pictures of any number of bands, and takes a fourth for alpha.
    assert isinstance(fill, tuple)
    bands = zip(np.moveaxis(array, 2, 0), fill, strict=True)
    return np.stack([_rotated(band, angle, resampling, one) for band, one in bands], axis=2)


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


def fitting_boxes(batch: int, size: int, params: CutMixParams, generator: torch.Generator) -> torch.Tensor:
    """One box per image, bool [batch, size, size]: of uniform area, at an aspect and place that fit [V1]."""
    boxes = torch.zeros(batch, size, size, dtype=torch.bool)
    for box, number in zip(boxes, torch.rand(batch, generator=generator).tolist(), strict=True):
        rows, columns = _fitting_box(size, size * _between(params.area, number) ** 0.5, params, generator)
        box[rows, columns] = True
    return boxes


def _fitting_box(size: int, side: float, params: CutMixParams, generator: torch.Generator) -> tuple[slice, slice]:
    """Rows and columns of a box of `side` squared pixels: aspect and corner are drawn until all of it is inside."""
    while True:
        number, *corner = torch.rand(3, generator=generator).tolist()
        stretch = _between(params.aspect, number) ** 0.5
        lengths = (max(1, round(side * stretch)), max(1, round(side / stretch)))
        starts = [int(size * part) for part in corner]
        if all(start + length <= size for start, length in zip(starts, lengths, strict=True)):
            rows, columns = (slice(a, a + length) for a, length in zip(starts, lengths, strict=True))
            return rows, columns


def _between(ends: tuple[float, float], number: float) -> float:
    return ends[0] + number * (ends[1] - ends[0])


def cutmix(x: torch.Tensor, boxes: torch.Tensor, partner: torch.Tensor | None = None) -> torch.Tensor:
    """`x` [B, ..., H, W] with each image's box [B, H, W] filled from `partner`, by default the batch's next image."""
    partner = x.roll(-1, dims=0) if partner is None else partner
    return torch.where(boxes if x.ndim == 3 else boxes.unsqueeze(1), partner, x)
