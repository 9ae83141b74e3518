"""The losses of method section 5 against loops."""

import numpy as np
import pytest
import reference
import torch

from semiproto.params import LabeledLossParams
from semiproto.train import losses
from semiproto.train.losses import (
    cross_entropy,
    dice_loss,
    labeled_loss,
    ohem_cross_entropy,
    pseudo_label_loss,
    threshold,
)

SHAPES = [(2, 7, 5, 6), (1, 2, 1, 1), (3, 21, 4, 4), (1, 4, 9, 1)]


def draw(shape, void=0.2, seed=0):
    """Logits (double is cast down by the losses, so float32) and targets with void pixels."""
    batch, classes, *size = shape
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(0, 2, shape)).float().requires_grad_()
    target = rng.integers(0, classes, (batch, *size))
    return logits, torch.from_numpy(np.where(rng.random(target.shape) < void, 255, target))


def mean_gradient(logits, target, pixels, count):
    """Gradient of sum(cross-entropy of `pixels`) / count: (softmax - one hot) / count there, zero elsewhere."""
    values = reference.softmax(logits.detach().double().numpy())
    gradient = np.zeros_like(values)
    for p in pixels:
        gradient[p[0], :, *p[1:]] = values[p[0], :, *p[1:]]
        gradient[(p[0], int(target[p]), *p[1:])] -= 1
    return gradient / max(1, count)


def check(loss, expected, logits, gradient):
    assert loss.item() == pytest.approx(expected, rel=1e-5, abs=1e-6)
    loss.backward()
    np.testing.assert_allclose(logits.grad.numpy(), gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", [torch.int64, torch.uint8])
def test_cross_entropy_leaves_void_out(shape, kind):
    logits, target = draw(shape)
    pixels = [p for p in np.ndindex(*target.shape) if target[p] != 255]
    expected = reference.cross_entropy(logits.detach().double().numpy(), target.numpy())
    gradient = mean_gradient(logits, target, pixels, len(pixels))
    check(cross_entropy(logits, target.to(kind)), expected, logits, gradient)


def test_cross_entropy_of_points():
    logits, target = draw((40, 7))
    expected = reference.cross_entropy(logits.detach().double().numpy(), target.numpy())
    assert cross_entropy(logits, target).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        cross_entropy,
        lambda x, y: ohem_cross_entropy(x, y, 0.7, 10),
        lambda x, y: cross_entropy(x, y, class_weights=torch.rand(7)),
        dice_loss,
    ],
)
def test_all_void_is_zero_with_gradient_zero(loss):
    logits, target = draw((2, 7, 4, 4), void=1.1)
    value = loss(logits, target)
    value.backward()
    assert value.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("min_kept", [1, 4, 15, 10_000])
def test_ohem_equals_sorting(shape, threshold, min_kept):
    logits, target = draw(shape)
    values = logits.detach().double().numpy()
    kept = reference.ohem_pixels(values, target.numpy(), threshold, min_kept)
    probabilities = {place: probability for probability, place in reference.true_probabilities(values, target.numpy())}
    expected = sum(-np.log(probabilities[p]) for p in kept) / max(1, len(kept))
    gradient = mean_gradient(logits, target, kept, len(kept))
    check(ohem_cross_entropy(logits, target, threshold, min_kept), expected, logits, gradient)


def test_ohem_keeps_the_hard_pixels():
    """Four pixels of true-class probability 0.9, 0.8, 0.6 and 0.1."""
    probability = torch.tensor([0.9, 0.8, 0.6, 0.1])
    logits = torch.stack([probability, 1 - probability]).log().view(1, 2, 2, 2)
    target = torch.zeros(1, 2, 2, dtype=torch.int64)
    costs = -probability.log()
    for min_kept, kept in ((1, 2), (2, 2), (3, 3), (4, 4), (9, 4)):
        expected = costs.flip(0)[:kept].mean()
        assert float(ohem_cross_entropy(logits, target, 0.7, min_kept)) == pytest.approx(float(expected), rel=1e-5)


def test_ohem_with_everything_kept_is_cross_entropy():
    logits, target = draw((2, 7, 8, 8))
    torch.testing.assert_close(ohem_cross_entropy(logits, target, 1.0, 1), cross_entropy(logits, target))


