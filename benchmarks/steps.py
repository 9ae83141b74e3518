"""One training step of the prototype variant in two forms: the field's, and ours.

The reference form is written after the description in README.md. Both use the same losses, which are not what is
compared, and draw alike, so that their first losses must agree.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from paper import CLASSES, paper_network
from prototype_update import reference as update_by_loop
from pseudo_labels import reference as labels_and_confidence
from teacher_ema import reference as average_by_loop
from torch import Tensor
from torch.nn import functional as F

from semiproto.data.augment import cutmix, cutmix_boxes
from semiproto.model.encoders.encoder import IMAGENET
from semiproto.model.heads.head import Maps
from semiproto.model.layers import resize
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank, stratified_points
from semiproto.params import Params
from semiproto.train.losses import cross_entropy, labeled_loss, pseudo_label_loss
from semiproto.train.optimizer import make_optimizer, parameter_groups
from semiproto.train.semi import SemiPhase

PER_CLASS = 4
Batch = tuple[Tensor, Tensor]


def make_bank(dim: int) -> PrototypeBank:
    bank = PrototypeBank(CLASSES, PER_CLASS, dim)
    bank.prototypes.copy_(torch.rand(bank.prototypes.shape, generator=torch.Generator().manual_seed(0)))
    return bank


def make_batches(crop: int) -> list[Batch]:
    """One labelled and one unlabelled image, 8 bits: smooth noise, and blocks of classes."""
    draw = torch.Generator().manual_seed(0)
    coarse = 255 * torch.rand(2, 3, 17, 17, generator=draw)
    images = F.interpolate(coarse, size=(crop, crop), mode="bilinear").to(torch.uint8)
    blocks = torch.randint(CLASSES, (1, 1, 9, 9), generator=draw).float()
    labels = F.interpolate(blocks, size=(crop, crop))[0].to(torch.uint8)
    return [(images[:1], labels), (images[1:], torch.zeros_like(labels))]


def normalised(batch: Batch) -> Batch:
    """What a loader of the field hands over: float images, int64 labels."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET.mean, IMAGENET.std))
    return (batch[0].float() / 255 - mean) / std, batch[1].long()


def our_step(params: Params, crop: int, bfloat16: bool = False) -> Callable[[], float]:
    """A step as train/engine.py makes it; a call takes one and returns the loss."""
    student, batches = paper_network(params), make_batches(crop)
    phase = SemiPhase(student, params.semi, make_bank(student.dim))
    return stepping(phase, batches, params, bfloat16)


def stepping(phase: SemiPhase, batches: list[Batch], params: Params, bfloat16: bool = False) -> Callable[[], float]:
    """A function that takes one step of a phase on the same batches, and returns its loss."""
    phase.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(phase.student, params.optimizer)

    def step() -> float:
        torch.manual_seed(0)
        phase.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss, _ = phase(batches, torch.Generator().manual_seed(0), step=1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        phase.after_step(step=1)
        return float(loss.detach())

    return step


class ReferenceStep:
    """NCHW, two forwards of the teacher, z upsampled before it is picked from, loops over prototypes and parameters."""

    def __init__(self, params: Params, crop: int) -> None:
        self.params, self.crop = params.semi, crop
        self.student = paper_network(params)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        groups = parameter_groups(self.student, params.optimizer)
        self.optimizer = torch.optim.SGD(groups, momentum=0.9)
        self.bank = make_bank(self.student.dim)
        self.batches = [normalised(batch) for batch in make_batches(crop)]

    def __call__(self) -> float:
        torch.manual_seed(0)
        draw = torch.Generator().manual_seed(0)
        (images, labels), (weak, _) = self.batches
        self.student.train()
        mixed, pseudo_labels, confidence = self._strong_view(weak, draw)
        both = torch.cat([images, mixed])
        z, logits = forward(self.student, both)
        logits, tau = resize(logits, labels.shape[-2:]), self.params.tau
        loss = labeled_loss(logits[:1], labels, self.params.labeled_loss)
        loss = loss + pseudo_label_loss(logits[1:], pseudo_labels, confidence, tau)

        row, column = stratified_points(self.crop, 32, draw).unbind(1)
        features = resize(z, labels.shape[-2:])[:, :, row, column].permute(0, 2, 1).flatten(0, 1)
        scores = torch.einsum("nd,ckd->nck", F.normalize(features, dim=1), F.normalize(self.bank.prototypes, dim=2))
        cosine, nearest = scores.max(dim=2)
        targets = torch.cat([labels, pseudo_labels])[:, row, column].flatten()
        sure, k = confidence[:, row, column].flatten(), len(row)
        loss = loss + cross_entropy(cosine[:k] / 0.1, targets[:k])
        loss = loss + pseudo_label_loss(cosine[k:] / 0.1, targets[k:], sure, tau)

        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        keep = torch.cat([targets[:k] != 255, sure > tau])
        update_by_loop(self.bank.prototypes, features.detach(), targets, nearest, keep)
        average_by_loop(self.teacher, self.student)
        with torch.no_grad():
            forward(self.teacher.train(), both)  # for its batch-norm statistics
        return float(loss.detach())

    def _strong_view(self, weak: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        with torch.no_grad():
            _, logits = forward(self.teacher.eval(), weak)
        labels, confidence = labels_and_confidence(logits, self.crop)
        torch.rand(1, generator=draw)  # whether to mix: always, here
        boxes = cutmix_boxes(len(weak), self.crop, draw)
        return cutmix(weak, boxes), cutmix(labels, boxes), cutmix(confidence, boxes)


def forward(network: SegmentationNetwork, images: Tensor) -> tuple[Tensor, Tensor]:
    """Representation and logits at stride 4, in the memory format of the images."""
    maps = network.encoder(images)
    z = network.decoder(maps)
    return z, network.heads["linear"](Maps(maps, z))
