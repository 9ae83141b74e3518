"""TensorFlow's "SAME" padding in an ONNX file: one operator, as ONNX has it, in place of a padding and a convolution.

timm pads the input of each strided layer of its `tf_` encoders by an amount that depends on its size. Traced for any
size, these amounts are formulas within formulas, on which the exporter spends many minutes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from timm.layers.conv2d_same import Conv2dSame, conv2d_same
from torch import Tensor, nn


@torch.library.custom_op("semiproto::convolution_same", mutates_args=())
def convolution(images: Tensor, weight: Tensor, bias: Tensor | None, stride: list[int], groups: int) -> Tensor:
    """The convolution of float [B, C, H, W], padded by zeros such that the result has ceil(H / stride) rows."""
    high, wide = stride
    result: Tensor = conv2d_same(images, weight, bias, (high, wide), groups=groups)
    return result


@convolution.register_fake
def _(images: Tensor, weight: Tensor, bias: Tensor | None, stride: list[int], groups: int) -> Tensor:
    height, width = ((length + step - 1) // step for length, step in zip(images.shape[-2:], stride, strict=True))
    return images.new_empty(images.shape[0], weight.shape[0], height, width)


class Convolution(nn.Module):
    """What Conv2dSame computes, as one operator."""

    def __init__(self, layer: Conv2dSame) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, images: Tensor) -> Tensor:
        layer = self.layer
        result: Tensor = convolution(images, layer.weight, layer.bias, list(layer.stride), layer.groups)
        return result


def in_one_operator(network: nn.Module) -> nn.Module:
    """A copy of the network whose strided convolutions with "SAME" padding are an operator each.

    Those with a dilation stay as they are: onnxruntime has none with both.
    """
    copied = copy.deepcopy(network)
    for name, layer in list(copied.named_modules()):
        if type(layer) is Conv2dSame and layer.dilation == (1, 1):
            copied.set_submodule(name, Convolution(layer))
    return copied


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """For torch.onnx.export: what stands for the operator in the file."""
    from onnxscript import opset20 as onnx

    def convolution_same(images: Any, weight: Any, bias: Any, stride: list[int], groups: int) -> Any:
        return onnx.Conv(images, weight, bias, strides=stride, group=groups, auto_pad="SAME_UPPER")

    return {torch.ops.semiproto.convolution_same.default: convolution_same}
