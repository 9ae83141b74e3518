"""The contract of a head: which maps there are to read, and what the network and the losses ask of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from semiproto.params import ModelParams


class Maps(NamedTuple):
    """The maps of a batch that a head may read."""

    encoder: Sequence[Tensor]
    """The encoder's, from the finest to the last: [B, C, h, w] each."""
    representation: Tensor
    """The decoder's z, [B, D, h, w]."""


class Channels(NamedTuple):
    """The channels of these maps."""

    encoder: Sequence[int]
    representation: int


class Head(nn.Module):
    """Class scores of one of the maps."""

    trains_only = False
    """True: no scores in eval mode, so that neither evaluation nor prediction nor the teacher pays for the head."""

    def __init__(self, params: ModelParams, channels: Channels, num_classes: int) -> None:
        super().__init__()
        self.loss_weight = self.weight(params)

    @staticmethod
    def weight(params: ModelParams) -> float:
        """Weight of the head's labelled loss; 0: the network does not have this head."""
        return 1.0

    def forward(self, maps: Maps) -> Tensor:
        """Class scores [B, classes, h, w] at the stride of the map that is read."""
        raise NotImplementedError
