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


def labeled_loss(logits: Tensor, target: Tensor, params: LabeledLossParams) -> Tensor:
    """The labelled loss of one head that the parameters choose: logits [B, C, H, W], target [B, H, W]."""
    if params.kind == "cross_entropy":
        return cross_entropy(logits, target)
    min_kept = params.ohem_min_kept_per_image * len(target) * distributed.world()
    return ohem_cross_entropy(logits, target, params.ohem_threshold, min_kept)


def cross_entropy(logits: Tensor, target: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Mean over the pixels that are not void; 0, with gradient 0, where all pixels are void."""
    per_pixel = F.cross_entropy(logits.float(), target.long(), ignore_index=ignore_index, reduction="none")
    return per_pixel.sum() / _count(target != ignore_index)


def ohem_cross_entropy(
    logits: Tensor, target: Tensor, threshold: float, min_kept: int, ignore_index: int = IGNORE_INDEX
) -> Tensor:
    """Mean cross-entropy of the hard pixels: true-class probability at most `threshold`, and at least `min_kept`.

    logits [B, C, H, W], target [B, H, W]. Where fewer than min_kept pixels are that hard, the threshold rises to the
    min_kept-th smallest probability; with fewer valid pixels than that, all count [base].
    """
    per_pixel = F.cross_entropy(logits.float(), target.long(), ignore_index=ignore_index, reduction="none")
    void = target == ignore_index
    probability = (-per_pixel.detach()).exp().masked_fill(void, 2.0)  # above all probabilities
    everywhere = distributed.gather(probability).flatten()
    kth = everywhere.kthvalue(min(min_kept, everywhere.numel())).values
    hard = (probability <= kth.clamp(min=threshold)) & ~void
    return (per_pixel * hard).sum() / _count(hard)


def pseudo_label_loss(
    logits: Tensor,
    pseudo_labels: Tensor,
    confidence: Tensor,
    tau: float,
    normalise: Literal["all", "confident", "inside"] = "all",
) -> Tensor:
    """Cross-entropy on the pixels whose teacher confidence exceeds tau.

    logits [B, C, ...], pseudo_labels and confidence [B, ...], which is 0 outside the image. The sum is divided by the
    number of all pixels ("all", chosen), of the confident ones ("confident"), or of those inside the image ("inside",
    V1 and V2).
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


def _count(mask: Tensor) -> Tensor:
    """Number of true pixels of `mask`, 1 where there are none; the mean over processes when there are several."""
    return distributed.total(mask.sum()).clamp(min=1) / distributed.world()
