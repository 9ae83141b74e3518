"""The teacher: an exponential moving average of the student (method section 6)."""

from __future__ import annotations

import copy
from typing import Literal

import torch
from torch import Tensor, nn

from semiproto.model.layers import resize
from semiproto.model.network import SegmentationNetwork


class Teacher(nn.Module):
    """`model` is the averaged copy, always in eval mode and without gradients."""

    def __init__(
        self, student: SegmentationNetwork, decay: float, batch_norm: Literal["average", "forward"] = "average"
    ) -> None:
        """batch_norm: whether `update` averages the statistics too, or the caller refreshes them by `forward`.

        Weights of the student that do not train are not copied: both networks hold the same tensors.
        """
        super().__init__()
        self.decay, self.batch_norm = decay, batch_norm
        shared = {id(weight): weight for weight in student.parameters() if not weight.requires_grad}
        self.model = copy.deepcopy(student, shared).requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Teacher:
        """Stays in eval mode whatever the caller's mode: pseudo-labels from batch statistics would be wrong."""
        return super().train(False)

    @torch.no_grad()
    def update(self, student: SegmentationNetwork, step: int) -> None:
        """theta_t <- d theta_t + (1 - d) theta_s with d = min(1 - 1/(step+1), decay); step 0 copies the student.

        Batch-norm statistics are averaged by the same rule, unless the caller refreshes them.
        """
        keep = min(1 - 1 / (step + 1), self.decay)
        weights = zip(self.model.parameters(), student.parameters(), strict=True)
        pairs: list[tuple[Tensor, Tensor]] = [(mine, theirs) for mine, theirs in weights if theirs.requires_grad]
        if self.batch_norm == "average":
            buffers = zip(self.model.buffers(), student.buffers(), strict=True)
            pairs += [(mine, theirs) for mine, theirs in buffers if mine.is_floating_point()]
        torch._foreach_lerp_([mine for mine, _ in pairs], [theirs for _, theirs in pairs], 1 - keep)

    def pseudo_labels(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The linear head's class [B, H, W] int64 and its softmax probability [B, H, W] for images [B, bands, H, W]."""
        return pseudo_labels(self.model, images)

    def refresh_batch_norm(self, images: Tensor) -> None:
        """Runs the averaged network once in training mode so that its batch-norm statistics see `images` [base]."""
        super().train(True)
        with torch.no_grad():
            self.model(images)
        super().train(False)


def pseudo_labels(network: SegmentationNetwork, images: Tensor) -> tuple[Tensor, Tensor]:
    """As Teacher.pseudo_labels, by any network: in eval mode; its own mode is restored."""
    return labels_and_powers(network, images)[:2]


def labels_and_powers(network: SegmentationNetwork, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pseudo-labels, their probability, and [B, C, H, W] which, times that probability, is the softmax."""
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        logits = resize(network(images).logits.float(), images.shape[-2:])
        best, labels = logits.max(dim=1)
        # The largest softmax probability is 1 / sum(exp(logit - largest logit)): one pass, no softmax tensor.
        powers = logits.sub_(best.unsqueeze(1)).exp_()
        confidence = powers.sum(dim=1).reciprocal_()
    network.train(was_training)
    return labels.clone(), confidence.clone(), powers  # autograd refuses to save tensors made in inference mode
