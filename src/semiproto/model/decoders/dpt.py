"""The decoder of DPT (Ranftl et al., ICCV 2021) without batch norm, in the sizes of UniMatch V2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from semiproto.errors import UserError
from semiproto.model.layers import resize
from semiproto.params import DecoderParams


class Planes(NamedTuple):
    """Numbers of channels."""

    taps: tuple[int, int, int, int]
    """Of each tap after its 1x1 convolution."""
    fused: int
    """Of the fusion blocks, and of z."""


SMALL = Planes((48, 96, 192, 384), 64)
BASE = Planes((96, 192, 384, 768), 128)
LARGE = Planes((256, 512, 1024, 1024), 256)


def planes_of(width: int) -> Planes:
    """Those of UniMatch V2 for ViTs of width 384 (S), 768 (B) and 1024 (L); other widths take the next larger size."""
    return next((planes for limit, planes in ((384, SMALL), (768, BASE)) if width <= limit), LARGE)


class DptDecoder(nn.Module):
    """Four taps of one ViT, made a pyramid and fused from the deepest up: z at an eighth of the patch's stride.

    With taps of g x g cells the pyramid has maps of 4g, 2g, g and g/2, and z is [B, 64, 128 or 256, 8g, 8g].
    """

    def __init__(self, channels: Sequence[int], params: DecoderParams) -> None:
        """channels: of the encoder's maps. UserError when they are not four of one width."""
        super().__init__()
        if len(channels) != 4 or len(set(channels)) > 1:
            raise UserError(
                "model.decoder.kind: dpt reads four maps of one width, which a ViT has; this encoder's have"
                f" {', '.join(map(str, channels))} channels; take deeplab, or a ViT"
            )
        planes, self.channels = planes_of(channels[0])
        self.project = nn.ModuleList(nn.Conv2d(channels[0], count, 1) for count in planes)
        self.rescale = nn.ModuleList(
            [
                nn.ConvTranspose2d(planes[0], planes[0], 4, stride=4),
                nn.ConvTranspose2d(planes[1], planes[1], 2, stride=2),
                nn.Identity(),
                nn.Conv2d(planes[3], planes[3], 3, stride=2, padding=1),
            ]
        )
        self.reduce = nn.ModuleList(nn.Conv2d(count, self.channels, 3, padding=1, bias=False) for count in planes)
        self.fusions = nn.ModuleList(_Fusion(self.channels) for _ in planes)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        steps = zip(maps, self.project, self.rescale, self.reduce, strict=True)
        pyramid = [reduce(rescale(project(tap))) for tap, project, rescale, reduce in steps]
        height, width = pyramid[0].shape[-2:]
        sizes = [(2 * height, 2 * width), *(tap.shape[-2:] for tap in pyramid[:-1])]
        fused: Tensor | None = None
        for tap, fusion, size in reversed(list(zip(pyramid, self.fusions, sizes, strict=True))):
            fused = fusion(tap, fused, size)
        assert fused is not None
        return fused


class _Fusion(nn.Module):
    """Adds what came from below to a tap, and resizes to the next finer tap.

    The authors' deepest block, which has nothing below it, leaves its first unit out and keeps its weights. Here the
    deepest tap goes through both units: the same weights, none of them idle.
    """

    def __init__(self, planes: int) -> None:
        super().__init__()
        self.of_tap, self.of_sum = _ResidualUnit(planes), _ResidualUnit(planes)
        self.out = nn.Conv2d(planes, planes, 1)

    def forward(self, tap: Tensor, below: Tensor | None, size: tuple[int, int]) -> Tensor:
        x = self.of_tap(tap)
        x = self.of_sum(x if below is None else x + below)
        out: Tensor = self.out(resize(x, size))
        return out


class _ResidualUnit(nn.Module):
    """x + two times (ReLU, 3x3 convolution)."""

    def __init__(self, planes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(planes, planes, 3, padding=1)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.conv2(self.conv1(x.relu()).relu())
        return out
