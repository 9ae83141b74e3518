"""Evaluation on whole images at their own size, or in sliding windows (method section 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from semiproto.analysis.confusion import ConfusionMatrix
from semiproto.data.dataset import Images
from semiproto.model.deeplab import DeepLab, resize
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import Window

BATCH = 16
"""Images of one size that go through the network together."""

Scores = Callable[[Tensor], list[Tensor]]
"""Images uint8 [B, 3, H, W] -> per head, class scores [B, C, h, w] at any resolution."""


def linear_scores(model: DeepLab) -> Scores:
    return lambda images: [model(images).logits]


def head_scores(model: DeepLab, bank: PrototypeBank | None) -> Scores:
    """The linear head's and, with a bank, the prototype head's scores at every pixel of z."""

    def scores(images: Tensor) -> list[Tensor]:
        output = model(images)
        if bank is None:
            return [output.logits]
        size = images.shape[-2:]
        z = resize(output.representation, size)
        logits, _ = bank.logits(z.permute(0, 2, 3, 1).flatten(0, 2))
        return [output.logits, logits.view(len(images), *size, -1).permute(0, 3, 1, 2)]

    return scores


@torch.inference_mode()
def predict(scores: Scores, images: Tensor, window: Window | None) -> list[Tensor]:
    """Per head, the predicted class of every pixel: int64 [B, H, W].

    window: the scores of overlapping windows are averaged (summed, which the argmax cannot tell); None: the whole image
    at once.
    """
    size = images.shape[-2:]
    if window is None:
        return [resize(head.float(), size).argmax(dim=1) for head in scores(images)]
    totals: list[Tensor] = []
    for top in _starts(size[0], window):
        for left in _starts(size[1], window):
            place = (..., slice(top, top + window.size), slice(left, left + window.size))
            for head, part in enumerate(scores(images[place])):
                if head == len(totals):
                    totals.append(torch.zeros(len(images), part.shape[1], *size, device=images.device))
                totals[head][place] += resize(part.float(), images[place].shape[-2:])
    return [total.argmax(dim=1) for total in totals]


def _starts(length: int, window: Window) -> list[int]:
    """Where windows begin so that they cover `length`; the last one ends at the edge."""
    last = max(0, length - window.size)
    return sorted({*range(0, last, window.stride), last})


def batches(images: Images, device: torch.device) -> Iterator[tuple[list[int], Tensor, list[Tensor]]]:
    """(positions, images [B, 3, H, W], masks): neighbours of one size together, at most BATCH."""
    waiting: list[tuple[int, Tensor, Tensor]] = []
    for position in range(len(images)):
        image, mask = images[position]
        if waiting and (len(waiting) == BATCH or waiting[0][1].shape != image.shape):
            yield _stacked(waiting, device)
            waiting = []
        waiting.append((position, image, mask))
    if waiting:
        yield _stacked(waiting, device)


def _stacked(waiting: list[tuple[int, Tensor, Tensor]], device: torch.device) -> tuple[list[int], Tensor, list[Tensor]]:
    positions, images, masks = zip(*waiting, strict=True)
    return list(positions), torch.stack(images).to(device), list(masks)


def mean_iou(model: DeepLab, images: Images, window: Window | None = None) -> float:
    """The linear head's mIoU (0..1) on `images`, in eval mode; the model's mode is restored."""
    device = next(model.parameters()).device
    confusion = ConfusionMatrix(model.num_classes)
    was_training = model.training
    model.eval()
    for _, batch, masks in batches(images, device):
        (prediction,) = predict(linear_scores(model), batch, window)
        for predicted, mask in zip(prediction.cpu(), masks, strict=True):
            confusion.update(predicted, mask)
    model.train(was_training)
    return confusion.mean_iou()
