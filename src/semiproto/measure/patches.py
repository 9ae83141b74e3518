"""What each prototype stands for: its share of the pixels, and the places in the training images nearest to it.

A pixel belongs to the prototype that is nearest of all, which is how the prototype head classifies it (method section
2). Pixels are those of z, one per stride of the network, on the whole un-augmented images.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.images.pixels import shown
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import PatchesParams
from semiproto.process.progress import Progress

Array = np.ndarray
LISTS = ("labeled", "unlabeled")
BLANK = 255
"""Grey of a place on the sheet for which no image has a patch."""


class Place(NamedTuple):
    """Where a patch is: its centre in pixels of the image at `position` of the list."""

    similarity: float
    position: int
    row: int
    column: int


class Found:
    """The pixels and places of the P prototypes in one list of images; prototypes are numbered class by class."""

    def __init__(self, classes: int, per_class: int) -> None:
        self.per_class = per_class
        self.pixels, self.known, self.right = np.zeros((3, classes * per_class), dtype=np.int64)
        """By prototype: its pixels, those with a known class, and those of the prototype's own class [P]."""
        self.places: list[list[Place]] = [[] for _ in self.pixels]
        """By prototype, its nearest pixel in each image that has one."""

    def add(self, winner: Array, similarity: Array, position: int, grid: tuple[Array, Array]) -> None:
        """Adds an image's pixels [N]: their prototype and the cosine to it. grid: rows and columns of the image."""
        self.pixels += self._count(winner)
        for prototype in np.unique(winner):
            best = int(np.where(winner == prototype, similarity, -np.inf).argmax())
            row, column = divmod(best, len(grid[1]))
            self.places[prototype].append(
                Place(float(similarity[best]), position, int(grid[0][row]), int(grid[1][column]))
            )

    def judge(self, winner: Array, truth: Array) -> None:
        """Compares an image's pixels with their mask [N]."""
        self.known += self._count(winner[truth != layout.IGNORE_INDEX])
        self.right += self._count(winner[truth == winner // self.per_class])

    def _count(self, prototypes: Array) -> Array:
        return np.bincount(prototypes, minlength=len(self.pixels))


@torch.inference_mode()
def look(student: SegmentationNetwork, bank: PrototypeBank, images: Images, name: str, device: torch.device) -> Found:
    """Each prototype's pixels in the images, and its nearest one in every image. Masks are read for labelled images."""
    student.to(device).eval()
    bank.to(device)
    found = Found(*bank.prototypes.shape[:2])
    progress = Progress(f"patches {name}", len(images), "images")
    for position in range(len(images)):
        image = torch.from_numpy(images.image(position)).permute(2, 0, 1)
        z = student(image[None].to(device)).representation[0].float()
        rows, columns = (_centres(image.shape[axis], z.shape[axis]) for axis in (1, 2))
        winner, similarity = nearest_prototype(bank, z.flatten(1).T)
        found.add(winner, similarity, position, (rows, columns))
        if name == "labeled":
            found.judge(winner, images.mask(position)[np.ix_(rows, columns)].ravel())
        progress.update()
    return found


def nearest_prototype(bank: PrototypeBank, features: Tensor) -> tuple[Array, Array]:
    """Of features [N, dim], the nearest prototype's place among all, class by class [N], and the cosine to it [N]."""
    logits, nearest = bank.logits(features)
    best, of_class = logits.max(dim=1)
    winner = of_class * bank.prototypes.shape[1] + nearest.gather(1, of_class[:, None])[:, 0]
    return winner.cpu().numpy(), (best * bank.temperature).cpu().numpy()


def _centres(pixels: int, cells: int) -> Array:
    """The image's pixels under the cells of z, whose corners are the image's (align_corners=True)."""
    return np.linspace(0, pixels - 1, cells).round().astype(int)


def shares(found: Found, names: list[str]) -> pd.DataFrame:
    """A row for each prototype: class, prototype, pixels, share of all the list's pixels, and right.

    right: the share of its pixels with a known class that are of its own; nan where none is known.
    """
    return pd.DataFrame(
        {
            "class": np.repeat(names, found.per_class),
            "prototype": np.tile(np.arange(found.per_class), len(names)),
            "pixels": found.pixels,
            "share": found.pixels / max(1, found.pixels.sum()),
            "right": np.where(found.known > 0, found.right / found.known.clip(min=1), np.nan),
        }
    )


def table(nearest: list[list[Place]], ids: list[str], names: list[str]) -> pd.DataFrame:
    """A row for each patch: class, prototype, place on the sheet (from 0), image, row, column, similarity (cosine)."""
    per_class = len(nearest) // len(names)
    rows = [
        (names[index // per_class], index % per_class, place, ids[p.position], p.row, p.column, p.similarity)
        for index, own in enumerate(nearest)
        for place, p in enumerate(own)
    ]
    return pd.DataFrame(rows, columns=["class", "prototype", "place", "image", "row", "column", "similarity"])


def sheet(images: Images, nearest: list[list[Place]], params: PatchesParams) -> Array:
    """The patches side by side, a row of them for each prototype: uint8 [P * size, per_prototype * size, 3]."""
    size = params.size
    drawn = np.full((len(nearest) * size, params.per_prototype * size, 3), BLANK, dtype=np.uint8)
    for index, own in enumerate(nearest):
        for place, p in enumerate(own):
            patch = crop(shown(images.image(p.position)), p.row, p.column, size)
            top, left = index * size, place * size
            drawn[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    return drawn


def crop(image: Array, row: int, column: int, size: int) -> Array:
    """The square of `size` pixels around a pixel, moved to lie inside the image; smaller where the image is."""
    top, left = (
        max(0, min(centre - size // 2, length - size))
        for centre, length in zip((row, column), image.shape[:2], strict=True)
    )
    return image[top : top + size, left : left + size]
