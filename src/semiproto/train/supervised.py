"""Pretraining: the labelled images alone. Its representation is where the prototypes come from (method section 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from semiproto.data.loaders import Batch
from semiproto.model.layers import resize
from semiproto.model.network import Output, SegmentationNetwork
from semiproto.model.recompute import in_parts
from semiproto.params import LabeledLossParams
from semiproto.train.engine import Measured, Phase
from semiproto.train.losses import labeled_loss


class SupervisedPhase(Phase):
    class_weights: Tensor | None

    def __init__(
        self,
        student: SegmentationNetwork,
        params: LabeledLossParams,
        class_weights: Tensor | None = None,
        parts: int = 1,
    ) -> None:
        """class_weights: [C], None for equal ones. parts: in which a batch goes through the network."""
        super().__init__()
        self.student, self.params, self.parts = student, params, parts
        self.register_buffer("class_weights", class_weights, persistent=False)

    def forward(self, batches: list[Batch], draw: torch.Generator, step: int) -> tuple[Tensor, Measured]:
        images, labels = batches[0]
        output = in_parts(self.student, self.parts, images)
        return supervised_loss(self.student, output, labels, self.params, self.class_weights), {}


def supervised_loss(
    student: SegmentationNetwork,
    output: Output,
    labels: Tensor,
    params: LabeledLossParams,
    class_weights: Tensor | None = None,
) -> Tensor:
    """The labelled losses of the network's heads, weighted: of the linear head and, for Cityscapes, the auxiliary one.

    output: of images [B, bands, H, W]; labels [B, H, W]; class_weights [C].
    """
    losses = [
        weight * labeled_loss(resize(output.scores[head].float(), labels.shape[-2:]), labels, params, class_weights)
        for head, weight in student.loss_weights().items()
    ]
    return torch.stack(losses).sum()
