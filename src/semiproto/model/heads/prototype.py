"""The prototype head on whole images (method section 2). It has no weights: its scores come from the prototype bank.

Training scores a few pixels of each image (train/semi.py); evaluation scores all of them, here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from semiproto.model.layers import resize
from semiproto.model.prototypes import PrototypeBank

PIXELS = 2**16
"""Pixels that are scored at once."""


def prototype_scores(bank: PrototypeBank, representation: Tensor, size: torch.Size) -> Tensor:
    """The bank's scores [B, C, *size] at every pixel of images of `size`, from their z [B, dim, h, w]."""
    return torch.stack([_of_one_image(bank, z, size) for z in representation])


def _of_one_image(bank: PrototypeBank, z: Tensor, size: torch.Size) -> Tensor:
    """Scores [C, H, W] from the z of one image [dim, h, w].

    One image at a time and its pixels in pieces: z at full size is hundreds of times the image, 0.4 GB for a VOC one.
    """
    pixels = resize(z[None], size)[0].flatten(1).T
    logits = torch.cat([bank.logits(piece)[0] for piece in torch.split(pixels, PIXELS)])
    return logits.T.view(-1, *size)