def test_the_labelled_loss_is_the_one_asked_for():
    logits, target = draw((2, 7, 6, 6))
    plain = LabeledLossParams(kind="cross_entropy", ohem_threshold=0.2, ohem_min_kept_per_image=3)
    ohem = plain.model_copy(update={"kind": "ohem"})
    assert torch.equal(labeled_loss(logits, target, plain), cross_entropy(logits, target))
    # min_kept is per image: 2 images x 3 pixels.
    assert torch.equal(labeled_loss(logits, target, ohem), ohem_cross_entropy(logits, target, 0.2, 6))
    assert labeled_loss(logits, target, ohem) != labeled_loss(logits, target, plain)


def weighted(logits, target, pixels, weights):
    """sum(w ce) / sum(w) over `pixels`, and its gradient."""
    values, total = reference.softmax(logits.detach().double().numpy()), 0.0
    gradient, weight_sum = np.zeros_like(values), sum(weights[int(target[p])] for p in pixels)
    for p in pixels:
        place, weight = (p[0], int(target[p]), *p[1:]), weights[int(target[p])] / weight_sum
        total -= weight * np.log(values[place])
        gradient[p[0], :, *p[1:]] += weight * values[p[0], :, *p[1:]]
        gradient[place] -= weight
    return total, gradient


@pytest.mark.parametrize(
    ("kind", "shape"), [("cross_entropy", (2, 7, 5, 6)), ("cross_entropy", (40, 7)), ("ohem", (2, 7, 5, 6))]
)
def test_weights_of_classes_equal_a_loop(kind, shape):
    logits, target = draw(shape)
    weights = np.random.default_rng(2).uniform(0.1, 10, 7)
    values = logits.detach().double().numpy()
    pixels = [p for p in np.ndindex(*target.shape) if target[p] != 255]
    params = LabeledLossParams(kind=kind, ohem_threshold=0.2, ohem_min_kept_per_image=1)
    if kind == "ohem":
        pixels = reference.ohem_pixels(values, target.numpy(), 0.2, len(target))
        assert 0 < len(pixels) < (target != 255).sum()
    expected, gradient = weighted(logits, target, pixels, weights)
    check(labeled_loss(logits, target, params, torch.from_numpy(weights).float()), expected, logits, gradient)


def test_equal_weights_are_none():
    logits, target = draw((2, 7, 5, 6))
    for weight in (1.0, 0.01):
        weights = torch.full((7,), weight)
        torch.testing.assert_close(cross_entropy(logits, target, class_weights=weights), cross_entropy(logits, target))


@pytest.mark.parametrize("shape", [*SHAPES, (40, 7)])
def test_dice_equals_a_loop(shape):
    logits, target = draw(shape)
    exact = logits.detach().double().requires_grad_()
    probabilities, pixels = exact.softmax(1), [p for p in np.ndindex(*target.shape) if target[p] != 255]
    terms = []
    for c in sorted({int(target[p]) for p in pixels}):
        p_and_g = [(probabilities[(p[0], c, *p[1:])], float(int(target[p]) == c)) for p in pixels]
        both = sum(p * g for p, g in p_and_g)
        terms.append(1 - 2 * both / (sum(p * p for p, _ in p_and_g) + sum(g * g for _, g in p_and_g)))
    expected = sum(terms) / len(terms) if terms else exact.sum() * 0
    expected.backward()
    check(dice_loss(logits, target), expected.item(), logits, exact.grad.numpy())


def test_dice_of_right_and_wrong_answers():
    target = torch.tensor([[0, 0, 0, 1]])
    sure = 50 * torch.nn.functional.one_hot(target, 3).movedim(-1, 1).float()
    assert float(dice_loss(sure, target)) == pytest.approx(0, abs=1e-6)
    # All is class 0: its Dice is 2 * 3 / (4 + 3), that of class 1 is 0; class 2, which is not there, does not count.
    assert float(dice_loss(sure[:, :, [0] * 4], target)) == pytest.approx(1 - (6 / 7 + 0) / 2, abs=1e-6)


@pytest.mark.parametrize("kind", ["cross_entropy", "ohem"])
def test_dice_is_added_with_its_weight(kind):
    logits, target = draw((2, 7, 6, 6))
    plain = LabeledLossParams(kind=kind, ohem_threshold=0.2, ohem_min_kept_per_image=3)
    both = plain.model_copy(update={"dice_weight": 0.5})
    expected = labeled_loss(logits, target, plain) + 0.5 * dice_loss(logits, target)
    torch.testing.assert_close(labeled_loss(logits, target, both), expected)


