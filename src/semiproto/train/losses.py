"""The losses of method section 5. All take logits at label resolution and reduce in float32.

With several processes, each holds a part of the batch. Divisors and OHEM's threshold are those of the whole batch, so
that the mean of the processes' losses is the loss of the batch.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from semiproto.data.layout import IGNORE_INDEX
from semiproto.params import LabeledLossParams, SemiParams
from semiproto.process import distributed


def labeled_loss(
    logits: Tensor, target: Tensor, params: LabeledLossParams, class_weights: Tensor | None = None
) -> Tensor:
    """The labelled loss of one head that the parameters choose: logits [B, C, ...], target [B, ...], weights [C]."""
    if params.kind == "cross_entropy":
        loss = cross_entropy(logits, target, class_weights=class_weights)
    else:
        min_kept = params.ohem_min_kept_per_image * len(target) * distributed.world()
        loss = ohem_cross_entropy(logits, target, params.ohem_threshold, min_kept, class_weights=class_weights)
    return loss + params.dice_weight * dice_loss(logits, target) if params.dice_weight > 0 else loss


def cross_entropy(
    logits: Tensor, target: Tensor, ignore_index: int = IGNORE_INDEX, class_weights: Tensor | None = None
) -> Tensor:
    """Mean over the pixels that are not void, weighted by class; 0, with gradient 0, where all pixels are void."""
    per_pixel = F.cross_entropy(logits.float(), target.long(), ignore_index=ignore_index, reduction="none")
    return _mean_of(per_pixel, target != ignore_index, target, class_weights)


def ohem_cross_entropy(
    logits: Tensor,
    target: Tensor,
    threshold: float,
    min_kept: int,
    ignore_index: int = IGNORE_INDEX,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Mean cross-entropy of the hard pixels: true-class probability at most `threshold`, and at least `min_kept`.

    logits [B, C, H, W], target [B, H, W]. Where fewer than min_kept pixels are that hard, the threshold rises to the
    min_kept-th smallest probability; with fewer valid pixels than that, all count [base]. Class weights [C] have no say
    in which pixels are hard.
    """
    per_pixel = F.cross_entropy(logits.float(), target.long(), ignore_index=ignore_index, reduction="none")
    void = target == ignore_index
    probability = (-per_pixel.detach()).exp().masked_fill(void, 2.0)  # above all probabilities
    everywhere = distributed.gather(probability).flatten()
    kth = _kth_smallest(everywhere, min(min_kept, everywhere.numel()))
    hard = (probability <= kth.clamp(min=threshold)) & ~void
    return _mean_of(per_pixel, hard, target, class_weights)


def _kth_smallest(values: Tensor, k: int) -> Tensor:
    """The k-th smallest of values [N], from 1. CUDA's kthvalue works in one block of threads (pytorch#75599)."""
    return values.sort().values[k - 1] if values.is_cuda else values.kthvalue(k).values


def dice_loss(logits: Tensor, target: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """1 - the mean over classes of 2 sum(p g) / (sum(p^2) + sum(g^2)) (Milletari et al., 3DV 2016).

    logits [B, C, ...], target [B, ...]. p: softmax probability of the class, g: 1 where the target is the class. The
    sums are over the pixels of the whole batch that are not void, and the mean is over the classes that it shows.
    """
    valid = target != ignore_index
    p = logits.float().softmax(1).movedim(1, -1)[valid]
    g = F.one_hot(target[valid].long(), p.shape[1]).to(p.dtype)
    both, squares, pixels = distributed.total_with_gradient(torch.stack([(p * g).sum(0), (p * p).sum(0), g.sum(0)]))
    shown = pixels > 0
    dice = 2 * both / (squares + pixels).clamp(min=1e-12)
    loss: Tensor = ((1 - dice) * shown).sum() / shown.sum().clamp(min=1)
    return loss


def pseudo_label_loss(
    logits: Tensor,
    pseudo_labels: Tensor,
    confidence: Tensor,
    tau: float | Tensor,
    normalise: Literal["all", "confident", "inside"] = "all",
) -> Tensor:
    """Cross-entropy on the pixels whose teacher confidence exceeds tau.

    logits [B, C, ...], pseudo_labels and confidence [B, ...], which is 0 outside the image; tau is one number or
    [B, ...]. The sum is divided by the number of all pixels ("all", chosen), of the confident ones ("confident"), or of
    those inside the image ("inside", V1 and V2).
    """
    confident = confidence > tau
    per_pixel = F.cross_entropy(logits.float(), pseudo_labels.long(), reduction="none") * confident
    counted = {"all": torch.ones_like(confident), "confident": confident, "inside": confidence > 0}[normalise]
    return per_pixel.sum() / _count(counted)


def threshold(params: SemiParams) -> float:
    """What a confidence must exceed to count: tau, or the float32 below it where tau itself is to count.

    At least 0, the confidence outside the image.
    """
    if params.confident == "above":
        return params.tau
    return max(0.0, float(np.nextafter(np.float32(params.tau), np.float32(-1))))


def _mean_of(per_pixel: Tensor, counted: Tensor, target: Tensor, class_weights: Tensor | None) -> Tensor:
    """Mean over the pixels that count, bool like `target`, each with the weight of its class [C]."""
    if class_weights is None:
        return (per_pixel * counted).sum() / _count(counted)
    weights = class_weights[target.long().clamp(max=len(class_weights) - 1)] * counted  # void does not count
    summed = distributed.total(weights.sum()) / distributed.world()
    return (per_pixel * weights).sum() / summed.where(summed > 0, 1)


def _count(mask: Tensor) -> Tensor:
    """Number of true pixels of `mask`, 1 where there are none; the mean over processes when there are several."""
    return distributed.total(mask.sum()).clamp(min=1) / distributed.world()
