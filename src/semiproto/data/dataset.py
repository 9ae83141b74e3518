"""Images and masks of a prepared set, by id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from semiproto.data import layout, references
from semiproto.errors import UserError


class Images:
    """Whole images: `[n]` gives uint8 [bands, H, W] and the mask uint8 [H, W]."""

    def __init__(self, root: Path, ids: Sequence[str]) -> None:
        self.root, self.ids = root, list(ids)
        files = references.image_files(root, self.ids)
        missing = [image_id for image_id in self.ids if image_id not in files]
        if missing:
            raise UserError(
                f"{root / layout.IMAGES}: no image for id {missing[0]!r} ({len(missing)} such ids); add it or take the"
                " id out of its list"
            )
        self._files = [files[image_id] for image_id in self.ids]
        self.pixels = layout.read_pixels(root)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def files(self) -> list[Path]:
        return [file.path for file in self._files]

    def __getitem__(self, position: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(self.image(position)).permute(2, 0, 1), torch.from_numpy(self.mask(position))

    def image(self, position: int) -> np.ndarray:
        """The image alone, uint8 [H, W, bands]."""
        return self._files[position].read(self.pixels.format)

    def mask(self, position: int) -> np.ndarray:
        return layout.read_mask(self.root / layout.MASKS / f"{self.ids[position]}.png")
