"""Pretraining: the labelled images alone. Its representation is where the prototypes come from (method section 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from semiproto.data.loaders import Batch
from semiproto.model.network import DeepLab, Output, resize
from semiproto.params import LabeledLossParams
from semiproto.train.engine import Measured, Phase
from semiproto.train.losses import labeled_loss


class SupervisedPhase(Phase):
    def __init__(self, student: DeepLab, params: LabeledLossParams) -> None:
        super().__init__()
        self.student, self.params = student, params

    def forward(self, batches: list[Batch], draw: torch.Generator, step: int) -> tuple[Tensor, Measured]:
        images, labels = batches[0]
        return supervised_loss(self.student, self.student(images), labels, self.params), {}


def supervised_loss(student: DeepLab, output: Output, labels: Tensor, params: LabeledLossParams) -> Tensor:
    """The loss of the linear head on labelled images and, where the network has one, of its auxiliary head [config].

    output: of images [B, 3, H, W]; labels [B, H, W].
    """
    loss = labeled_loss(resize(output.logits.float(), labels.shape[-2:]), labels, params)
    if output.auxiliary is not None:
        auxiliary = labeled_loss(resize(output.auxiliary.float(), labels.shape[-2:]), labels, params)
        loss = loss + student.auxiliary_weight * auxiliary
    return loss
