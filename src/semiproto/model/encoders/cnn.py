"""timm's convolutional encoders, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from semiproto.errors import UserError
from semiproto.model.encoders import timm_models
from semiproto.model.encoders.encoder import Encoder, require_null
from semiproto.model.layers import cells, resize
from semiproto.params import EncoderParams


def knows(name: str) -> bool:
    return True  # timm says so itself, in `build`


def build(params: EncoderParams, *, download: bool, bands: int = 3) -> Encoder:
    if not timm_models.knows(params.name):
        raise UserError(
            f"model.encoder.name: {params.name!r} is not an encoder timm knows{timm_models.nearest(params.name)}; take"
            " small or a name that timm.list_models() lists"
        )
    require_null(params, params.name, "patch_size")
    options = {"output_stride": params.output_stride, "in_chans": bands}
    net = timm_models.create(params, download=download, features_only=True, **options)
    info: Any = net.feature_info
    if 4 not in info.reduction():
        raise UserError(f"model.encoder.name: {params.name!r} has no map at stride 4; take another encoder")
    if params.multi_grid is not None:
        set_multi_grid(net, params.multi_grid)
    finest = info.reduction().index(4)
    return Encoder(_FromStride4(net, finest, _readable(net, params.name, bands)), info.channels()[finest:])


class Readable(NamedTuple):
    """The images that a network reads: sides are multiples of a number of pixels, and so many at least."""

    multiple: int
    least: int

    def nearest(self, size: Sequence[int]) -> tuple[int, int]:
        """The height and width that come nearest to an image's."""
        rows, columns = (max(self.least, self.multiple * count) for count in cells(size, self.multiple))
        return rows, columns


ANY = Readable(multiple=1, least=1)
TRIED = {1: (67, 101), 32: (64, 96)}
"""By multiple, height and width of an image to try."""


def _readable(net: nn.Module, name: str, bands: int) -> Readable:
    """Found by trying, since timm does not say it: most read any image; HRNet and DLA add maps up whose sizes agree for
    multiples of 32 alone, and in others a map becomes smaller than a kernel."""
    device, was_training = next(net.parameters()).device, net.training

    def reads(height: int, width: int) -> bool:
        try:
            with torch.no_grad():
                net(torch.zeros(1, bands, height, width, device=device))
        except (RuntimeError, AssertionError, ValueError):
            return False
        return True

    net.eval()  # no statistic moves, and dropout draws nothing
    multiple = next((multiple for multiple, size in TRIED.items() if reads(*size)), None)
    least = multiple and next((side for side in (1, 8, 16, 32, 64) if side >= multiple and reads(side, side)), None)
    net.train(was_training)
    if multiple is None or least is None:
        raise UserError(
            f"model.encoder.name: timm's {name!r} does not read images of any size, as photographs have; take another"
        )
    return Readable(multiple, least)


class _FromStride4(nn.Module):
    """The maps of a timm feature extractor without those that are finer than stride 4.

    Images of a size that it does not read are resized to the nearest that it does.
    """

    def __init__(self, net: nn.Module, finest: int, readable: Readable) -> None:
        super().__init__()
        self.net, self.finest, self.readable = net, finest, readable

    def forward(self, images: Tensor) -> list[Tensor]:
        if self.readable != ANY:
            size = self.readable.nearest(images.shape[-2:])
            images = images if images.shape[-2:] == size else resize(images, size)
        maps: list[Tensor] = self.net(images)
        return maps[self.finest :]


def set_multi_grid(net: nn.Module, dilations: list[int]) -> None:
    """Sets the dilation of the 3x3 convolution of each block of a ResNet's layer4 (timm repeats one value)."""
    layer4: Any = getattr(net, "layer4", None)
    if layer4 is None or len(layer4) != len(dilations):
        blocks = "no layer4" if layer4 is None else f"{len(layer4)} blocks in layer4"
        raise UserError(f"model.encoder.multi_grid: {dilations} does not fit an encoder with {blocks}; set it to null")
    for block, dilation in zip(layer4, dilations, strict=True):
        block.conv2.dilation = block.conv2.padding = (dilation, dilation)