@pytest.mark.parametrize("shape", [*SHAPES, (40, 7)])
@pytest.mark.parametrize("normalise", ["all", "confident", "inside"])
@pytest.mark.parametrize("tau", [0.0, 0.3, 0.8, 0.65])
def test_pseudo_label_loss_equals_a_loop(shape, normalise, tau):
    logits, labels = draw(shape, void=0)
    confidence = torch.from_numpy(np.random.default_rng(1).random(tuple(labels.shape))).float()
    confidence[confidence < 0.2] = 0  # outside the image
    args = (labels.numpy(), confidence.numpy(), tau, normalise)
    expected = reference.pseudo_label_loss(logits.detach().double().numpy(), *args)
    pixels = [p for p in np.ndindex(*labels.shape) if confidence[p] > tau]
    count = {"all": labels.numel(), "confident": len(pixels), "inside": int((confidence > 0).sum())}[normalise]
    gradient = mean_gradient(logits, labels, pixels, count)
    check(pseudo_label_loss(logits, labels, confidence, tau, normalise), expected, logits, gradient)


def test_a_threshold_of_each_pixel():
    logits, labels = draw((2, 7, 5, 6), void=0)
    rng = np.random.default_rng(1)
    confidence, tau = (torch.from_numpy(rng.random(tuple(labels.shape))).float() for _ in range(2))
    sure = torch.where(confidence > tau, confidence, 0)
    expected = pseudo_label_loss(logits, labels, sure, 0.0)
    assert torch.equal(pseudo_label_loss(logits, labels, confidence, tau), expected)


@pytest.mark.parametrize("normalise", ["all", "confident"])
def test_nothing_confident_is_zero_with_gradient_zero(normalise):
    logits, labels = draw((2, 7, 4, 4), void=0)
    loss = pseudo_label_loss(logits, labels, torch.full(labels.shape, 0.8), 0.8, normalise)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_the_threshold_itself_does_not_count():
    logits, labels = draw((1, 3, 1, 2), void=0)
    confidence = torch.tensor([[[0.5, 0.75]]])
    one = pseudo_label_loss(logits, labels, confidence, 0.5, "confident")
    expected = -logits.log_softmax(1)[0, labels[0, 0, 1], 0, 1]
    torch.testing.assert_close(one, expected)


@pytest.mark.parametrize("tau", [0.0, 0.3, 0.65, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("confident", ["above", "at_least"])
def test_whether_tau_itself_counts(shipped, tau, confident):
    at = np.float32(tau)
    values = {np.nextafter(at, np.float32(-1)), at, np.nextafter(at, np.float32(2)), np.float32(0), np.float32(1)}
    limit = threshold(shipped.semi.model_copy(update={"tau": tau, "confident": confident}))
    for value in values:
        expected = (value >= at if confident == "at_least" else value > at) and value > 0  # 0 is outside the image
        assert bool(torch.tensor(value) > limit) == expected, value


def test_the_default_divides_by_all_pixels():
    logits, labels = draw((2, 7, 4, 4), void=0)
    confidence = torch.rand(labels.shape)
    assert torch.equal(
        pseudo_label_loss(logits, labels, confidence, 0.5), pseudo_label_loss(logits, labels, confidence, 0.5, "all")
    )


def test_half_precision_logits_are_reduced_in_float32():
    logits, target = draw((2, 7, 8, 8))
    for loss in (cross_entropy, lambda x, y: ohem_cross_entropy(x, y, 0.7, 10)):
        assert loss(logits.bfloat16(), target).dtype == torch.float32
    confidence = torch.ones(target.shape)
    labels = target.clamp(max=6)
    assert pseudo_label_loss(logits.bfloat16(), labels, confidence, 0.8).dtype == torch.float32


@pytest.mark.parametrize("k", [1, 3, 64])
def test_the_kth_of_a_gpu_is_that_of_the_cpu(k):
    """By a sort there; among equal values too."""
    values = torch.randint(9, (64,), generator=torch.Generator().manual_seed(0)).float()
    values[5] = 2.0
    assert losses._kth_smallest(values, k) == values.sort().values[k - 1]
