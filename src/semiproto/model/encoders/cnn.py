"""timm's convolutional encoders, by name."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from semiproto.errors import UserError
from semiproto.model.encoders import timm_models
from semiproto.model.encoders.encoder import Encoder, require_null
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
    return Encoder(_FromStride4(net, finest), info.channels()[finest:])


class _FromStride4(nn.Module):
    """The maps of a timm feature extractor without those that are finer than stride 4."""

    def __init__(self, net: nn.Module, finest: int) -> None:
        super().__init__()
        self.net, self.finest = net, finest

    def forward(self, images: Tensor) -> list[Tensor]:
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
