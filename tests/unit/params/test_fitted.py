"""Crop, batches and steps for a user's images and machine."""

import pytest

from semiproto.params.fitted import EQUAL_COMPUTE, SMALLEST_CROP, Found, equal_compute, fitted


def values(labeled=54, unlabeled=3000, side=240, gpu=False, given=()):
    return {path: fit.value for path, fit in fitted(Found(labeled, unlabeled, side, gpu), given).items()}


def test_the_photographs_of_the_evidence_get_its_schedule():
    found = values()
    assert (found["augment.crop"], found["pretrain.steps"], found["pretrain.batch"]) == (129, 1200, 4)
    assert (found["optimizer.lr"], found["model.decoder.rates"]) == (0.002, [3, 6, 9])


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("side", [1, 16, 64, 65, 96, 97, 128, 240, 320, 321, 5000])
def test_a_crop_fits_into_the_images_and_onto_the_encoders_map(side, gpu):
    crop = values(side=side, gpu=gpu)["augment.crop"]
    assert crop % 16 == 1 and SMALLEST_CROP <= crop <= (321 if gpu else 129)
    assert crop <= max(side, SMALLEST_CROP)
    assert (values(side=side, gpu=gpu)["model.decoder.rates"] == [6, 12, 18]) == (crop >= 257)


@pytest.mark.parametrize("gpu", [False, True])
def test_more_images_take_more_steps_within_bounds(gpu):
    for key, name in (("labeled", "pretrain.steps"), ("unlabeled", "semi.steps")):
        steps = [values(**{key: number}, gpu=gpu)[name] for number in (0, 1, 10, 100, 1000, 10_000, 10**6)]
        assert steps == sorted(steps) and len(set(steps)) > 1 and steps[0] > 0
        assert all(number % 100 == 0 for number in steps)
    assert values(unlabeled=10**6, gpu=gpu)["semi.steps"] * values(gpu=gpu)["semi.batch"] <= 320_000


def test_what_the_user_gave_is_not_fitted():
    assert "semi.steps" not in values(given={"semi.steps"})
    # The rate is that of one encoder: another one keeps the template's.
    assert not {"model.encoder.name", "optimizer.lr", "model.decoder.planes"} & set(
        values(given={"model.encoder.name"})
    )
    assert "optimizer.lr" not in values(gpu=True)


def test_equal_compute():
    assert equal_compute(1000) == round(1000 * EQUAL_COMPUTE)
