"""A user's folder in small: images with two classes, masks for some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 40


def make(base: Path, masked: int = 6, unmasked: int = 4) -> Path:
    """`base` with images/, masks/ for the first `masked` of them, and classes.txt."""
    (base / "images").mkdir(parents=True)
    (base / "masks").mkdir()
    (base / "classes.txt").write_text("background\nsquare\n")
    rng = np.random.default_rng(0)
    for number in range(masked + unmasked):
        image = rng.integers(0, 90, (SIZE, SIZE, 3), dtype=np.uint8)
        mask = np.zeros((SIZE, SIZE), np.uint8)
        top, left = rng.integers(0, SIZE - 16, 2)
        mask[top : top + 14, left : left + 14] = 1
        image[mask == 1] += 140
        Image.fromarray(image).save(base / "images" / f"photo{number}.png")
        if number < masked:
            Image.fromarray(mask).save(base / "masks" / f"photo{number}.png")
    return base


def section(base: Path, **changes: object) -> dict[str, object]:
    """The dataset section that reads it."""
    return {
        "source": "folder",
        "name": "own",
        "path": str(base),
        "images": "images",
        "masks": "masks",
        "classes": ["background", "square"],
        "ignore": 255,
        "train_list": None,
        "validation_list": None,
        "unlabeled_list": None,
        **changes,
    }
