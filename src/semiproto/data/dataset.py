"""Images and masks of a prepared set, by id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from semiproto.data import augment, layout
from semiproto.errors import UserError
from semiproto.params import Augment

Key = tuple[int, int, int, int]
"""(position in the list, seed, step, slot in the batch): everything that a view depends on."""


class Images:
    """Whole images, as they are: `[n]` gives uint8 [3, H, W] and the mask uint8 [H, W]."""

    def __init__(self, root: Path, ids: Sequence[str]) -> None:
        self.root, self.ids = root, list(ids)
        files = layout.images_by_id(root / layout.IMAGES)
        missing = [image_id for image_id in self.ids if image_id not in files]
        if missing:
            raise UserError(
                f"{root / layout.IMAGES}: no image for id {missing[0]!r} ({len(missing)} such ids); add it or take the"
                " id out of its list"
            )
        self.files = [files[image_id] for image_id in self.ids]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, position: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = layout.read_image(self.files[position])
        return torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(self.mask(position))

    def mask(self, position: int) -> np.ndarray:
        return layout.read_mask(self.root / layout.MASKS / f"{self.ids[position]}.png")


CACHE_BYTES = 256 * 2**20
"""Decoded images that a set of views keeps at most: small sets are read from disk once."""


class WeakViews(torch.utils.data.Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Weak views: `[key]` gives uint8 [3, crop, crop] and a label uint8 [crop, crop].

    labeled: the label is the mask, `padding_label` outside the image. Else it is 0 inside the image and 255 outside;
    no mask file is opened. The random choices are a function of the key alone, so neither the number of workers nor an
    interruption changes a view.
    """

    def __init__(self, root: Path, ids: Sequence[str], augment: Augment, *, labeled: bool) -> None:
        self.images, self.augment, self.labeled = Images(root, ids), augment, labeled
        self._padding_label = augment.padding_label if labeled else layout.IGNORE_INDEX
        self._cache: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._cached_bytes = 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: Key) -> tuple[torch.Tensor, torch.Tensor]:
        position, *draw = key
        image, label = self._cache.get(position) or self._read(position)
        rng = np.random.default_rng([*draw, self.labeled])
        view, target = augment.weak_view(image, label, self.augment, rng, self._padding_label)
        return torch.from_numpy(view).permute(2, 0, 1), torch.from_numpy(target)

    def _read(self, position: int) -> tuple[np.ndarray, np.ndarray]:
        image = layout.read_image(self.images.files[position])
        label = self.images.mask(position) if self.labeled else np.zeros(image.shape[:2], np.uint8)
        size = image.nbytes + label.nbytes
        if self._cached_bytes + size <= CACHE_BYTES:
            self._cache[position] = image, label
            self._cached_bytes += size
        return image, label
