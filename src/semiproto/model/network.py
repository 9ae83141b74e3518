"""The network: an encoder, a decoder that makes the representation z of its maps, and heads that read them.

The paper's is DeepLabV3+ with a linear head (method section 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from semiproto.model import encoders
from semiproto.model.decoders import DECODERS
from semiproto.model.heads import HEADS, LINEAR
from semiproto.model.heads.head import Channels, Head, Maps
from semiproto.params import ModelParams, NormalisationParams

RENAMED = {
    "aspp.": "decoder.aspp.",
    "low_level.": "decoder.low_level.",
    "linear_head.": "heads.linear.layers.",
    "auxiliary_head.": "heads.auxiliary.layers.",
}
"""How names of weights begin in models that version 0.1 saved, and how they begin now."""


class Output(NamedTuple):
    representation: Tensor
    """z, [B, dim, h, w]; h and w are those of the decoder: at stride 4 with DeepLabV3+ on a CNN."""
    scores: dict[str, Tensor]
    """By head, [B, classes, h, w] at the stride of the map that it reads; in eval mode of the evaluated heads alone."""

    @property
    def logits(self) -> Tensor:
        """The linear head's scores."""
        return self.scores[LINEAR]

    def first(self, n: int) -> Output:
        """The output for the first n images."""
        return Output(self.representation[:n], {name: scores[:n] for name, scores in self.scores.items()})


class SegmentationNetwork(nn.Module):
    """Takes 8-bit images, [B, bands, H, W] uint8, and normalises them itself: a model cannot meet the wrong
    normalisation."""

    mean: Tensor
    std: Tensor

    def __init__(self, params: ModelParams, num_classes: int, *, pretrained: bool, bands: int = 3) -> None:
        """pretrained: load the encoder's weights as the parameters say; false when a saved model is restored.

        bands: of the images. For other than three, the weights say no normalisation: `normalise_by` has to follow.
        """
        super().__init__()
        self.encoder = encoders.build(params.encoder, pretrained=pretrained, bands=bands)
        self.decoder = DECODERS[params.decoder.kind](self.encoder.channels, params.decoder)
        self.dim, self.num_classes = self.decoder.channels, num_classes
        channels = Channels(self.encoder.channels, self.dim)
        wanted = {name: head for name, head in HEADS.items() if head.weight(params) > 0}
        self.heads = nn.ModuleDict({name: head(params, channels, num_classes) for name, head in wanted.items()})
        self.normalise_by(encoders.normalisation(params.encoder))
        self.register_load_state_dict_pre_hook(_rename)  # type: ignore[no-untyped-call]

    def normalise_by(self, normalisation: NormalisationParams) -> None:
        """Has images normalised so from now on; where a saved model is restored, its own way."""
        self.normalisation, device = normalisation, next(self.parameters()).device
        for name, values in (("mean", normalisation.mean), ("std", normalisation.std)):
            by_band = 255 * torch.tensor(values, device=device).view(1, -1, 1, 1)
            self.register_buffer(name, by_band, persistent=False)

    def forward(self, images: Tensor, factors: Sequence[Tensor] | None = None) -> Output:
        """factors: for each of the encoder's maps, [N, channels], by which those of the last N images are multiplied
        before decoder and heads read them."""
        x = (images - self.mean).div_(self.std).contiguous(memory_format=torch.channels_last)
        maps = self.encoder(x)
        if factors is not None:
            maps = [_scaled(one, factor) for one, factor in zip(maps, factors, strict=True)]
        representation = self.decoder(maps)
        names = list(self.heads) if self.training else self.evaluated_heads()
        # The last head first, because dropout has always drawn in this order: earlier results can be made again.
        scores = {name: self.heads[name](Maps(maps, representation)) for name in reversed(names)}
        return Output(representation, scores)

    def evaluated_heads(self) -> list[str]:
        """The heads that have scores in eval mode."""
        return [name for name, head in self._heads().items() if not head.trains_only]

    def loss_weights(self) -> dict[str, float]:
        """The weight of each head's labelled loss."""
        return {name: head.loss_weight for name, head in self._heads().items()}

    def _heads(self) -> dict[str, Head]:
        return {name: cast(Head, head) for name, head in self.heads.items()}


def _scaled(maps: Tensor, factor: Tensor) -> Tensor:
    """[B, C, h, w], the last N images multiplied by [N, C]."""
    first, factor = len(maps) - len(factor), factor.to(maps.device, maps.dtype, non_blocking=True)
    return torch.cat([maps[:first], maps[first:] * factor[:, :, None, None]])


def _rename(network: nn.Module, tensors: dict[str, Any], prefix: str, *_: object) -> None:
    """Gives the weights of a model that version 0.1 saved their present names."""
    for old, new in RENAMED.items():
        for name in [name for name in tensors if name.startswith(prefix + old)]:
            tensors[prefix + new + name.removeprefix(prefix + old)] = tensors.pop(name)
