"""The contract of an encoder family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor, nn

from semiproto.params import EncoderParams


class Encoder(nn.Module):
    """Maps of normalised images [B, bands, H, W], from the finest (stride 4) to the last (output stride)."""

    def __init__(self, body: nn.Module, channels: Sequence[int]) -> None:
        """body: gives the list of maps. channels: of each map."""
        super().__init__()
        self.body, self.channels = body, tuple(channels)

    @property
    def net(self) -> nn.Module:
        """The module whose names of weights are those in published files."""
        net = getattr(self.body, "net", self.body)
        assert isinstance(net, nn.Module)
        return net

    def forward(self, images: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.body(images)
        return maps


class Family(Protocol):
    """A module with the encoders of one kind."""

    def knows(self, name: str) -> bool:
        """Whether model.encoder.name names an encoder of this family."""

    def build(self, params: EncoderParams, *, download: bool, bands: int = 3) -> Encoder:
        """The encoder named in `params`, with timm's published weights where `download`, otherwise with random ones.

        bands: of the images; weights of the first convolution, published for three, are then widened as timm does.
        UserError says which parameter does not fit.
        """
