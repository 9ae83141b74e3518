"""Small folders of images that are not 8-bit colour: grey of ten bits in sixteen, the same in eight, and four bands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

SIZE = 48
LEVELS = np.array([120.0, 450.0, 800.0])
"""Grey of background, of dim and of bright cells, of 1,020."""


def microscope(base: Path, bits: int, labelled: int = 24, unlabelled: int = 6) -> Path:
    """Cells of two classes that differ in brightness alone; 10 of 16 bits as TIFF, or the same picture as 8-bit PNG."""
    rng = np.random.default_rng(0)
    _begin(base, ["background", "dim", "bright"])
    for number in range(labelled + unlabelled):
        mask = _blobs(rng, 3)
        light = ndimage.gaussian_filter(rng.normal(0, 300, mask.shape), 6)
        grey = ndimage.gaussian_filter(LEVELS[mask], 0.7) + rng.normal(0, 40, mask.shape) + light
        deep = grey.clip(0, 1020).round().astype(np.uint16)
        image = Image.fromarray(deep if bits == 16 else (deep / 4).round().astype(np.uint8))
        options = {"compression": "tiff_lzw"} if bits == 16 else {}
        image.save(base / f"images/cell{number:02d}{'.tif' if bits == 16 else '.png'}", **options)
        if number < labelled:
            Image.fromarray(mask).save(base / f"masks/cell{number:02d}.png")
    return base


def four_bands(base: Path, labelled: int = 24, unlabelled: int = 6) -> Path:
    """PNGs of four channels as data: plants are seen in the fourth, the others are noise."""
    rng = np.random.default_rng(0)
    _begin(base, ["ground", "plant"])
    for number in range(labelled + unlabelled):
        mask = _blobs(rng, 2)
        colours = ndimage.gaussian_filter(rng.normal(128, 300, (SIZE, SIZE, 3)), (3, 3, 0))
        infrared = 60 + 110.0 * mask + rng.normal(0, 15, mask.shape)
        image = np.concatenate([colours, infrared[..., None]], axis=2).clip(0, 255).astype(np.uint8)
        Image.fromarray(image).save(base / f"images/plot{number:02d}.png")
        if number < labelled:
            Image.fromarray(mask).save(base / f"masks/plot{number:02d}.png")
    return base


def _begin(base: Path, classes: list[str]) -> None:
    for folder in ("images", "masks"):
        (base / folder).mkdir(parents=True)
    (base / "classes.txt").write_text("".join(f"{name}\n" for name in classes))


def _blobs(rng: np.random.Generator, classes: int) -> np.ndarray:
    """Discs of the classes but the first, uint8 [SIZE, SIZE]."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for _ in range(rng.integers(2, 5)):
        (row, column), radius = rng.integers(0, SIZE, 2), rng.integers(7, 12)
        mask[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = rng.integers(1, classes)
    return mask
