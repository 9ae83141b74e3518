"""FreeMatch's thresholds against loops, over several steps, and of two processes."""

import numpy as np
import pytest
import torch
from processes import in_two_processes

from semiproto.params import AdaptiveTauParams
from semiproto.process import distributed
from semiproto.train.thresholds import AdaptiveThreshold

CLASSES = 3


def threshold(shipped, **changes):
    """Of semi with tau 0.9, momentum 0.8 and no lower bound, or with other values."""
    adaptive = AdaptiveTauParams(momentum=changes.pop("momentum", 0.8), lowest=changes.pop("lowest", 0.0))
    return AdaptiveThreshold(shipped.semi.model_copy(update={"tau": 0.9, "adaptive_tau": adaptive} | changes), CLASSES)


def step(seed):
    """Powers [B, C, H, W] and confidence [B, H, W] of two images, the first with a border outside; the softmax."""
    logits = 3 * torch.randn(2, CLASSES, 4, 5, generator=torch.Generator().manual_seed(seed))
    logits[:, 2] -= 4  # a rare class
    probabilities = logits.softmax(1)
    confidence = probabilities.amax(1)
    powers = probabilities / confidence.unsqueeze(1)
    confidence[0, :2] = 0
    return powers, confidence, probabilities


def naive(steps, momentum):
    """The global level and the share of each class after the steps, pixel by pixel."""
    level, share = 1 / CLASSES, [1 / CLASSES] * CLASSES
    for _, confidence, probabilities in steps:
        inside = [tuple(place) for place in np.argwhere(confidence.numpy() > 0)]
        seen = [[float(probabilities[b, c, y, x]) for c in range(CLASSES)] for b, y, x in inside]
        level = momentum * level + (1 - momentum) * sum(max(q) for q in seen) / len(seen)
        for c in range(CLASSES):
            share[c] = momentum * share[c] + (1 - momentum) * sum(q[c] for q in seen) / len(seen)
    return level, share


@pytest.mark.parametrize("momentum", [0.0, 0.8, 0.999])
@pytest.mark.parametrize(("lowest", "tau"), [(0.0, 1.0), (0.3, 0.5)])
def test_thresholds_equal_a_loop(shipped, momentum, lowest, tau):
    adaptive, steps = threshold(shipped, momentum=momentum, lowest=lowest, tau=tau), [step(seed) for seed in range(5)]
    assert adaptive.of_classes().tolist() == pytest.approx([min(tau, max(lowest, 1 / CLASSES))] * CLASSES)
    for powers, confidence, _ in steps:
        adaptive.update(powers, confidence)
    level, share = naive(steps, momentum)
    expected = [min(tau, max(lowest, level * one / max(share))) for one in share]
    assert adaptive.of_classes().tolist() == pytest.approx(expected, rel=1e-5)
    if momentum < 0.9 and tau == 1:
        assert expected[2] < 0.6 * max(expected)


def test_a_step_without_a_pixel_inside_changes_nothing(shipped):
    adaptive = threshold(shipped)
    powers, confidence, _ = step(0)
    adaptive.update(powers, confidence)
    before = adaptive.of_classes()
    adaptive.update(powers, torch.zeros_like(confidence))
    assert torch.equal(adaptive.of_classes(), before)


@pytest.mark.parametrize("confident", ["above", "at_least"])
def test_whether_the_threshold_itself_counts(shipped, confident):
    adaptive = threshold(shipped, confident=confident)
    adaptive.update(*step(0)[:2])
    at = adaptive.of_classes()
    assert bool((at > adaptive.limits(torch.arange(CLASSES))).all()) == (confident == "at_least")
    above = at.nextafter(torch.ones(CLASSES))
    assert (above > adaptive.limits(torch.arange(CLASSES))).all()


def test_what_is_outside_never_counts(shipped):
    adaptive = threshold(shipped, confident="at_least")
    adaptive.share[0] = 0
    assert not torch.zeros(1) > adaptive.limits(torch.zeros(1, dtype=torch.int64))


def test_the_state_is_in_the_checkpoint(shipped):
    adaptive, other = threshold(shipped), threshold(shipped)
    adaptive.update(*step(0)[:2])
    other.load_state_dict(adaptive.state_dict())
    for one in (adaptive, other):
        one.update(*step(1)[:2])
    assert torch.equal(adaptive.of_classes(), other.of_classes())


def test_two_processes_have_the_thresholds_of_one(shipped, tmp_path):
    def thresholds(part):
        adaptive = threshold(shipped)
        for seed in range(3):
            powers, confidence, _ = step(seed)
            adaptive.update(powers[part], confidence[part])
        return adaptive.of_classes()

    alone = thresholds(slice(0, 2))
    first, second = in_two_processes(tmp_path, lambda: thresholds(distributed.share(2)))
    assert torch.equal(first, second)
    torch.testing.assert_close(first, alone, rtol=1e-6, atol=0)
