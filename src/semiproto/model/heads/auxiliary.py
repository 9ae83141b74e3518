"""The auxiliary head of the Cityscapes experiments [config]: it helps the encoder to learn, and labels nothing."""

from __future__ import annotations

from torch import Tensor, nn

from semiproto.model.heads.head import Channels, Head, Maps
from semiproto.model.layers import conv_bn_relu
from semiproto.params import ModelParams


class AuxiliaryHead(Head):
    """A 3x3 convolution with dropout and a 1x1, on the encoder's map before the last."""

    trains_only = True

    def __init__(self, params: ModelParams, channels: Channels, num_classes: int) -> None:
        super().__init__(params, channels, num_classes)
        planes = params.decoder.planes
        self.layers = nn.Sequential(
            conv_bn_relu(channels.encoder[-2], planes, 3),
            nn.Dropout2d(params.decoder.dropout),
            nn.Conv2d(planes, num_classes, 1),
        )

    @staticmethod
    def weight(params: ModelParams) -> float:
        return params.auxiliary_weight

    def forward(self, maps: Maps) -> Tensor:
        scores: Tensor = self.layers(maps.encoder[-2])
        return scores
