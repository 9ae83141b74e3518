"""The teacher is the average of the student that method section 6 says."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from semiproto.model.network import SegmentationNetwork
from semiproto.model.teacher import Teacher, labels_and_powers


def changed(student, seed=5):
    """Moves all weights and statistics of `student`, as a training step would."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in student.state_dict(keep_vars=True).values():
            if value.is_floating_point():
                value.add_(torch.rand(value.shape, generator=generator) * 0.1)
            else:
                value.add_(3)


def copies(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def batch_norm_keys(state):
    return {name for name in state if "running_" in name or name.endswith("num_batches_tracked")}


@pytest.mark.parametrize(("step", "decay", "expected"), [(0, 0.99, 0.0), (1, 0.99, 0.5), (9, 0.99, 0.9)])
@pytest.mark.parametrize("batch_norm", ["average", "forward"])
def test_decay_at_the_first_steps(make_net, step, decay, expected, batch_norm):
    check_update(make_net, step, decay, expected, batch_norm)


@pytest.mark.parametrize(
    ("step", "decay", "expected"), [(98, 0.99, 1 - 1 / 99), (99, 0.99, 0.99), (10_000, 0.99, 0.99), (50, 0.9, 0.9)]
)
def test_decay_reaches_its_ceiling(make_net, step, decay, expected):
    check_update(make_net, step, decay, expected, "average")


def check_update(make_net, step, decay, expected, batch_norm):
    student = make_net()
    teacher = Teacher(student, decay, batch_norm)
    before = copies(teacher.model)
    changed(student)
    teacher.update(student, step)
    after, theirs = teacher.model.state_dict(), student.state_dict()
    for name in set(after) - batch_norm_keys(after):
        torch.testing.assert_close(after[name], expected * before[name] + (1 - expected) * theirs[name])
        assert not torch.equal(after[name], before[name]), name
    for name in (n for n in after if "running_" in n):
        average = expected * before[name] + (1 - expected) * theirs[name]
        torch.testing.assert_close(after[name], average if batch_norm == "average" else before[name])


def test_the_student_is_left_alone(make_net):
    student = make_net()
    teacher = Teacher(student, 0.99)
    changed(student)
    before = copies(student)
    teacher.update(student, 3)
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())


def test_step_zero_copies_the_student_exactly(make_net):
    student = make_net()
    teacher = Teacher(student, 0.99)
    changed(student)
    teacher.update(student, 0)
    images = torch.randint(256, (1, 3, 32, 32), dtype=torch.uint8)
    assert torch.equal(teacher.model(images).logits, student.eval()(images).logits)


def test_a_run_of_updates_equals_the_recursion(make_net):
    student = make_net()
    teacher = Teacher(student, 0.75)
    name, expected = "heads.linear.layers.4.weight", None
    for step in range(8):
        changed(student, step)
        theirs = student.state_dict()[name].double()
        decay = min(1 - 1 / (step + 1), 0.75)
        expected = theirs.clone() if expected is None else decay * expected + (1 - decay) * theirs
        teacher.update(student, step)
    torch.testing.assert_close(teacher.model.state_dict()[name].double(), expected, rtol=1e-5, atol=1e-6)


def test_it_stays_in_eval_mode_when_its_parent_trains(make_net):
    parent = nn.Module()
    parent.student = make_net()
    parent.teacher = Teacher(parent.student.train(), 0.99)
    assert not parent.teacher.model.training
    parent.train()
    assert parent.student.training
    assert not any(module.training for module in parent.teacher.modules())


def test_it_has_no_gradients(make_net):
    student = make_net()
    teacher = Teacher(student, 0.99)
    assert all(p.requires_grad for p in student.parameters())
    assert not any(p.requires_grad for p in teacher.parameters())
    labels, confidence = teacher.pseudo_labels(torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8))
    assert not confidence.requires_grad
    assert not labels.is_inference() and not confidence.is_inference()


def undecided(net, images):
    """`net` with a last layer that gives every class about the same mean score, so that classes vary by pixel."""
    last = net.heads["linear"].layers[-1]
    with torch.no_grad():
        last.weight.mul_(20)
        last.bias.sub_(net.eval()(images).logits.mean(dim=(0, 2, 3)))
    return net


@pytest.mark.parametrize("size", [(32, 32), (33, 41), (64, 48)])
def test_pseudo_labels_are_the_softmax_at_full_resolution(make_net, size):
    images = torch.randint(256, (2, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    teacher = Teacher(undecided(make_net(), images), 0.99)
    labels, confidence = teacher.pseudo_labels(images)
    with torch.no_grad():
        whole = F.interpolate(teacher.model(images).logits, size=size, mode="bilinear", align_corners=True)
    expected, expected_labels = whole.softmax(dim=1).max(dim=1)
    assert labels.shape == confidence.shape == (2, *size)
    assert labels.dtype == torch.int64
    assert torch.equal(labels, expected_labels)
    torch.testing.assert_close(confidence, expected)
    assert len(labels.unique()) > 3
    *_, powers = labels_and_powers(teacher.model, images)
    torch.testing.assert_close(powers * confidence.unsqueeze(1), whole.softmax(dim=1))


def test_pseudo_labels_change_no_statistics(make_net):
    teacher = Teacher(make_net(), 0.99)
    before = copies(teacher)
    teacher.pseudo_labels(torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8))
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


def test_refreshing_moves_the_statistics_as_a_forward_in_training_mode(make_net):
    student = make_net()
    teacher = Teacher(student, 0.99, "forward")
    images = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    teacher.refresh_batch_norm(images)
    student.train()(images)
    found, expected = teacher.model.state_dict(), student.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert not any(module.training for module in teacher.modules())
    assert not any(p.requires_grad for p in teacher.parameters())


@pytest.mark.parametrize("trainable", ["none", "norms"])
def test_what_does_not_train_is_the_students_own_and_is_not_averaged(make_vit, trainable):
    student = make_vit(trainable=trainable)
    teacher = Teacher(student, 0.99)
    mine = dict(teacher.model.named_parameters())
    shared = {name for name, weight in student.named_parameters() if mine[name] is weight}
    assert shared == {name for name, weight in student.named_parameters() if not weight.requires_grad}
    assert len(shared) > 20 and all(name.startswith("encoder.") for name in shared)
    before = copies(teacher.model)
    with torch.no_grad():
        for weight in student.parameters():
            if weight.requires_grad:
                weight.add_(0.1)
    teacher.update(student, 9)
    for name, value in teacher.model.state_dict().items():
        expected = before[name] if name in shared else 0.9 * before[name] + 0.1 * student.state_dict()[name]
        torch.testing.assert_close(
            value, expected, rtol=0 if name in shared else 1e-5, atol=0 if name in shared else 1e-6
        )
    assert [weight.requires_grad for weight in student.parameters()].count(True) > 0


def test_a_frozen_encoder_is_not_refreshed(make_vit):
    teacher = Teacher(make_vit(trainable="none"), 0.99, "forward")
    before = copies(teacher)
    teacher.refresh_batch_norm(torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8))
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


def test_a_frozen_cnn_keeps_its_statistics_in_both(tiny):
    encoder = tiny.model.encoder.model_copy(update={"trainable": "none"})
    student = SegmentationNetwork(tiny.model.model_copy(update={"encoder": encoder}), 7, pretrained=False).train()
    teacher, before = Teacher(student, 0.5), copies(student.encoder)
    student(torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8))
    teacher.update(student, 5)
    for encoder in (student.encoder, teacher.model.encoder):
        assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert int(student.decoder.low_level[1].num_batches_tracked) == 1
