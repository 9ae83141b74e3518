"""The method's step against a second computation of its four losses: whole maps upsampled, full softmax, loops."""

import copy

import numpy as np
import pytest
import reference
import torch
from phases import SIZE, make_phase, ramps, up
from torch.nn import functional as F

from semiproto.data.augment import cutmix_boxes
from semiproto.model.prototypes import stratified_points
from semiproto.params import AdaptiveTauParams
from semiproto.train.losses import dice_loss, ohem_cross_entropy
from semiproto.train.semi import CELLS, SemiPhase

MEASURES = {"coverage", "pseudo_label_share", "confidence"}


def batch(seed, labeled):
    """Two images, half noise and half ramp, and labels with a border of 255."""
    rng = np.random.default_rng(seed)
    images = ramps(rng, 2)
    labels = rng.integers(0, 7, (2, SIZE, SIZE)) if labeled else np.zeros((2, SIZE, SIZE))
    labels[:, :5] = labels[0, :, 28:] = 255
    return images, torch.from_numpy(labels.astype(np.uint8))


def settings(tiny, **changes):
    """semi of the tiny parameters; tau at a value that some pixels of an untrained network pass."""
    return tiny.semi.model_copy(update={"tau": 0.2, "cutmix_probability": 1.0} | changes)


def picked_cross_entropy(logits, target):
    """-log softmax of the target class at every pixel; targets of 255 give any number."""
    chosen = logits.softmax(1).gather(1, target.clamp(max=logits.shape[1] - 1).unsqueeze(1)).squeeze(1)
    return -chosen.log()


class Reference:
    """The losses and gradients of one step of `phase` (a copy is used), computed another way."""

    def __init__(self, phase, batches, seed, mix=True):
        self.student, params = copy.deepcopy(phase.student).train(), phase.params
        draw = torch.Generator().manual_seed(seed)
        (images, labels), (unlabeled, outside) = batches
        with torch.no_grad():
            probabilities = up(phase.teacher.model.eval()(unlabeled).logits).softmax(1)
        self.pseudo, self.confidence = probabilities.argmax(1), probabilities.amax(1)
        self.confidence[outside == 255] = 0
        torch.rand(1, generator=draw)
        unlabeled = unlabeled.clone()
        if mix:
            self._mix(unlabeled, cutmix_boxes(2, SIZE, draw))
        self.mixed, self.labels = unlabeled, labels.long()
        self.output = self.student(torch.cat([images, unlabeled]))
        logits = up(self.output.logits)
        self.count = self.confidence.numel()
        self.confident = self.confidence > params.tau
        valid = self.labels != 255
        self.losses = {
            "labeled_linear": picked_cross_entropy(logits[:2], self.labels)[valid].mean(),
            "unlabeled_linear": picked_cross_entropy(logits[2:], self.pseudo)[self.confident].sum() / self.count,
        }
        if phase.bank is not None:
            self._prototypes(phase.bank, stratified_points(SIZE, CELLS, draw))

    def _mix(self, images, boxes):
        sources = images.clone(), self.pseudo.clone(), self.confidence.clone()
        for b, row, column in boxes.nonzero().tolist():
            other = (b + 1) % 2
            images[b, :, row, column] = sources[0][other, :, row, column]
            self.pseudo[b, row, column] = sources[1][other, row, column]
            self.confidence[b, row, column] = sources[2][other, row, column]

    def _prototypes(self, bank, points):
        self.points, z = points, up(self.output.representation)
        at = (slice(None), points[:, 0], points[:, 1])
        self.features = z[:, :, points[:, 0], points[:, 1]].transpose(1, 2).flatten(0, 1)
        p = bank.prototypes.double()
        cosine = F.cosine_similarity(self.features[:, None, None], p[None], dim=-1)
        logits = cosine.amax(2) / bank.temperature
        self.predicted = logits.argmax(1)
        self.targets = torch.cat([self.labels[at], self.pseudo[at]]).flatten()
        costs, k = picked_cross_entropy(logits, self.targets), len(points) * 2
        valid, confident = self.targets[:k] != 255, self.confident[at].flatten()
        self.keep = torch.cat([valid, confident])
        self.losses["labeled_prototype"] = costs[:k][valid].mean()
        self.losses["unlabeled_prototype"] = costs[k:][confident].sum() / len(confident)

    def gradients(self, total):
        total.backward()
        return [p.grad for p in self.student.parameters()]


