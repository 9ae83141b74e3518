"""The linear head (method section 1): it makes the pseudo-labels, is validated, and predicts."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from semiproto.model.heads.head import Channels, Head, Maps
from semiproto.model.layers import conv_bn_relu
from semiproto.params import DecoderParams, ModelParams


class LinearHead(Head):
    """Convolutions on the representation, as many as belong to the decoder that made it."""

    def __init__(self, params: ModelParams, channels: Channels, num_classes: int) -> None:
        super().__init__(params, channels, num_classes)
        self.layers = LAYERS[params.decoder.kind](params.decoder, channels.representation, num_classes)

    def forward(self, maps: Maps) -> Tensor:
        scores: Tensor = self.layers(maps.representation)
        return scores


def _of_deeplab(params: DecoderParams, inputs: int, num_classes: int) -> nn.Sequential:
    """Two 3x3 convolutions with dropout and a 1x1."""
    return nn.Sequential(
        conv_bn_relu(inputs, params.planes, 3),
        nn.Dropout2d(params.dropout),
        conv_bn_relu(params.planes, params.planes, 3),
        nn.Dropout2d(params.dropout),
        nn.Conv2d(params.planes, num_classes, 1),
    )


def _of_dpt(params: DecoderParams, inputs: int, num_classes: int) -> nn.Sequential:
    """A 3x3 convolution and a 1x1, as in UniMatch V2."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(inputs, num_classes, 1)
    )


LAYERS: dict[str, Callable[[DecoderParams, int, int], nn.Sequential]] = {"deeplab": _of_deeplab, "dpt": _of_dpt}
"""By model.decoder.kind."""
