"""The method's step: student, teacher, two heads, four losses. Section numbers are those of docs/method.md.

The three methods differ only in which of the four losses they have:

    supervised    labelled linear
    consistency   labelled linear, unlabelled linear
    prototype     labelled linear, unlabelled linear, labelled prototype, unlabelled prototype

Recipes differ in what the student sees of an unlabelled image: one strong view in the paper, two in UniMatch, which may
also read the weak view with channels left out. That has losses of its own, perturbed linear and perturbed prototype.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from semiproto.data.layout import IGNORE_INDEX
from semiproto.data.loaders import Batch
from semiproto.data.strong_views import PseudoLabeled, own_images, strong_views
from semiproto.model.layers import resize
from semiproto.model.network import Output, SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank, sample_at, stratified_points
from semiproto.model.recompute import in_parts
from semiproto.model.teacher import Teacher, labels_and_powers
from semiproto.params import SemiParams
from semiproto.train.engine import Measured, Phase
from semiproto.train.health import CONFIDENCE_BINS
from semiproto.train.losses import labeled_loss, pseudo_label_loss, threshold
from semiproto.train.perturbations import Factors, perturbation
from semiproto.train.supervised import supervised_loss
from semiproto.train.thresholds import AdaptiveThreshold

CELLS = 32
"""The prototype head sees CELLS x CELLS pixels of each image in training, one per cell of a grid [config]."""


class Sampled(NamedTuple):
    """N pixels of labelled and unlabelled images, from which the prototypes are updated after the step."""

    features: Tensor
    targets: Tensor
    nearest: Tensor
    keep: Tensor


class SemiPhase(Phase):
    """bank: the prototype head, None for methods without one. teacher_from: first step with unlabelled losses.

    class_weights: of the labelled losses [C], None for equal ones.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        student: SegmentationNetwork,
        params: SemiParams,
        bank: PrototypeBank | None,
        teacher_from: int = 0,
        class_weights: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.student, self.bank = student, bank
        self.teacher = Teacher(student, params.teacher.decay, params.teacher.batch_norm)
        self.params, self.labeled_loss, self.teacher_from = params, params.labeled_loss, teacher_from
        self.labeled_points = params.labeled_loss.model_copy(update={"kind": "cross_entropy"})
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.tau = threshold(params)
        self.adaptive_tau = AdaptiveThreshold(params, student.num_classes) if params.adaptive_tau else None
        self.strong_views, self.perturbation = strong_views(params), perturbation(params.perturbation)
        self.kinds = ["unlabeled"] * params.strong_view.views + ["perturbed"] * self.perturbation.of_weak_view
        self._sampled: Sampled | None = None
        self._seen = torch.empty(0)

    def networks(self) -> list[SegmentationNetwork]:
        return [self.student, self.teacher.model]

    def evaluated(self) -> SegmentationNetwork:
        return self.teacher.model

    def forward(self, batches: list[Batch], draw: torch.Generator, step: int) -> tuple[Tensor, Measured]:
        """Section 5: L = labelled linear + labelled prototype + unlabelled linear + unlabelled prototype.

        batches: the labelled one and, for consistency and prototype, the unlabelled one: images [B, bands, S, S] uint8
        and labels [B, S, S] uint8 (unlabelled: 0 inside the image, 255 outside). All randomness but dropout's is
        `draw`'s.
        """
        images, labels = batches[0]
        if len(batches) == 1 or step < self.teacher_from:
            self._sampled, self._seen = None, images
            losses = {"labeled_linear": self._supervised_loss(self._output(images), labels)}
            return self._total(losses), losses

        views = self._views(batches[1], draw)
        self._seen = torch.cat([images, *(view.images for view in views)])
        n, size = len(images), labels.shape[-1]
        output = self._output(self._seen, self.perturbation.factors(self.student.encoder.channels, n, draw))
        logits = resize(output.logits[n:].float(), (size, size))
        losses = {"labeled_linear": self._supervised_loss(output.first(n), labels)}
        losses |= self._view_losses("linear", logits, views)
        measured = self._measure(views[0])
        if self.bank is not None:
            points = stratified_points(size, min(CELLS, size), draw).to(labels.device, non_blocking=True)
            features = sample_at(output.representation, points, size).float()
            row, column = points.unbind(1)
            at_points = [
                view._replace(
                    labels=view.labels[:, row, column].flatten(), confidence=view.confidence[:, row, column].flatten()
                )
                for view in views
            ]
            losses_at_points, predicted = self._prototype_head(self.bank, features, labels[:, row, column], at_points)
            losses |= losses_at_points
            measured["agreement"] = (logits[:, :, row, column].argmax(1) == predicted[n:]).float().mean()
        return self._total(losses), losses | measured

    def after_step(self, step: int) -> Measured:
        """Sections 4 and 6: the prototypes follow the features of this step, the teacher follows the student."""
        measured = {}
        if self.bank is not None and self._sampled is not None and self.params.prototype_head.update:
            before = self.bank.prototypes.clone()
            members = self.bank.update(*self._sampled)
            moved = (self.bank.prototypes - before).norm(dim=2) / before.norm(dim=2).clamp(min=1e-12)
            measured = {"prototype_use": members / members.sum().clamp(min=1), "prototype_movement": moved}
        self.teacher.update(self.student, max(0, step - self.teacher_from))
        if self.params.teacher.batch_norm == "forward":
            self.teacher.refresh_batch_norm(self._seen)
        return measured

    def _output(self, images: Tensor, factors: Factors | None = None) -> Output:
        return in_parts(self.student, self.params.parts, images, factors)

    def _supervised_loss(self, output: Output, labels: Tensor) -> Tensor:
        return supervised_loss(self.student, output, labels, self.labeled_loss, self.class_weights)

    def _views(self, unlabeled: Batch, draw: torch.Generator) -> list[PseudoLabeled]:
        """Sections 6 and 7: the weak view is labelled, and the strong views turn it into what the student sees.

        After them comes the weak view itself, where the student also reads it with channels left out.
        """
        weak = self._labeled(*unlabeled)
        views = [self._strong_view(weak, draw) for _ in range(self.params.strong_view.views)]
        return views + [own_images(weak, self.params)] * self.perturbation.of_weak_view

    def _labeled(self, images: Tensor, outside: Tensor) -> PseudoLabeled:
        labeller = self.student if self.params.teacher.labels == "student" else self.teacher.model
        labels, confidence, powers = labels_and_powers(labeller, images)
        confidence = confidence.masked_fill(outside == IGNORE_INDEX, 0.0)
        if self.adaptive_tau is not None:
            self.adaptive_tau.update(powers, confidence)
        return PseudoLabeled(images, labels, confidence)

    def _limit(self, labels: Tensor) -> float | Tensor:
        """What the confidence of pixels with these pseudo-labels must exceed."""
        return self.tau if self.adaptive_tau is None else self.adaptive_tau.limits(labels)

    def _strong_view(self, batch: PseudoLabeled, draw: torch.Generator) -> PseudoLabeled:
        for view in self.strong_views:
            batch = view(batch, draw)
        return batch

    def _view_losses(self, head: str, logits: Tensor, views: list[PseudoLabeled]) -> dict[str, Tensor]:
        """Section 5: a head's losses of the views, added up by kind. logits: of all views, one after the other."""
        losses: dict[str, Tensor] = {}
        for kind, view, scores in zip(self.kinds, views, logits.chunk(len(views)), strict=True):
            name, tau = f"{kind}_{head}", self._limit(view.labels)
            loss = pseudo_label_loss(scores, view.labels, view.confidence, tau, self.params.normalise)
            losses[name] = losses[name] + loss if name in losses else loss
        return losses

    def _prototype_head(
        self, bank: PrototypeBank, features: Tensor, labels: Tensor, views: list[PseudoLabeled]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Sections 2 and 5: cross-entropy of the cosine scores at P sampled pixels, the same places in all images.

        features [N, P, D] of the labelled images and all views; labels [B, P]; views: their labels and confidence at
        these places, [B * P]. Returns the head's losses and the class that it predicts [N, P].
        """
        logits, nearest = bank.logits(features.flatten(0, 1))
        targets = torch.cat([labels.long().flatten(), *(view.labels for view in views)])
        k = labels.numel()
        sure = torch.cat([view.confidence > self._limit(view.labels) for view in views])
        keep = torch.cat([targets[:k] != IGNORE_INDEX, sure])
        self._sampled = Sampled(features.detach().flatten(0, 1), targets, nearest, keep)
        losses = {"labeled_prototype": labeled_loss(logits[:k], targets[:k], self.labeled_points, self.class_weights)}
        losses |= self._view_losses("prototype", logits[k:], views)
        return losses, logits.argmax(1).view(features.shape[:2])

    def _measure(self, view: PseudoLabeled) -> Measured:
        """The share of confident pixels, its division among the classes, and the histogram of the confidence."""
        confidence, sure_from = view.confidence, self._limit(view.labels)
        inside, confident = (confidence > 0).float().flatten(), (confidence > sure_from).float().flatten()
        of_class = view.labels.flatten().bincount(confident, minlength=self.student.num_classes)
        # Without nan: a network that has diverged must reach the check of its loss, which says so.
        bins = (confidence.nan_to_num() * CONFIDENCE_BINS).long().clamp(0, CONFIDENCE_BINS - 1).flatten()
        histogram = bins.bincount(inside, minlength=CONFIDENCE_BINS)
        pixels, sure = inside.sum().clamp(min=1), confident.sum()
        thresholds = {} if self.adaptive_tau is None else {"threshold": self.adaptive_tau.of_classes()}
        return thresholds | {
            "coverage": sure / pixels,
            "pseudo_label_share": of_class / sure.clamp(min=1),
            "confidence": histogram / pixels,
        }

    def _total(self, losses: dict[str, Tensor]) -> Tensor:
        weights = self.params.loss_weights.model_dump()
        total = sum((weights[name] * loss for name, loss in losses.items()), torch.zeros(()))
        return self.params.loss_scale * total
