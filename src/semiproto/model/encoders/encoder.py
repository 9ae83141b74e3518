"""The contract of an encoder family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from semiproto.errors import UserError
from semiproto.model.weights import Convert
from semiproto.params import EncoderParams, NormalisationParams

IMAGENET = NormalisationParams(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
"""Mean and deviation of ImageNet's colours, which most encoders were trained with."""


class Encoder(nn.Module):
    """Maps of normalised images [B, bands, H, W].

    A CNN's go from the finest (stride 4) to the last (output stride); a ViT's go from the first tap to the last block
    and have one size.
    """

    def __init__(self, body: nn.Module, channels: Sequence[int], convert: Convert = dict) -> None:
        """body: gives the list of maps. channels: of each map. convert: for files of weights of `net`."""
        super().__init__()
        self.body, self.channels, self.convert = body, tuple(channels), convert
        self.frozen = False

    @property
    def net(self) -> nn.Module:
        """The module whose names of weights are those in published files."""
        net = getattr(self.body, "net", self.body)
        assert isinstance(net, nn.Module)
        return net

    def limit(self, trainable: Literal["none", "norms"]) -> None:
        """Leaves gradients to the weights of norms, or to no weights.

        With none the encoder is frozen: it stays in eval mode, and a step keeps none of its activations.
        """
        self.frozen = trainable == "none"
        self.requires_grad_(False)
        for module in self.modules() if trainable == "norms" else ():
            if "norm" in type(module).__name__.lower():
                for parameter in module.parameters(recurse=False):
                    parameter.requires_grad_(True)
        if not self.frozen and not any(parameter.requires_grad for parameter in self.parameters()):
            raise UserError("model.encoder.trainable: norms, and this encoder has none with weights; take none or all")
        self.train(self.training)

    def train(self, mode: bool = True) -> Encoder:
        """Stays in eval mode where it is frozen, so that no statistic moves either."""
        return super().train(mode and not self.frozen)

    def forward(self, images: Tensor) -> list[Tensor]:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            maps: list[Tensor] = self.body(images)
        return maps


def require_null(params: EncoderParams, what: str, *keys: str) -> None:
    """UserError names the first of the parameters that is set and does not fit an encoder; what: the encoder."""
    for key in keys:
        if (value := getattr(params, key)) is not None:
            raise UserError(f"model.encoder.{key}: {value} does not fit {what}; set it to null")


class Family(Protocol):
    """A module with the encoders of one kind."""

    def knows(self, name: str) -> bool:
        """Whether model.encoder.name names an encoder of this family."""

    def build(self, params: EncoderParams, *, download: bool, bands: int = 3) -> Encoder:
        """The encoder named in `params`, with timm's published weights where `download`, otherwise with random ones.

        bands: of the images; weights of the first convolution, published for three, are then widened as timm does.
        UserError says which parameter does not fit.
        """
