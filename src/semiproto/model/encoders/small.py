"""The encoder of the embedded experiment: a small residual network for 64-pixel images, on a CPU in minutes."""

from __future__ import annotations

from torch import Tensor, nn

from semiproto.errors import UserError
from semiproto.model.encoders.encoder import Encoder, require_null
from semiproto.params import EncoderParams


def knows(name: str) -> bool:
    return name == "small"


def build(params: EncoderParams, *, download: bool, bands: int = 3) -> Encoder:
    require_null(params, "small", "multi_grid", "patch_size")
    if params.output_stride != 8:
        raise UserError(f"model.encoder.output_stride: {params.output_stride} does not fit small; set it to 8")
    if params.weights == "timm":
        raise UserError("model.encoder.weights: timm has none for small; set it to null, or name a file")
    return Encoder(SmallEncoder(bands), (16, 32, 64))


class SmallEncoder(nn.Module):
    """Stem and three residual blocks: 16 channels at stride 4, 32 at stride 8, 64 at stride 8 (dilation 2)."""

    def __init__(self, bands: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(bands, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
        self.layer1 = _BasicBlock(16, 16, stride=2)
        self.layer2 = _BasicBlock(16, 32, stride=2)
        self.layer3 = _BasicBlock(32, 64, dilation=2)

    def forward(self, images: Tensor) -> list[Tensor]:
        low = self.layer1(self.stem(images))
        middle = self.layer2(low)
        return [low, middle, self.layer3(middle)]


class _BasicBlock(nn.Module):
    def __init__(self, inputs: int, planes: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, dilation, dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        out: Tensor = (y + self.shortcut(x)).relu()
        return out
