"""Pretraining is the labelled loss at label resolution."""

import copy

import pytest
import torch
from torch.nn import functional as F

from semiproto.model.network import SegmentationNetwork
from semiproto.train.supervised import SupervisedPhase, supervised_loss


@pytest.mark.parametrize("kind", ["cross_entropy", "ohem"])
def test_the_loss_is_the_labelled_loss(make_net, tiny, kind):
    params = tiny.pretrain.labeled_loss.model_copy(update={"kind": kind, "ohem_threshold": 1.0})
    phase = SupervisedPhase(make_net(), params).train()
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    labels = torch.randint(7, (2, 32, 32), dtype=torch.uint8)
    labels[:, :9] = 255
    student = copy.deepcopy(phase.student)
    loss, logged = phase([(images, labels)], torch.Generator(), 0)
    logits = F.interpolate(student(images).logits, size=(32, 32), mode="bilinear", align_corners=True)
    torch.testing.assert_close(loss, F.cross_entropy(logits, labels.long(), ignore_index=255))
    assert logged == {}
    assert phase.evaluated() is phase.student


def test_an_auxiliary_head_adds_its_weighted_loss(tiny):
    model = tiny.model.model_copy(update={"auxiliary_weight": 0.4})
    torch.manual_seed(0)
    student = SegmentationNetwork(model, 7, pretrained=False).train()
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    labels = torch.randint(7, (2, 32, 32), dtype=torch.uint8)
    output = student(images)
    params = tiny.pretrain.labeled_loss
    main, auxiliary = (
        F.cross_entropy(F.interpolate(x, size=(32, 32), mode="bilinear", align_corners=True), labels.long())
        for x in (output.logits, output.scores["auxiliary"])
    )
    torch.testing.assert_close(supervised_loss(student, output, labels, params), main + 0.4 * auxiliary)
    loss, _ = SupervisedPhase(student, params)([(images, labels)], torch.Generator(), 0)
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in student.heads["auxiliary"].parameters())


def test_class_weights_are_the_phases_and_not_the_checkpoints(make_net, tiny):
    weights = torch.linspace(0.5, 5, 7)
    phase = SupervisedPhase(make_net(), tiny.pretrain.labeled_loss, weights).train()
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    labels = torch.randint(7, (2, 32, 32), dtype=torch.uint8)
    logits = F.interpolate(
        copy.deepcopy(phase.student)(images).logits, size=(32, 32), mode="bilinear", align_corners=True
    )
    loss, _ = phase([(images, labels)], torch.Generator(), 0)
    torch.testing.assert_close(loss, F.cross_entropy(logits, labels.long(), weights))
    assert not [name for name in phase.state_dict() if not name.startswith("student.")]
