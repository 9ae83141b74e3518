"""The decoder of DeepLabV3+ as the paper uses it (method section 1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from semiproto.model.layers import conv_bn_relu, resize
from semiproto.params import DecoderParams


class DeepLabDecoder(nn.Module):
    """ASPP of the last map beside a 1x1 convolution of the first: z [B, 2 * planes, h, w] at stride 4. Non-negative."""

    def __init__(self, channels: Sequence[int], params: DecoderParams) -> None:
        """channels: of the encoder's maps, from the finest to the last."""
        super().__init__()
        self.channels = 2 * params.planes
        self.aspp = ASPP(channels[-1], params.planes, params.rates, params.dropout)
        self.low_level = conv_bn_relu(channels[0], params.planes, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        low = self.low_level(maps[0])
        context = resize(self.aspp(maps[-1]), low.shape[-2:])
        if low.is_cuda:
            # Autocast resizes in float32, and one float32 map makes all of z float32: 1.5 GiB of the paper's step on a
            # GPU. On a CPU it stays so, for the sake of results that were made there.
            context = context.to(low.dtype)
        return torch.cat([low, context], dim=1)


class ASPP(nn.Module):
    """[image pool, 1x1, one dilated 3x3 per rate] -> concat -> 3x3 convolution to `planes` channels."""

    def __init__(self, inputs: int, planes: int, rates: list[int], dropout: float) -> None:
        super().__init__()
        self.pool = conv_bn_relu(inputs, planes, 1)
        self.branches = nn.ModuleList([conv_bn_relu(inputs, planes, 1)])
        self.branches.extend(conv_bn_relu(inputs, planes, 3, dilation=rate) for rate in rates)
        self.project = nn.Sequential(conv_bn_relu((len(rates) + 2) * planes, planes, 3), nn.Dropout2d(dropout))

    def forward(self, x: Tensor) -> Tensor:
        # A mean, not AdaptiveAvgPool2d, whose CUDA backward is not deterministic.
        pooled = self.pool(x.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, *x.shape[-2:])
        out: Tensor = self.project(torch.cat([pooled, *(branch(x) for branch in self.branches)], dim=1))
        return out
