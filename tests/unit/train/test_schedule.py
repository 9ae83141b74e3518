"""Learning rate and lengths (method sections 7 and 8)."""

from itertools import pairwise

import pytest

from semiproto.train.schedule import lr_factor

VOC = {92: 656, 183: 650, 366: 638, 732: 616, 1464: 570, 662: 620, 1323: 579, 2646: 496, 5291: 331}
CITYSCAPES = {186: 174, 372: 163, 744: 139, 1488: 93}


@pytest.mark.parametrize(
    ("images", "labels", "steps"),
    [(10_582, labels, steps) for labels, steps in VOC.items()]
    + [(2_975, labels, steps) for labels, steps in CITYSCAPES.items()],
)
@pytest.mark.parametrize("epochs", [1, 80])
def test_steps_per_epoch_are_those_of_the_paper(shipped, images, labels, steps, epochs):
    schedule = shipped.semi.model_copy(update={"steps": None, "epochs": epochs, "batch": 16})
    assert schedule.total_steps(images - labels) == epochs * steps


def test_steps_are_taken_as_given(shipped):
    assert shipped.semi.model_copy(update={"steps": 1234}).total_steps(17) == 1234


@pytest.mark.parametrize("images", [1, 2, 15])
def test_an_epoch_of_few_images_has_a_step(shipped, images):
    schedule = shipped.semi.model_copy(update={"steps": None, "epochs": 3, "batch": 16})
    assert schedule.total_steps(images) >= 3


def optimizer(shipped, **changes):
    return shipped.optimizer.model_copy(update={"warmup_steps": 0, "power": 0.9} | changes)


@pytest.mark.parametrize(("step", "expected"), [(0, 1.0), (50, 0.5**0.9), (99, 0.01**0.9)])
def test_poly(shipped, step, expected):
    assert lr_factor(step, 100, optimizer(shipped)) == pytest.approx(expected, rel=1e-12)


def test_power_one_is_a_line(shipped):
    assert lr_factor(25, 100, optimizer(shipped, power=1.0)) == pytest.approx(0.75)


@pytest.mark.parametrize(("step", "warm"), [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (60, 1.0)])
def test_warmup_rises_to_the_poly_decay(shipped, step, warm):
    expected = warm * (1 - step / 100) ** 0.9
    assert lr_factor(step, 100, optimizer(shipped, warmup_steps=10)) == pytest.approx(expected, rel=1e-12)


def test_the_rate_is_positive_and_falls(shipped):
    factors = [lr_factor(step, 40, optimizer(shipped)) for step in range(40)]
    assert all(a > b > 0 for a, b in pairwise(factors))
