"""What an ONNX file with less precision costs: its mIoU and its time beside those of the file in float32."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from semiproto.data.dataset import Images
from semiproto.measure.confusion import ConfusionMatrix
from semiproto.process.progress import Progress

if TYPE_CHECKING:
    import onnxruntime

PIECE = 1024
"""Larger images are looked at in pieces of at most so many pixels a side, so that memory is bounded."""


@dataclass(frozen=True)
class Cost:
    """mIoU in percent over validation images, of the file and of the one in float32."""

    images: int
    miou: float
    of_float: float
    time: float
    """The file's time over that of the one in float32."""

    def __str__(self) -> str:
        lost = f"{self.miou - self.of_float:+.2f} points, validation images: {self.images}"
        return f"mIoU {self.miou:.2f} %, in float32 {self.of_float:.2f} % ({lost}), in {self.time:.2f} of its time"


def cost(
    reduced: onnxruntime.InferenceSession, of_float: onnxruntime.InferenceSession, images: Images, classes: int
) -> Cost:
    """Both files on the same images."""
    before, seconds_before = _scored("float32", of_float, images, classes)
    after, seconds = _scored("reduced", reduced, images, classes)
    return Cost(len(images), after, before, seconds / seconds_before)


def _scored(what: str, runtime: onnxruntime.InferenceSession, images: Images, classes: int) -> tuple[float, float]:
    """mIoU in percent, and the seconds that onnxruntime took."""
    confusion, seconds = ConfusionMatrix(classes), 0.0
    progress = Progress(f"mIoU, {what}", len(images), "images")
    for position in range(len(images)):
        image, mask = images[position]
        for piece, truth in zip(pieces(image), pieces(mask), strict=True):
            began = time.perf_counter()
            (found,) = runtime.run(["classes"], {"images": piece[None].numpy()})
            seconds += time.perf_counter() - began
            confusion.update(torch.from_numpy(found[0]).long(), truth)
        progress.update()
    return 100 * confusion.mean_iou(), seconds


def pieces(image: Tensor) -> Iterator[Tensor]:
    """An image or mask [..., H, W] in pieces of at most PIECE pixels a side, without overlap."""
    for rows in torch.split(image, PIECE, dim=-2):
        yield from torch.split(rows, PIECE, dim=-1)
