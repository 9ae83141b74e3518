"""The linear head (method section 1): it makes the pseudo-labels, is validated, and predicts."""

from __future__ import annotations

from torch import Tensor, nn

from semiproto.model.heads.head import Channels, Head, Maps
from semiproto.model.layers import conv_bn_relu
from semiproto.params import ModelParams


class LinearHead(Head):
    """Two 3x3 convolutions with dropout and a 1x1, on the representation."""

    def __init__(self, params: ModelParams, channels: Channels, num_classes: int) -> None:
        super().__init__(params, channels, num_classes)
        planes, dropout = params.decoder.planes, params.decoder.dropout
        self.layers = nn.Sequential(
            conv_bn_relu(channels.representation, planes, 3),
            nn.Dropout2d(dropout),
            conv_bn_relu(planes, planes, 3),
            nn.Dropout2d(dropout),
            nn.Conv2d(planes, num_classes, 1),
        )

    def forward(self, maps: Maps) -> Tensor:
        scores: Tensor = self.layers(maps.representation)
        return scores
