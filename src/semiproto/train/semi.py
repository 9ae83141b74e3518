"""The method's step: student, teacher, two heads, four losses. Section numbers are those of docs/method.md.

The three variants differ in nothing else than in which of the four losses they have:

    supervised    labelled linear
    consistency   labelled linear, unlabelled linear
    prototype     labelled linear, unlabelled linear, labelled prototype, unlabelled prototype
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from semiproto.data.augment import cutmix, cutmix_boxes
from semiproto.data.layout import IGNORE_INDEX
from semiproto.data.loaders import Batch
from semiproto.model.deeplab import DeepLab, resize
from semiproto.model.prototypes import PrototypeBank, sample_at, stratified_points
from semiproto.model.teacher import Teacher
from semiproto.params import Semi
from semiproto.train.engine import Phase
from semiproto.train.losses import cross_entropy, labeled_loss, pseudo_label_loss

CELLS = 32
"""The prototype head sees CELLS x CELLS pixels of each image in training, one per cell of a grid [config]."""


class Sampled(NamedTuple):
    """What the prototypes' update needs of a step: N pixels of labelled and unlabelled images."""

    features: Tensor
    targets: Tensor
    nearest: Tensor
    keep: Tensor


class SemiPhase(Phase):
    """bank: the prototype head, None for the variants without one. teacher_from: first step with unlabelled losses."""

    def __init__(self, student: DeepLab, params: Semi, bank: PrototypeBank | None, teacher_from: int = 0) -> None:
        super().__init__()
        self.student, self.bank = student, bank
        self.teacher = Teacher(student, params.teacher.decay, params.teacher.batch_norm)
        self.params, self.teacher_from = params, teacher_from
        self._sampled: Sampled | None = None
        self._seen = torch.empty(0)

    def evaluated(self) -> DeepLab:
        return self.teacher.model

    def loss(self, batches: list[Batch], draw: torch.Generator, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Section 5: L = labelled linear + labelled prototype + unlabelled linear + unlabelled prototype.

        batches: the labelled one, and for consistency and prototype the unlabelled one: images [B, 3, S, S] uint8 and
        labels [B, S, S] uint8 (unlabelled: 0 inside the image, 255 outside).
        """
        images, labels = batches[0]
        if len(batches) == 1 or step < self.teacher_from:
            self._sampled, self._seen = None, images
            logits = resize(self.student(images).logits, labels.shape[-2:])
            losses = {"labeled_linear": labeled_loss(logits, labels, self.params.labeled_loss)}
            return self._total(losses), losses

        mixed, pseudo_labels, confidence = self._strong_view(batches[1], draw)
        output = self.student(torch.cat([images, mixed]))
        n = len(images)
        logits = resize(output.logits, labels.shape[-2:])
        tau, normalise = self.params.tau, self.params.normalise
        losses = {
            "labeled_linear": labeled_loss(logits[:n], labels, self.params.labeled_loss),
            "unlabeled_linear": pseudo_label_loss(logits[n:], pseudo_labels, confidence, tau, normalise),
        }
        if self.bank is not None:
            losses |= self._prototype_losses(self.bank, output.representation, labels, pseudo_labels, confidence, draw)
        self._seen = mixed
        inside = confidence > 0
        measured = {"coverage": (confidence > tau).sum() / inside.sum().clamp(min=1)}
        return self._total(losses), losses | measured

    def after_step(self, step: int) -> None:
        """Sections 4 and 6: the prototypes follow the features of this step, the teacher follows the student."""
        if self.bank is not None and self._sampled is not None and self.params.prototype_head.update:
            self.bank.update(*self._sampled)
        self.teacher.update(self.student, max(0, step - self.teacher_from))
        if self.params.teacher.batch_norm == "forward":
            self.teacher.refresh_batch_norm(self._seen)

    def _strong_view(self, unlabeled: Batch, draw: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Sections 6 and 7: the teacher labels the weak view; CutMix mixes images, labels and confidences alike."""
        images, outside = unlabeled
        pseudo_labels, confidence = self.teacher.pseudo_labels(images)
        confidence = confidence.masked_fill(outside == IGNORE_INDEX, 0.0)
        if float(torch.rand(1, generator=draw)) >= self.params.cutmix_probability:
            return images, pseudo_labels, confidence
        boxes = cutmix_boxes(len(images), images.shape[-1], draw).to(images.device)
        return cutmix(images, boxes), cutmix(pseudo_labels, boxes), cutmix(confidence, boxes)

    def _prototype_losses(
        self,
        bank: PrototypeBank,
        representation: Tensor,
        labels: Tensor,
        pseudo_labels: Tensor,
        confidence: Tensor,
        draw: torch.Generator,
    ) -> dict[str, Tensor]:
        """Sections 2 and 5: cross-entropy of the cosine scores at the sampled pixels, the same for all images."""
        size = labels.shape[-1]
        points = stratified_points(size, min(CELLS, size), draw).to(labels.device)
        row, column = points.unbind(1)
        features = sample_at(representation, points, size).float()
        logits, nearest = bank.logits(features.flatten(0, 1))
        targets = torch.cat([labels[:, row, column].long(), pseudo_labels[:, row, column]]).flatten()
        confidence = confidence[:, row, column].flatten()
        k = len(targets) - len(confidence)
        tau = self.params.tau
        keep = torch.cat([targets[:k] != IGNORE_INDEX, confidence > tau])
        self._sampled = Sampled(features.detach().flatten(0, 1), targets, nearest, keep)
        return {
            "labeled_prototype": cross_entropy(logits[:k], targets[:k]),
            "unlabeled_prototype": pseudo_label_loss(logits[k:], targets[k:], confidence, tau, self.params.normalise),
        }

    def _total(self, losses: dict[str, Tensor]) -> Tensor:
        weights = self.params.loss_weights.model_dump()
        total = sum((weights[name] * loss for name, loss in losses.items()), torch.zeros(()))
        return self.params.loss_scale * total
