"""Near duplicates: the same picture saved again, scaled or a little brighter, told by a perceptual hash.

The hash is pHash (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010): which of the 64
lowest frequencies of the shrunk grey picture are above their median. It is a hash and not the network's features:
features of different scenes of one kind may lie close too, and how close differs from network to network.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.fft import dctn

from semiproto.data.images.pixels import Array

SIDE, LOW = 32, slice(1, 9)
"""Side of the shrunk picture, and its frequencies along an axis, without the mean (Zauner)."""
NEAR = 8
"""Most bits of 64 in which near duplicates differ. Copies that were compressed, scaled or made brighter differ in at
most 6 (photographs) and 8 (the embedded set), different images in at least 14 and 12 (docs/suggest.md)."""


def picture_hash(image: Array) -> np.uint64:
    """The hash of an image, uint8 [H, W, bands]."""
    grey = Image.fromarray(image.mean(axis=2, dtype=np.float32))
    shrunk = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.float64)
    low = dctn(shrunk, norm="ortho")[LOW, LOW].ravel()
    packed: np.uint64 = np.packbits(low > np.median(low)).view(np.uint64)[0]
    return packed


def nearest(hashes: Array, others: Array) -> tuple[Array, Array]:
    """For each hash, uint64 [N], its nearest of the others, uint64 [M], M > 0: the position, and the bits between."""
    bits = [np.bitwise_count(others ^ one) for one in hashes]  # a row at a time: all pairs may fill the memory
    found = [(int(row.argmin()), int(row.min())) for row in bits]
    positions, differing = np.array(found, dtype=np.int64).reshape(-1, 2).T
    return positions, differing
