"""Evaluation on whole images at their own size, or in sliding windows (method section 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import EllipsisType
from typing import Protocol

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from semiproto.data.dataset import Images
from semiproto.measure.confusion import ConfusionMatrix
from semiproto.measure.pseudo_labels import PseudoLabels
from semiproto.model.heads import LINEAR, PROTOTYPE
from semiproto.model.heads.prototype import prototype_scores
from semiproto.model.layers import resize
from semiproto.model.network import Output, SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import WindowParams
from semiproto.process import distributed, pool

BATCH = 16
"""Images of one size that go through the network together, unless these are more than PIXELS."""

PIXELS = {"cpu": 2**21, "cuda": 2**19}
"""Pixels that go through the network together, by kind of device, but for single images. A ResNet-101 at output stride
8 takes 7 KiB of memory for each. Results in git were made on CPUs, with up to 16 images of 320 pixels together."""


class Rows(Protocol):
    """Images [B, bands, H, W], uint8, in memory or read when their rows are asked for."""

    @property
    def shape(self) -> Sequence[int]: ...

    def __getitem__(self, place: tuple[EllipsisType, slice, slice], /) -> Tensor: ...


Scores = Callable[[Tensor], dict[str, Tensor]]
"""Images uint8 [B, bands, H, W] -> by head, class scores [B, C, h, w] at any resolution."""


def linear_scores(model: SegmentationNetwork) -> Scores:
    """The linear head alone: pseudo-labels, validation, prediction."""
    return lambda images: {LINEAR: model(images).logits}


def head_scores(model: SegmentationNetwork, bank: PrototypeBank | None) -> Scores:
    """All heads that are evaluated, the prototype head among them where there is a bank."""

    def scores(images: Tensor) -> dict[str, Tensor]:
        output: Output = model(images)
        if bank is None:
            return output.scores
        return output.scores | {PROTOTYPE: prototype_scores(bank, output.representation, images.shape[-2:])}

    return scores


def head_names(model: SegmentationNetwork, bank: PrototypeBank | None) -> list[str]:
    """The names of the heads that `head_scores` scores."""
    return [*model.evaluated_heads(), *([] if bank is None else [PROTOTYPE])]


def predict(scores: Scores, images: Tensor, window: WindowParams | None) -> dict[str, Tensor]:
    """By head, the predicted class of every pixel: int64 [B, H, W]."""
    found = [{name: head.argmax(dim=1) for name, head in band.items()} for band in bands(scores, images, window)]
    return {name: torch.cat([band[name] for band in found], dim=1) for name in found[0]}


def classify(scores: Scores, images: Tensor, window: WindowParams | None) -> tuple[Tensor, Tensor]:
    """The linear head's class of every pixel, int64 [B, H, W], and its softmax probability, float [B, H, W]."""
    found = []
    for band in bands(scores, images, window):
        best, classes = band[LINEAR].max(dim=1)
        found.append((classes, (best - band[LINEAR].logsumexp(dim=1)).exp()))
    classes, probabilities = (torch.cat(rows, dim=1) for rows in zip(*found, strict=True))
    return classes, probabilities


@torch.inference_mode()
def bands(scores: Scores, images: Rows, window: WindowParams | None) -> Iterator[dict[str, Tensor]]:
    """By head, the scores [B, C, rows, W] of one band of rows after the other, from the top.

    window: the scores of overlapping windows are averaged; no more than a window's rows are read and held at once, so
    memory does not grow with the height of an image. None: the whole image is one band.
    """
    height, width = images.shape[-2:]
    if window is None:
        whole = images[..., slice(None), slice(None)]
        yield {name: resize(head.float(), (height, width)) for name, head in scores(whole).items()}
        return
    tops, lefts = _starts(height, window), _starts(width, window)
    overlaps = _cover(tops, height, window)[:, None] * _cover(lefts, width, window)
    totals: dict[str, Tensor] = {}
    for top, following in zip(tops, [*tops[1:], height], strict=True):
        _add_windows(totals, scores, images[..., slice(top, top + window.size), slice(None)], lefts, window)
        done, reach = following - top, min(window.size, height - following)
        count = overlaps[top:following]
        yield {name: total[..., :done, :] / count.to(total.device, non_blocking=True) for name, total in totals.items()}
        for name, total in totals.items():
            totals[name] = F.pad(total[..., done:, :], (0, 0, 0, reach - total.shape[-2] + done))


