"""Layers that decoders and heads share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv_bn_relu(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    """A convolution that keeps the size of the map, batch norm, ReLU."""
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def resize(x: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """Bilinear with align_corners=True, as everywhere in the method [config]: [B, C, h, w] -> [B, C, *size]."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


def cells(size: Sequence[int], side: int) -> tuple[int, int]:
    """How many cells of `side` pixels fit an image of that height and width best: the nearest number, one at least."""
    rows, columns = (max(1, (length + side // 2) // side) for length in size)
    return rows, columns
