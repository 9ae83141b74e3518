"""timm's vision transformers, by name: plain and DeiT, MAE, SigLIP, CLIP, DINOv2, DINOv3, EVA-02 and others.

Their maps are four taps of one width, at the stride of the patch, that the DPT decoder was made for.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from semiproto.errors import UserError
from semiproto.model.encoders import timm_models
from semiproto.model.encoders.encoder import Encoder, require_null
from semiproto.model.layers import cells, resize
from semiproto.params import EncoderParams

MODULES = ("vision_transformer", "deit", "eva")
"""Of timm.models: those whose models take images of any size. DINOv3 is in eva."""

TAPS = 4

PUBLISHED_TAPS = {24: (4, 11, 17, 23)}
"""By number of blocks, taps that are not the ends of its quarters: those of DINOv2-L in UniMatch V2."""


def knows(name: str) -> bool:
    return timm_models.knows(name, MODULES)


def build(params: EncoderParams, *, download: bool, bands: int = 3) -> Encoder:
    require_null(params, "a ViT", "multi_grid")
    options = {"in_chans": bands} if params.patch_size is None else {"in_chans": bands, "patch_size": params.patch_size}
    net = timm_models.create(params, download=download, num_classes=0, dynamic_img_size=True, **options)
    body = Taps(net)
    return Encoder(body, TAPS * [net.embed_dim], body.converted)


def taps_of(depth: int) -> tuple[int, ...]:
    """The blocks, counted from 0, whose tokens are read: the last of each quarter, as published for 12 and 40 blocks.

    UserError when there are fewer blocks than taps.
    """
    if depth < TAPS:
        raise UserError(f"model.encoder.name: a ViT with {depth} blocks, and {TAPS} are read; take a deeper one")
    return PUBLISHED_TAPS.get(depth) or tuple(quarter * depth // TAPS - 1 for quarter in range(1, TAPS + 1))


class Taps(nn.Module):
    """The patch tokens of four blocks as maps [B, width, rows, columns], through the network's final norm."""

    def __init__(self, net: Any) -> None:
        """net: one of timm's models without classes; it loses what the taps do not need."""
        super().__init__()
        self.net, self.taps = net, taps_of(len(net.blocks))
        self.patch: int = net.patch_embed.feat_ratio()
        after_pooling = net.fc_norm
        net.prune_intermediate_layers(list(self.taps))  # no attention pooling or head, which would get no gradient
        if isinstance(net.norm, nn.Identity):  # models that classify the mean of the tokens have their last norm there
            net.fc_norm = after_pooling

    def forward(self, images: Tensor) -> list[Tensor]:
        """images [B, bands, H, W]; sides that are no multiple of the patch are resized to the nearest one."""
        rows, columns = cells(images.shape[-2:], self.patch)
        size = (rows * self.patch, columns * self.patch)
        if images.shape[-2:] != size:
            images = resize(images, size)
        tokens = self.net.forward_intermediates(
            images, indices=list(self.taps), norm=True, output_fmt="NLC", intermediates_only=True
        )
        return [self.net.fc_norm(x).unflatten(1, (rows, columns)).permute(0, 3, 1, 2) for x in tokens]

    def converted(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Weights of a published file under timm's names, their patches and position embeddings of the net's size."""
        module = importlib.import_module(type(self.net).__module__)
        found: Mapping[str, Tensor] = module.checkpoint_filter_fn(dict(tensors), self.net)
        return found
