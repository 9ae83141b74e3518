"""Encoders: timm's by name, and the small one of the embedded experiment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semiproto.errors import UserError
from semiproto.params import EncoderParams


class Features(nn.Module):
    """Maps of an image [B, 3, H, W]: a low-level one at stride 4, the one before the last, the last (output stride)."""

    def __init__(self, body: nn.Module, channels: tuple[int, int, int]) -> None:
        """body: gives a list of maps, the low-level one first. channels: of the low-level, the middle and the last."""
        super().__init__()
        self.body = body
        self.low_channels, self.middle_channels, self.high_channels = channels

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = self.body(images)
        return maps[0], maps[-2], maps[-1]


def build(params: EncoderParams, *, pretrained: bool) -> Features:
    """The encoder named in `params`; its weights are loaded only where `pretrained` (not when a model is restored)."""
    if params.name == "small":
        body: nn.Module = SmallEncoder()
        encoder = Features(body, (16, 32, 64))
    else:
        encoder = _from_timm(params, download=pretrained and params.weights == "timm")
        body = encoder.body
    if params.multi_grid is not None:
        set_multi_grid(body, params.multi_grid)
    if pretrained and params.weights not in (None, "timm"):
        load_what_fits(body, Path(str(params.weights)))
    return encoder


def _from_timm(params: EncoderParams, *, download: bool) -> Features:
    import timm  # here, because it takes longer to import than a small job to run

    if params.name not in timm.list_models() and params.name.split(".")[0] not in timm.list_models():
        raise UserError(
            f"model.encoder.name: {params.name!r} is not an encoder timm knows; take small or a name that"
            " timm.list_models() lists"
        )
    try:
        body = timm.create_model(
            params.name, pretrained=download, features_only=True, output_stride=params.output_stride
        )
    except (RuntimeError, ValueError, TypeError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"model.encoder: timm cannot make {params.name!r} at output stride {params.output_stride} with weights"
            f" {params.weights!r} ({reason}); try another name or stride, or give a weights file or null"
        ) from None
    info: Any = body.feature_info
    reductions = info.reduction()
    if 4 not in reductions:
        raise UserError(f"model.encoder.name: {params.name!r} has no map at stride 4; take another encoder")
    low = reductions.index(4)
    channels = info.channels()
    return Features(_Chosen(body, low), (channels[low], channels[-2], channels[-1]))


class _Chosen(nn.Module):
    """The maps of a timm feature extractor from the low-level one on."""

    def __init__(self, net: nn.Module, low: int) -> None:
        super().__init__()
        self.net, self.low = net, low

    def forward(self, images: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.net(images)
        return maps[self.low :]


def set_multi_grid(body: nn.Module, dilations: list[int]) -> None:
    """Sets the dilation of the 3x3 convolution of each block of a ResNet's layer4 (timm repeats one value)."""
    layer4 = getattr(getattr(body, "net", body), "layer4", None)
    if layer4 is None or len(layer4) != len(dilations):
        blocks = "no layer4" if layer4 is None else f"{len(layer4)} blocks in layer4"
        raise UserError(f"model.encoder.multi_grid: {dilations} does not fit an encoder with {blocks}; set it to null")
    for block, dilation in zip(layer4, dilations, strict=True):
        block.conv2.dilation = block.conv2.padding = (dilation, dilation)


def load_what_fits(body: nn.Module, path: Path) -> None:
    """Loads the tensors of a checkpoint whose names and shapes fit, and says which keys the file did not have.

    An error when the file cannot be read or nothing in it fits.
    """
    given = _read_tensors(path)
    net = getattr(body, "net", body)
    own = net.state_dict()
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    learned = [name for name in own if not name.endswith("num_batches_tracked")]
    missing = [name for name in learned if name not in fitting]
    if len(missing) == len(learned):
        raise UserError(
            f"{path}: none of its {len(given)} tensors fits the encoder ({len(learned)} tensors, first {learned[0]});"
            " give weights of the encoder named in model.encoder.name, or null"
        )
    net.load_state_dict(fitting, strict=False)
    print(f"{path}: {len(learned) - len(missing)} of the encoder's {len(learned)} tensors loaded", flush=True)
    if missing:
        print(f"{path}: not in the file, left random: {', '.join(missing)}", flush=True)


def _read_tensors(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such weights file; correct model.encoder.weights, or set it to null") from None
    except Exception as error:  # unpickling and safetensors raise many kinds, all meaning the same here
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: not a file of weights ({reason}); give a .pth or .safetensors file") from None
    for key in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise UserError(
            f"{path}: not a file of weights (holds a {type(loaded).__name__}); give a .pth or .safetensors file"
        )
    return {str(name).removeprefix("module."): value for name, value in loaded.items() if isinstance(value, Tensor)}


class SmallEncoder(nn.Module):
    """Stem and three residual blocks for 64-pixel images: 16 channels at stride 4, 64 at stride 8 (dilation 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
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
