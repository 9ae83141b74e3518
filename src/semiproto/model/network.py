"""DeepLabV3+ as the paper uses it: encoder, ASPP, the representation z, and the linear head (method section 1)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semiproto.model.encoders import cnn as encoder
from semiproto.params import ModelParams

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Output(NamedTuple):
    representation: Tensor
    """z, [B, 2 * planes, h, w] at stride 4; both heads read it. Non-negative."""
    logits: Tensor
    """The linear head's, [B, classes, h, w] at stride 4."""
    auxiliary: Tensor | None = None
    """The auxiliary head's, at the stride of the encoder's map before the last; in training, where there is one."""

    def first(self, n: int) -> Output:
        """The output for the first n images."""
        auxiliary = None if self.auxiliary is None else self.auxiliary[:n]
        return Output(self.representation[:n], self.logits[:n], auxiliary)


class DeepLab(nn.Module):
    """Takes 8-bit RGB, [B, 3, H, W] uint8, and normalises it itself: a model cannot meet the wrong normalisation."""

    mean: Tensor
    std: Tensor

    def __init__(self, params: ModelParams, num_classes: int, *, pretrained: bool) -> None:
        """pretrained: load the encoder's weights as the parameters say; false when a saved model is restored."""
        super().__init__()
        planes, dropout = params.decoder.planes, params.decoder.dropout
        self.encoder = encoder.build(params.encoder, pretrained=pretrained)
        self.aspp = ASPP(self.encoder.high_channels, planes, params.decoder.rates, dropout)
        self.low_level = conv_bn_relu(self.encoder.low_channels, planes, 1)
        self.linear_head = nn.Sequential(
            conv_bn_relu(2 * planes, planes, 3),
            nn.Dropout2d(dropout),
            conv_bn_relu(planes, planes, 3),
            nn.Dropout2d(dropout),
            nn.Conv2d(planes, num_classes, 1),
        )
        self.auxiliary_weight = params.auxiliary_weight
        self.auxiliary_head: nn.Sequential | None = None
        if self.auxiliary_weight > 0:
            self.auxiliary_head = nn.Sequential(
                conv_bn_relu(self.encoder.middle_channels, planes, 3),
                nn.Dropout2d(dropout),
                nn.Conv2d(planes, num_classes, 1),
            )
        self.dim, self.num_classes = 2 * planes, num_classes
        self.register_buffer("mean", 255 * torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Output:
        x = (images - self.mean).div_(self.std).contiguous(memory_format=torch.channels_last)
        low, middle, high = self.encoder(x)
        low = self.low_level(low)
        context = resize(self.aspp(high), low.shape[-2:])
        representation = torch.cat([low, context], dim=1)
        auxiliary = self.auxiliary_head(middle) if self.auxiliary_head is not None and self.training else None
        return Output(representation, self.linear_head(representation), auxiliary)

    def parameter_groups(self, lr: float, head_lr_factor: float) -> list[dict[str, object]]:
        """Two groups for the optimiser: the encoder at `lr`, all else at `lr * head_lr_factor`."""
        body = list(self.encoder.parameters())
        rest = [p for name, p in self.named_parameters() if not name.startswith("encoder.")]
        return [{"params": body, "lr": lr}, {"params": rest, "lr": lr * head_lr_factor}]


class ASPP(nn.Module):
    """[image pool, 1x1, one dilated 3x3 per rate] -> concat -> 3x3 convolution to `planes` channels."""

    def __init__(self, inputs: int, planes: int, rates: list[int], dropout: float) -> None:
        super().__init__()
        self.pool = conv_bn_relu(inputs, planes, 1)
        self.branches = nn.ModuleList([conv_bn_relu(inputs, planes, 1)])
        self.branches.extend(conv_bn_relu(inputs, planes, 3, dilation=rate) for rate in rates)
        self.project = nn.Sequential(conv_bn_relu((len(rates) + 2) * planes, planes, 3), nn.Dropout2d(dropout))

    def forward(self, x: Tensor) -> Tensor:
        # A mean, not AdaptiveAvgPool2d, whose CUDA backward is not deterministic.
        pooled = self.pool(x.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, *x.shape[-2:])
        out: Tensor = self.project(torch.cat([pooled, *(branch(x) for branch in self.branches)], dim=1))
        return out


def conv_bn_relu(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def resize(x: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """Bilinear with align_corners=True, as everywhere in the method [config]."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)