def _add_windows(
    totals: dict[str, Tensor], scores: Scores, rows: Tensor, lefts: list[int], window: WindowParams
) -> None:
    """Adds the scores of the windows of one row of windows; `totals` is filled on the first."""
    for left in lefts:
        place = (..., slice(left, left + window.size))
        for name, part in scores(rows[place]).items():
            if name not in totals:
                totals[name] = torch.zeros(len(rows), part.shape[1], *rows.shape[-2:], device=rows.device)
            totals[name][place] += resize(part.float(), rows[place].shape[-2:])


def _cover(starts: list[int], length: int, window: WindowParams) -> Tensor:
    """How many windows cover each position of an axis, float [length]."""
    count = torch.zeros(length)
    for start in starts:
        count[start : start + window.size] += 1
    return count


def _starts(length: int, window: WindowParams) -> list[int]:
    """Where windows begin so that they cover `length`; the last one ends at the edge."""
    last = max(0, length - window.size)
    return sorted({*range(0, last, window.stride), last})


def own_part(images: Images) -> slice:
    """This process's images: whole groups of BATCH, so that `batches` are the same however many processes share them.

    The last bits of a network's scores depend on what goes through it together.
    """
    groups = distributed.share(-(-len(images) // BATCH))
    return slice(BATCH * groups.start, min(BATCH * groups.stop, len(images)))


def batches(images: Images, device: torch.device, readers: int = 0) -> Iterator[tuple[list[int], Tensor, list[Tensor]]]:
    """(positions, images [B, bands, H, W], masks) of this process's part: neighbours of one size in groups of BATCH,
    or of fewer that have no more than PIXELS. readers: threads that read the next ones meanwhile."""
    waiting: list[tuple[int, Tensor, Tensor]] = []
    part = range(len(images))[own_part(images)]
    for position, (image, mask) in zip(part, _read(images, part, readers), strict=True):
        full = position % BATCH == 0 or (len(waiting) + 1) * image[0].numel() > PIXELS[device.type]
        if waiting and (full or waiting[0][1].shape != image.shape):
            yield _stacked(waiting, device)
            waiting = []
        waiting.append((position, image, mask))
    if waiting:
        yield _stacked(waiting, device)


def _read(images: Images, positions: range, readers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The images of the positions, in order. With readers, no more than BATCH are read and not used yet."""
    if readers == 0:
        return (images[position] for position in positions)
    items = ((position, 1.0) for position in positions)
    return pool.Cores(readers).mapped(images.__getitem__, items, BATCH)


def _stacked(waiting: list[tuple[int, Tensor, Tensor]], device: torch.device) -> tuple[list[int], Tensor, list[Tensor]]:
    positions, images, masks = zip(*waiting, strict=True)
    return list(positions), torch.stack(images).to(device), list(masks)


def validate(
    model: SegmentationNetwork,
    images: Images,
    names: Sequence[str],
    tau: float | None = None,
    window: WindowParams | None = None,
    readers: int = 0,
) -> dict[str, list[float]]:
    """The measures of the linear head on `images` during training, in eval mode; the model's mode is restored.

    miou: percent. With tau also coverage and precision of the pseudo-labels that the model would give, counted as in
    pseudo_labels.py: coverage and precision, percent, of the foreground; validation_coverage and validation_precision,
    shares, of each of the classes `names`. readers: threads that read images beside the network. Several processes look
    at a part of the images each, and all get the numbers of the whole.
    """
    device = next(model.parameters()).device
    confusion, labels = ConfusionMatrix(len(names)), PseudoLabels(names, [] if tau is None else [tau])
    was_training = model.training
    model.eval()
    for _, batch, masks in batches(images, device, readers):
        found = [x.cpu() for x in classify(linear_scores(model), batch, window)]
        for prediction, confidence, mask in zip(*found, masks, strict=True):
            confusion.update(prediction, mask)
            labels.update(prediction, confidence, mask)
    model.train(was_training)
    confusion.counts, labels.counts = (distributed.total(x.counts.to(device)).cpu() for x in (confusion, labels))
    return {"miou": [100 * confusion.mean_iou()]} | ({} if tau is None else _quality(labels.table()))


def _quality(table: pd.DataFrame) -> dict[str, list[float]]:
    """Coverage and precision of a table of PseudoLabels at one tau, as `validate` returns them."""
    foreground, classes = (table[table["group"] == group] for group in ("foreground", "class"))
    shares = ("coverage", "precision")
    return {name: [100 * float(foreground[name].iloc[0])] for name in shares} | {
        f"validation_{name}": classes[name].tolist() for name in shares
    }