def run(phase, batches, seed, step=0):
    torch.manual_seed(0)
    total, logged = phase(batches, torch.Generator().manual_seed(seed), step)
    return total, logged


@pytest.mark.parametrize("with_bank", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_losses_and_gradients_equal_the_reference(make_net, tiny, with_bank, seed):
    phase = make_phase(make_net, settings(tiny), with_bank)
    batches = [batch(seed, True), batch(10 + seed, False)]
    expected = Reference(phase, batches, seed)
    total, logged = run(phase, batches, seed)
    assert set(logged) == set(expected.losses) | MEASURES | ({"agreement"} if with_bank else set())
    for name, value in expected.losses.items():
        assert logged[name].item() == pytest.approx(value.item(), rel=1e-4), name
        assert value.item() > 0.01
    assert 0 < expected.confident.double().mean() < 0.9
    assert total.item() == pytest.approx(sum(v.item() for v in expected.losses.values()), rel=1e-4)
    total.backward()
    gradients = expected.gradients(sum(expected.losses.values()))
    for (name, p), gradient in zip(phase.student.named_parameters(), gradients, strict=True):
        torch.testing.assert_close(p.grad, gradient, rtol=2e-3, atol=2e-5, msg=name)
    assert all(p.grad is None for p in phase.teacher.parameters())


@pytest.mark.parametrize("with_bank", [False, True])
def test_weights_and_scale(make_net, tiny, with_bank):
    weights = {"labeled_linear": 0.5, "labeled_prototype": 2.0, "unlabeled_linear": 3.0, "unlabeled_prototype": 0.25}
    loss_weights = tiny.semi.loss_weights.model_copy(update=weights)
    phase = make_phase(make_net, settings(tiny, loss_weights=loss_weights, loss_scale=2.0), with_bank)
    total, logged = run(phase, [batch(0, True), batch(1, False)], 0)
    expected = 2 * sum(weights[name] * value for name, value in logged.items() if name in weights)
    assert total.item() == pytest.approx(expected.item(), rel=1e-5)


def test_without_cutmix_the_weak_view_is_the_input(make_net, tiny):
    phase = make_phase(make_net, settings(tiny, cutmix_probability=0.0), True)
    batches = [batch(0, True), batch(1, False)]
    expected = Reference(phase, batches, 4, mix=False)
    _, logged = run(phase, batches, 4)
    for name, value in expected.losses.items():
        assert logged[name].item() == pytest.approx(value.item(), rel=1e-4), name


def test_cutmix_happens_as_often_as_its_probability(make_net, tiny):
    phase = make_phase(make_net, settings(tiny, cutmix_probability=0.25), False)
    unlabeled = batch(1, False)
    mixed = [
        not torch.equal(phase._views(unlabeled, torch.Generator().manual_seed(n))[0].images, unlabeled[0])
        for n in range(200)
    ]
    assert 30 < sum(mixed) < 72


@pytest.mark.parametrize("normalise", ["all", "confident"])
def test_the_normalisation_of_the_unlabelled_losses(make_net, tiny, normalise):
    phase = make_phase(make_net, settings(tiny, normalise=normalise), True)
    batches = [batch(0, True), batch(1, False)]
    expected = Reference(phase, batches, 0)
    _, logged = run(phase, batches, 0)
    for name, share in (
        ("unlabeled_linear", expected.confident.double().mean()),
        ("unlabeled_prototype", expected.keep[2 * CELLS**2 :].double().mean()),
    ):
        factor = 1 if normalise == "all" else 1 / share.item()
        assert logged[name].item() == pytest.approx(expected.losses[name].item() * factor, rel=1e-4)


def test_ohem_is_used_where_the_parameters_say(make_net, tiny):
    ohem = tiny.semi.labeled_loss.model_copy(
        update={"kind": "ohem", "ohem_threshold": 0.05, "ohem_min_kept_per_image": 100}
    )
    phase = make_phase(make_net, settings(tiny, labeled_loss=ohem), False)
    batches = [batch(0, True), batch(1, False)]
    expected = Reference(phase, batches, 0)
    _, logged = run(phase, batches, 0)
    value = ohem_cross_entropy(up(expected.output.logits[:2]), batches[0][1], 0.05, 200)
    assert logged["labeled_linear"].item() == pytest.approx(value.item(), rel=1e-4)
    assert value > 1.1 * expected.losses["labeled_linear"]


def test_confidence_is_zero_outside_the_image(make_net, tiny):
    """Nothing inside: no pixel counts, whatever tau."""
    phase = make_phase(make_net, settings(tiny, tau=0.0), True)
    images, labels = batch(1, False)
    _, logged = run(phase, [batch(0, True), (images, torch.full_like(labels, 255))], 0)
    assert logged["unlabeled_linear"] == logged["unlabeled_prototype"] == logged["coverage"] == 0
    _, logged = run(phase, [batch(0, True), (images, torch.zeros_like(labels))], 0)
    assert logged["coverage"] == 1 and logged["unlabeled_linear"] > 0


def test_coverage_is_the_confident_share_inside_the_image(make_net, tiny):
    phase = make_phase(make_net, settings(tiny), False)
    batches = [batch(0, True), batch(1, False)]
    expected = Reference(phase, batches, 0)
    _, logged = run(phase, batches, 0)
    share = expected.confident.sum() / (expected.confidence > 0).sum()
    assert logged["coverage"].item() == pytest.approx(share.item(), rel=1e-6)


# ------------------------------------------------------------------------------------ which losses, and when


def test_supervised_has_the_labelled_loss_alone(make_net, tiny):
    phase = make_phase(make_net, settings(tiny), False)
    images, labels = batch(0, True)
    student = copy.deepcopy(phase.student)
    total, logged = run(phase, [(images, labels)], 0)
    expected = reference.cross_entropy(up(student(images).logits).detach().numpy(), labels.numpy())
    assert list(logged) == ["labeled_linear"]
    assert total.item() == pytest.approx(expected, rel=1e-5)


def test_before_teacher_from_the_unlabelled_images_are_not_looked_at(make_net, tiny):
    phase = make_phase(make_net, settings(tiny), True, teacher_from=3)
    batches = [batch(0, True), batch(1, False)]
    before = phase.bank.prototypes.clone()
    for step in range(5):
        _, logged = run(phase, batches, step, step)
        assert list(logged) == ["labeled_linear"] if step < 3 else "unlabeled_prototype" in logged
        phase.after_step(step)
        assert torch.equal(phase.bank.prototypes, before) == (step < 3)


def test_the_teacher_copies_the_student_at_the_end_of_the_supervised_steps(make_net, tiny):
    phase = make_phase(make_net, settings(tiny), False, teacher_from=2)
    name = "heads.linear.layers.4.bias"
    expected = None
    for step in range(6):
        run(phase, [batch(0, True), batch(1, False)], step, step)
        with torch.no_grad():
            phase.student.heads["linear"].layers[4].bias.add_(float(step + 1))
        phase.after_step(step)
        theirs = phase.student.state_dict()[name].clone()
        i = max(0, step - 2)
        decay = min(1 - 1 / (i + 1), 0.99)
        expected = theirs if i == 0 else decay * expected + (1 - decay) * theirs
        torch.testing.assert_close(phase.teacher.model.state_dict()[name], expected)


# ----------------------------------------------------------------------------------------------- after a step


def test_the_prototypes_follow_the_features_of_the_step(make_net, tiny):
    phase = make_phase(make_net, settings(tiny), True)
    batches = [batch(0, True), batch(1, False)]
    expected = Reference(phase, batches, 0)
    before = phase.bank.prototypes.double().numpy().copy()
    run(phase, batches, 0)
    assert np.array_equal(phase.bank.prototypes.double().numpy(), before)  # not before the optimiser's step
    phase.after_step(0)
    features = expected.features.detach().numpy()
    moved, counts = reference.updated_prototypes(before, features, expected.targets.numpy(), expected.keep.numpy(), 0.9)
    np.testing.assert_allclose(phase.bank.prototypes.numpy(), moved, rtol=1e-4, atol=1e-5)
    assert counts.sum() == expected.keep.sum() > 100


def test_update_false_keeps_the_prototypes(make_net, tiny):
    head = tiny.semi.prototype_head.model_copy(update={"update": False})
    phase = make_phase(make_net, settings(tiny, prototype_head=head), True)
    before = phase.bank.prototypes.clone()
    run(phase, [batch(0, True), batch(1, False)], 0)
    phase.after_step(0)
    assert torch.equal(phase.bank.prototypes, before)


def statistics(phase):
    return {n: b.clone() for n, b in phase.teacher.model.named_buffers() if "running_" in n}


def test_batch_norm_forward_shows_the_students_batch_to_the_teacher(make_net, tiny):
    teacher = tiny.semi.teacher.model_copy(update={"batch_norm": "forward"})
    phase = make_phase(make_net, settings(tiny, teacher=teacher), False)
    batches = [batch(0, True), batch(1, False)]
    seen = torch.cat([batches[0][0], Reference(phase, batches, 0).mixed])
    run(phase, batches, 0)
    reference = copy.deepcopy(phase.teacher.model)
    reference.load_state_dict(dict(phase.student.named_parameters()), strict=False)  # step 0 copies the weights
    with torch.no_grad():
        reference.train()(seen)
    phase.after_step(0)
    found = statistics(phase)
    for name, value in reference.named_buffers():
        if "running_" in name:
            torch.testing.assert_close(found[name], value)


@pytest.mark.parametrize("batch_norm", ["average", "forward"])
@pytest.mark.parametrize("variant", ["supervised", "before teacher_from"])
def test_the_teacher_that_is_evaluated_has_statistics_of_its_weights(make_net, tiny, batch_norm, variant):
    """The teacher is what validation looks at, also where no unlabelled batch refreshes its statistics."""
    teacher = tiny.semi.teacher.model_copy(update={"batch_norm": batch_norm})
    phase = make_phase(make_net, settings(tiny, teacher=teacher), False, teacher_from=9)
    before = statistics(phase)
    batches = [batch(0, True)] if variant == "supervised" else [batch(0, True), batch(1, False)]
    for step in range(2):
        run(phase, batches, step, step)
        phase.after_step(step)
    after = statistics(phase)
    assert not any(torch.equal(after[name], before[name]) for name in before)


def test_the_teacher_is_evaluated(make_net, tiny):
    phase = make_phase(make_net, settings(tiny), True)
    assert phase.evaluated() is phase.teacher.model


def test_a_checkpoint_holds_student_teacher_and_prototypes(make_net, tiny):
    phase = make_phase(make_net, settings(tiny), True)
    parts = {name.split(".")[0] for name in phase.state_dict()}
    assert parts == {"student", "teacher", "bank"}


# ------------------------------------------------------------------------------------- remedies for rare classes


def test_class_weights_and_dice_are_of_the_labelled_losses_of_both_heads(make_net, tiny):
    labeled_loss = tiny.semi.labeled_loss.model_copy(update={"class_weights": "median_frequency", "dice_weight": 0.5})
    phase = make_phase(make_net, settings(tiny, labeled_loss=labeled_loss), True)
    phase.class_weights = torch.linspace(0.2, 5, 7)
    batches = [batch(0, True), batch(1, False)]
    expected = Reference(phase, batches, 0)
    _, logged = run(phase, batches, 0)
    at = (slice(None), expected.points[:, 0], expected.points[:, 1])
    p = phase.bank.prototypes.double()
    cosine = F.cosine_similarity(expected.features[:, None, None], p[None], dim=-1).amax(2)
    k = 2 * len(expected.points)
    heads = {
        "linear": (up(expected.output.logits)[:2], expected.labels),
        "prototype": (cosine[:k] / phase.bank.temperature, expected.labels[at].flatten()),
    }
    for head, (logits, target) in heads.items():
        entropy = F.cross_entropy(logits.float(), target, phase.class_weights, ignore_index=255)
        dice = dice_loss(logits, target)
        assert logged[f"labeled_{head}"].item() == pytest.approx((entropy + 0.5 * dice).item(), rel=1e-4)
        unlabeled = expected.losses[f"unlabeled_{head}"].item()
        assert logged[f"unlabeled_{head}"].item() == pytest.approx(unlabeled, rel=1e-4)


@pytest.mark.parametrize("mix", [True, False])
def test_a_threshold_of_each_class_is_that_of_the_pseudo_label(make_net, tiny, mix):
    """The thresholds follow the weak view, before CutMix, and hold for the labels after it."""
    changes = {
        "tau": 0.25,
        "adaptive_tau": AdaptiveTauParams(momentum=0.0, lowest=0.0),
        "cutmix_probability": float(mix),
    }
    phase = make_phase(make_net, settings(tiny, **changes), True)
    batches = [batch(0, True), batch(1, False)]
    expected = Reference(phase, batches, 0, mix=mix)
    with torch.no_grad():
        probabilities = up(phase.teacher.model.eval()(batches[1][0]).logits).softmax(1).movedim(1, -1)
    seen = probabilities[batches[1][1] != 255]
    share = seen.mean(0)
    of_classes = (seen.amax(1).mean() * share / share.max()).clamp(max=0.25)
    sure = expected.confidence > of_classes[expected.pseudo]
    assert 0 < sure.double().mean() < 0.9 and len(of_classes.unique()) > 3
    _, logged = run(phase, batches, 0)
    np.testing.assert_allclose(logged["threshold"], of_classes, rtol=1e-5)
    logits = up(expected.output.logits)[2:]
    loss = picked_cross_entropy(logits, expected.pseudo)[sure].sum() / sure.numel()
    assert logged["unlabeled_linear"].item() == pytest.approx(loss.item(), rel=1e-4)
    at = (slice(None), expected.points[:, 0], expected.points[:, 1])
    assert torch.equal(phase._sampled.keep[2 * len(expected.points) :], sure[at].flatten())
    inside = (expected.confidence > 0).sum()
    assert logged["coverage"].item() == pytest.approx((sure.sum() / inside).item(), rel=1e-4)


def test_the_thresholds_are_in_the_checkpoint_and_class_weights_are_not(make_net, tiny):
    adaptive = AdaptiveTauParams(momentum=0.9, lowest=0.0)
    phase = SemiPhase(make_net(), settings(tiny, adaptive_tau=adaptive), None, 0, torch.ones(7))
    parts = {name.split(".")[0] for name in phase.state_dict()}
    assert parts == {"student", "teacher", "adaptive_tau"}


# ------------------------------------------------------------------------------------------------ what is logged


def test_the_measures_of_the_pseudo_labels(make_net, tiny):
    phase = make_phase(make_net, settings(tiny), False)
    batches = [batch(0, True), batch(1, False)]
    expected = Reference(phase, batches, 0)
    _, logged = run(phase, batches, 0)
    sure = expected.pseudo[expected.confident]
    inside = expected.confidence[expected.confidence > 0].numpy()
    shares = [(sure == c).double().mean().item() for c in range(7)]
    np.testing.assert_allclose(logged["pseudo_label_share"], shares, atol=1e-6)
    counts = np.histogram(inside, bins=10, range=(0, 1))[0]
    np.testing.assert_allclose(logged["confidence"], counts / len(inside), atol=1e-6)


def test_the_agreement_of_the_heads(make_net, tiny):
    phase = make_phase(make_net, settings(tiny), True)
    batches = [batch(0, True), batch(1, False)]
    expected = Reference(phase, batches, 0)
    _, logged = run(phase, batches, 0)
    linear = up(expected.output.logits[2:]).argmax(1)[:, expected.points[:, 0], expected.points[:, 1]].flatten()
    prototype = expected.predicted[2 * CELLS**2 :]
    assert logged["agreement"].item() == pytest.approx((linear == prototype).double().mean().item(), abs=1e-3)
    assert 0 < logged["agreement"] < 1


def test_use_and_movement_of_the_prototypes(make_net, tiny):
    phase = make_phase(make_net, settings(tiny), True)
    batches = [batch(0, True), batch(1, False)]
    expected = Reference(phase, batches, 0)
    before = phase.bank.prototypes.double().numpy().copy()
    run(phase, batches, 0)
    logged = phase.after_step(0)
    features = expected.features.detach().numpy()
    moved, counts = reference.updated_prototypes(before, features, expected.targets.numpy(), expected.keep.numpy(), 0.9)
    np.testing.assert_allclose(logged["prototype_use"], counts / counts.sum(), atol=1e-6)
    movement = np.linalg.norm(moved - before, axis=2) / np.linalg.norm(before, axis=2)
    np.testing.assert_allclose(logged["prototype_movement"], movement, rtol=1e-3, atol=1e-6)
    assert (logged["prototype_use"] > 0).sum() > 2


def test_labels_by_the_student_leave_no_rounded_weights_for_its_own_pass(make_net, tiny):
    """Autocast keeps rounded copies of weights: those that a pass without gradient made must not serve the next one."""
    changed = settings(tiny, tau=0.0)
    changed = changed.model_copy(update={"teacher": changed.teacher.model_copy(update={"labels": "student"})})
    kept = make_phase(make_net, changed, True)
    anew = copy.deepcopy(kept)
    for phase, cache in ((kept, True), (anew, False)):
        with torch.autocast("cpu", torch.bfloat16, cache_enabled=cache):
            total, _ = run(phase, [batch(0, True), batch(1, False)], 0)
        total.backward()
    for (name, mine), theirs in zip(kept.student.named_parameters(), anew.student.parameters(), strict=True):
        assert torch.equal(mine.grad, theirs.grad), name


def test_a_step_in_bfloat16_is_near_the_one_in_float32(make_net, tiny):
    """Losses and what moves the prototypes stay float32; the gradients are those of rounded activations."""
    phase = make_phase(make_net, settings(tiny, tau=0.0), True)
    other = copy.deepcopy(phase)
    batches = [batch(0, True), batch(1, False)]
    total, exact = run(phase, batches, 0)
    with torch.autocast("cpu", torch.bfloat16):
        rounded_total, rounded = run(other, batches, 0)
    for name in exact:
        assert rounded[name].dtype == torch.float32, name
        if name in {"labeled_linear", "labeled_prototype", "unlabeled_linear", "unlabeled_prototype"}:
            assert rounded[name].item() == pytest.approx(exact[name].item(), rel=0.15), name
    total.backward()
    rounded_total.backward()
    assert all(p.dtype == p.grad.dtype == torch.float32 for p in other.student.parameters())
    mine, theirs = (torch.cat([p.grad.flatten() for p in one.student.parameters()]) for one in (other, phase))
    assert F.cosine_similarity(mine, theirs, dim=0) > 0.8 and not torch.equal(mine, theirs)
    other.after_step(0)
    assert other.bank.prototypes.dtype == torch.float32
