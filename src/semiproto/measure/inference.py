"""Evaluation on whole images at their own size, or in sliding windows (method section 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from semiproto.data.dataset import Images
from semiproto.measure.confusion import ConfusionMatrix
from semiproto.measure.pseudo_labels import PseudoLabels
from semiproto.model.network import DeepLab, resize
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import WindowParams
from semiproto.process import distributed

BATCH = 16
"""Images of one size that go through the network together."""

PIXELS = 2**16
"""Pixels whose prototype scores are computed at once."""

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
        return [output.logits, torch.stack([_prototype_scores(bank, z, size) for z in output.representation])]

    return scores


def _prototype_scores(bank: PrototypeBank, z: Tensor, size: torch.Size) -> Tensor:
    """The bank's scores [C, H, W] at every pixel of one image, from its z [dim, h, w].

    One image at a time and its pixels in pieces: z at full size is hundreds of times the image, 0.4 GB for a VOC one.
    """
    pixels = resize(z[None], size)[0].flatten(1).T
    logits = torch.cat([bank.logits(piece)[0] for piece in torch.split(pixels, PIXELS)])
    return logits.T.view(-1, *size)


def predict(scores: Scores, images: Tensor, window: WindowParams | None) -> list[Tensor]:
    """Per head, the predicted class of every pixel: int64 [B, H, W]."""
    found = [[head.argmax(dim=1) for head in band] for band in bands(scores, images, window)]
    return [torch.cat(head, dim=1) for head in zip(*found, strict=True)]


def classify(scores: Scores, images: Tensor, window: WindowParams | None) -> tuple[Tensor, Tensor]:
    """The first head's class of every pixel, int64 [B, H, W], and the softmax probability of it, float [B, H, W]."""
    found = []
    for head, *_ in bands(scores, images, window):
        best, classes = head.max(dim=1)
        found.append((classes, (best - head.logsumexp(dim=1)).exp()))
    classes, probabilities = (torch.cat(rows, dim=1) for rows in zip(*found, strict=True))
    return classes, probabilities


@torch.inference_mode()
def bands(scores: Scores, images: Tensor, window: WindowParams | None) -> Iterator[list[Tensor]]:
    """Per head, the scores [B, C, rows, W] of one band of rows after the other, from the top.

    window: the scores of overlapping windows are averaged; no more than a window's rows are held at once, so memory
    does not grow with the height of an image. None: the whole image is one band.
    """
    height, width = images.shape[-2:]
    if window is None:
        yield [resize(head.float(), (height, width)) for head in scores(images)]
        return
    tops, lefts = _starts(height, window), _starts(width, window)
    overlaps = _cover(tops, height, window)[:, None] * _cover(lefts, width, window)
    totals: list[Tensor] = []
    for top, following in zip(tops, [*tops[1:], height], strict=True):
        _add_windows(totals, scores, images[..., top : top + window.size, :], lefts, window)
        done, reach = following - top, min(window.size, height - following)
        yield [total[..., :done, :] / overlaps[top:following].to(total.device) for total in totals]
        totals = [F.pad(total[..., done:, :], (0, 0, 0, reach - total.shape[-2] + done)) for total in totals]


def _add_windows(totals: list[Tensor], scores: Scores, rows: Tensor, lefts: list[int], window: WindowParams) -> None:
    """Adds the scores of the windows of one row of windows; `totals` is filled on the first."""
    for left in lefts:
        place = (..., slice(left, left + window.size))
        for head, part in enumerate(scores(rows[place])):
            if head == len(totals):
                totals.append(torch.zeros(len(rows), part.shape[1], *rows.shape[-2:], device=rows.device))
            totals[head][place] += resize(part.float(), rows[place].shape[-2:])


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


def batches(images: Images, device: torch.device) -> Iterator[tuple[list[int], Tensor, list[Tensor]]]:
    """(positions, images [B, 3, H, W], masks) of this process's part: neighbours of one size in a group of BATCH."""
    waiting: list[tuple[int, Tensor, Tensor]] = []
    for position in range(len(images))[own_part(images)]:
        image, mask = images[position]
        if waiting and (position % BATCH == 0 or waiting[0][1].shape != image.shape):
            yield _stacked(waiting, device)
            waiting = []
        waiting.append((position, image, mask))
    if waiting:
        yield _stacked(waiting, device)


def _stacked(waiting: list[tuple[int, Tensor, Tensor]], device: torch.device) -> tuple[list[int], Tensor, list[Tensor]]:
    positions, images, masks = zip(*waiting, strict=True)
    return list(positions), torch.stack(images).to(device), list(masks)


def validate(
    model: DeepLab, images: Images, names: Sequence[str], tau: float | None = None, window: WindowParams | None = None
) -> dict[str, list[float]]:
    """What a training run notes of the linear head on `images`, in eval mode; the model's mode is restored.

    miou: percent. With tau also what pseudo-labels would be worth, counted as in pseudo_labels.py: coverage and
    precision, percent, of the foreground; validation_coverage and validation_precision, shares, of each of the classes
    `names`. Several processes look at a part of the images each, and all get the numbers of the whole.
    """
    device = next(model.parameters()).device
    confusion, labels = ConfusionMatrix(len(names)), PseudoLabels(names, [] if tau is None else [tau])
    was_training = model.training
    model.eval()
    for _, batch, masks in batches(images, device):
        found = [x.cpu() for x in classify(linear_scores(model), batch, window)]
        for prediction, confidence, mask in zip(*found, masks, strict=True):
            confusion.update(prediction, mask)
            labels.update(prediction, confidence, mask)
    model.train(was_training)
    confusion.counts, labels.counts = (distributed.total(x.counts.to(device)).cpu() for x in (confusion, labels))
    return {"miou": [100 * confusion.mean_iou()]} | ({} if tau is None else _worth(labels.table()))


def _worth(table: pd.DataFrame) -> dict[str, list[float]]:
    """Coverage and precision of a table of PseudoLabels at one tau, as `validate` returns them."""
    foreground, classes = (table[table["group"] == group] for group in ("foreground", "class"))
    shares = ("coverage", "precision")
    return {name: [100 * float(foreground[name].iloc[0])] for name in shares} | {
        f"validation_{name}": classes[name].tolist() for name in shares
    }
