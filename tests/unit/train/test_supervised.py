"""Pretraining is the labelled loss at label resolution."""

import copy

import pytest
import torch
from torch.nn import functional as F

from semiproto.train.supervised import SupervisedPhase


@pytest.mark.parametrize("kind", ["cross_entropy", "ohem"])
def test_the_loss_is_the_labelled_loss(make_net, tiny, kind):
    params = tiny.pretrain.labeled_loss.model_copy(update={"kind": kind, "ohem_threshold": 1.0})
    phase = SupervisedPhase(make_net(), params).train()
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    labels = torch.randint(7, (2, 32, 32), dtype=torch.uint8)
    labels[:, :9] = 255
    student = copy.deepcopy(phase.student)
    loss, logged = phase.loss([(images, labels)], torch.Generator(), 0)
    logits = F.interpolate(student(images).logits, size=(32, 32), mode="bilinear", align_corners=True)
    torch.testing.assert_close(loss, F.cross_entropy(logits, labels.long(), ignore_index=255))
    assert logged == {}
    assert phase.evaluated() is phase.student
