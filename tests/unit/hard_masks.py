"""Masks with all that is hard to write down: holes, things in holes, single pixels, thin lines, edges."""

import numpy as np
from scipy import ndimage

CLASSES = ["background", "cat", "traffic_light", "dog"]
NAMES = ("a.png", "two words.png", "façade.png", "0001.jpg", "e.png", "f.png", "noise.png", "smooth.png")


def hard_mask():
    mask = np.zeros((50, 64), np.uint8)
    mask[0:12, 0:20] = 1  # touches two sides
    mask[3:9, 4:15] = 0  # a hole of background
    mask[5, 6] = mask[7, 9] = 2  # single pixels in it
    mask[20:44, 5:40] = 2
    mask[24:40, 9:36] = 3  # a thing in a hole
    mask[28:36, 14:30] = 0  # with a hole
    mask[30:34, 18:24] = 1
    mask[47, 2:60] = 3  # thin lines
    mask[15:45, 55] = 1
    mask[np.arange(10) + 2, np.arange(10) + 40] = 2  # a diagonal
    mask[49, 63] = 1  # a corner
    mask[0, 30] = mask[18, 0] = 3
    return mask


def masks():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 4, (30, 41), dtype=np.uint8)
    smooth = np.stack([ndimage.gaussian_filter(rng.random((60, 80)), 4) for _ in CLASSES]).argmax(0)
    turned = [np.ascontiguousarray(np.rot90(hard_mask(), turns)) for turns in range(4)]
    return [
        *turned,
        np.ascontiguousarray(hard_mask()[::-1]),
        hard_mask()[:, :33].copy(),
        noise,
        smooth.astype(np.uint8),
    ]
