"""What the network says of images in memory or on disk, by rows, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch import nn

from semiproto.data.images.pixels import shown
from semiproto.errors import UserError
from semiproto.measure.inference import Rows, bands, linear_scores
from semiproto.model.heads import LINEAR
from semiproto.model.network import SegmentationNetwork
from semiproto.params import WindowParams

Array = np.ndarray
OPACITY = 0.5


def labelled(network: SegmentationNetwork, images: Rows, window: int) -> Iterator[tuple[Array, Array]]:
    """Class and confidence (255 times the largest softmax probability) of one band of rows after the other.

    images: uint8 [B, bands, H, W]. Yields uint8 [B, rows, W] each. Images with more than `window` pixels a side are
    looked at in windows that overlap by a third.
    """
    try:
        for band in bands(linear_scores(network), images, tiles(images.shape[-2], images.shape[-1], window)):
            yield _class_and_confidence(band[LINEAR])
    except torch.OutOfMemoryError:
        raise UserError(f"--window: {window} pixels a side are too many for this GPU's memory; give fewer") from None


def whole(network: SegmentationNetwork, images: Array, window: int) -> tuple[Array, Array]:
    """Class and confidence of uint8 [B, H, W, bands]: uint8 [B, H, W] each."""
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2).to(network.mean.device)
    classes, confidences = np.empty(images.shape[:3], np.uint8), np.empty(images.shape[:3], np.uint8)
    top = 0
    for found, sure in labelled(network, tensor, window):
        bottom = top + found.shape[1]
        classes[:, top:bottom], confidences[:, top:bottom] = found, sure
        top = bottom
    return classes, confidences


def device() -> torch.device:
    """Where a trained model runs: on a GPU where torch has one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def placed(network: SegmentationNetwork) -> SegmentationNetwork:
    """The network on `device()`. On a CPU it gives the same scores to the last bit with one thread and with several.

    With so many that a map is too small for all of them, oneDNN may still add in another order.
    """
    network.to(device())
    if not network.mean.is_cuda:
        _have_pointwise_by_onednn(network)
    return network


def _have_pointwise_by_onednn(network: nn.Module) -> None:
    """Has 1 x 1 convolutions computed as torch does with several threads, however many there are.

    With one thread torch takes another way for few images, whose sums differ in the last bits. It never takes that for
    a dilated convolution, and to a kernel of one pixel dilation means nothing.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1):
            module.dilation = (2, 2)


def tiles(height: int, width: int, window: int) -> WindowParams | None:
    """Windows that overlap by a third, for an image with a side of more than `window` pixels; None for any other."""
    return WindowParams(size=window, stride=window * 2 // 3) if max(height, width) > window else None


@torch.inference_mode()
def _class_and_confidence(scores: torch.Tensor) -> tuple[Array, Array]:
    classes, confidence = most_likely(scores)
    if confidence.isnan().any():  # of finite weights too, as of a negative variance, or numbers that overflow
        raise UserError("the model gives no numbers as scores (NaN or infinity); restore its files, or train it again")
    return classes.cpu().numpy(), confidence.mul_(255).round_().byte().cpu().numpy()


def most_likely(scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The class of every pixel, uint8 [B, H, W], and its softmax probability, float [B, H, W].

    scores: [B, classes, H, W]; they are overwritten, because those of large images fill the memory.
    """
    best, classes = scores.max(dim=1)
    return classes.byte(), scores.sub_(best.unsqueeze(1)).exp_().sum(dim=1).reciprocal_()


def overlay(image: Array, classes: Array, colours: Array) -> Image.Image:
    """The mask in its colours, laid over the image.

    image: uint8 [H, W, bands]. classes: uint8 [H, W]. colours: uint8 [256, 3]; a first class in black is left clear,
    since it would only darken the image.
    """
    under = Image.fromarray(shown(image))
    mixed = Image.blend(under, Image.fromarray(colours[classes]), OPACITY)
    if not colours[0].any():
        mixed.paste(under, mask=Image.fromarray(classes == 0))
    return mixed
