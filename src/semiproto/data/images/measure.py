"""What is measured once over a set's training images: the range of deep samples, and mean and deviation of bands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from semiproto.data.images.pixels import Array, Kind, PixelFormat, Samples, SetPixels

TAIL = 0.001
"""Share of an image's samples at either end that do not widen the range: hot and dead pixels (chosen)."""


class Span(NamedTuple):
    """The range of one image's deep samples."""

    kind: Kind
    low: tuple[float, ...]
    """By band, the lowest known sample when TAIL of them is left out; nan where none is known."""
    high: tuple[float, ...]
    """By band, the highest, likewise."""


def span(samples: Samples) -> Span:
    """The range of a deep image."""
    known = None if samples.known is None else samples.known.ravel()
    ends = []
    for band in samples.values.reshape(-1, samples.values.shape[2]).T:
        kept = band if known is None else band[known]
        ends.append(_ends(kept[np.isfinite(kept)] if samples.kind == "float" else kept))
    return Span(samples.kind, tuple(low for low, _ in ends), tuple(high for _, high in ends))


def _ends(band: Array) -> tuple[float, float]:
    if not len(band):
        return np.nan, np.nan
    out = int(TAIL * (len(band) - 1))
    ordered = np.partition(band, [out, len(band) - 1 - out])
    return float(ordered[out]), float(ordered[len(band) - 1 - out])


def format_of(spans: Sequence[Span], bands: int) -> PixelFormat:
    """The format of a set by its training images' spans; of 8-bit images, which have none, RGB8 with `bands`.

    low is the lowest of any image and high the highest, so that a dark and a bright image keep their difference.
    """
    if not spans:
        return PixelFormat(bands=bands)
    lows, highs = (np.array([getattr(one, name) for one in spans]) for name in ("low", "high"))
    low, high = np.fmin.reduce(lows), np.fmax.reduce(highs)
    low = np.where(np.isfinite(low), low, 0.0)
    high = np.where(np.isfinite(high) & (high > low), high, low + 1)  # a band of one value
    return PixelFormat(bands=bands, kind=spans[0].kind, low=low.tolist(), high=high.tolist())


class Moments(NamedTuple):
    """Of images as uint8: number of pixels, and by band the sums of values and of their squares."""

    pixels: int
    total: Array
    squares: Array


def moments(image: Array) -> Moments:
    """The moments of one image, uint8 [height, width, bands]."""
    counts = [np.bincount(image[:, :, band].ravel(), minlength=256) for band in range(image.shape[2])]
    levels = np.arange(256)
    return Moments(
        image[:, :, 0].size, np.array([c @ levels for c in counts]), np.array([c @ levels**2 for c in counts])
    )


def set_pixels(form: PixelFormat, measured: Iterable[Moments]) -> SetPixels:
    """Mean and standard deviation, 0 to 1, over all pixels of the images; of a constant band, one grey level."""
    pixels, total, squares = 0, np.zeros(form.bands), np.zeros(form.bands)
    for one in measured:
        pixels, total, squares = pixels + one.pixels, total + one.total, squares + one.squares
    mean = total / max(1, pixels)
    deviation = np.sqrt(np.maximum(squares / max(1, pixels) - mean**2, 1.0))
    return SetPixels(format=form, mean=(mean / 255).tolist(), std=(deviation / 255).tolist())
