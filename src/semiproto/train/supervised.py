"""Pretraining: the labelled images alone. Its representation is where the prototypes come from (method section 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from semiproto.data.loaders import Batch
from semiproto.model.deeplab import DeepLab, resize
from semiproto.params import LabeledLoss
from semiproto.train.engine import Phase
from semiproto.train.losses import labeled_loss


class SupervisedPhase(Phase):
    def __init__(self, student: DeepLab, params: LabeledLoss) -> None:
        super().__init__()
        self.student, self.params = student, params

    def loss(self, batches: list[Batch], draw: torch.Generator, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        images, labels = batches[0]
        logits = resize(self.student(images).logits, labels.shape[-2:])
        return labeled_loss(logits, labels, self.params), {}
