"""Perturbations of the encoder's maps: which channels are left out of which images."""

import pytest
import torch
from processes import in_two_processes

from semiproto.params import PerturbationParams
from semiproto.train.perturbations import perturbation

CHANNELS, IMAGES = (16, 400, 16), 8
NONE, DROPOUT, COMPLEMENTARY = (PerturbationParams(kind=kind) for kind in ("none", "dropout", "complementary"))


def factors(params, images=IMAGES, seed=0):
    return perturbation(params).factors(CHANNELS, images, torch.Generator().manual_seed(seed))


def test_none_does_and_draws_nothing():
    draw = torch.Generator().manual_seed(0)
    before = draw.get_state()
    assert perturbation(NONE).factors(CHANNELS, IMAGES, draw) is None and not perturbation(NONE).of_weak_view
    assert torch.equal(draw.get_state(), before)


@pytest.mark.parametrize("probability", [0.5, 0.2])
def test_dropout_leaves_channels_of_each_image_and_map_out(probability):
    found = factors(DROPOUT.model_copy(update={"dropout": probability}), images=200)
    assert perturbation(DROPOUT).of_weak_view
    for one, channels in zip(found, CHANNELS, strict=True):
        assert one.shape == (200, channels)
        assert one.unique().tolist() == pytest.approx([0, 1 / (1 - probability)])
        assert (one == 0).float().mean().item() == pytest.approx(probability, abs=0.03)
        assert one.mean().item() == pytest.approx(1, abs=0.05)
        assert len(one.unique(dim=0)) > 150  # each image its own
    assert not torch.equal(found[0], found[2])


def test_the_views_share_the_channels_out_and_half_of_the_images_is_exempt():
    found = factors(COMPLEMENTARY)
    assert not perturbation(COMPLEMENTARY).of_weak_view
    exempt = {image for image in range(IMAGES) if bool((found[0][image] == 1).all())}
    assert len(exempt) == IMAGES // 2
    for one, channels in zip(found, CHANNELS, strict=True):
        assert one.shape == (2 * IMAGES, channels)
        for image in range(IMAGES):
            first, second = one[image], one[IMAGES + image]
            if image in exempt:
                assert bool((first == 1).all()) and bool((second == 1).all())
            else:
                for a, b in zip(first.tolist(), second.tolist(), strict=True):
                    assert (a, b) in {(0, 2), (2, 0)}
    rest = [image for image in range(IMAGES) if image not in exempt]
    assert found[1][rest].mean().item() == pytest.approx(1, abs=0.1)  # odds of a half
    assert torch.equal(found[0], found[2])  # equally many channels, the same factors


def test_the_exempt_images_change_from_step_to_step():
    exempt = {tuple((factors(COMPLEMENTARY, seed=seed)[0] == 1).all(1).tolist()) for seed in range(5)}
    assert len(exempt) > 2


@pytest.mark.parametrize("count", [1, 3, 5])
def test_of_an_odd_number_of_images_the_smaller_half_is_exempt(count):
    assert (factors(COMPLEMENTARY, images=count)[1] == 1).all(1).sum() == 2 * (count // 2)


@pytest.mark.parametrize("params", [DROPOUT, COMPLEMENTARY])
def test_two_processes_draw_what_one_does(tmp_path, params):
    whole, halves = factors(params), in_two_processes(tmp_path, lambda: factors(params, IMAGES // 2))
    for one, *parts in zip(whole, *halves, strict=True):
        views = [part.chunk(2 if params is COMPLEMENTARY else 1) for part in parts]
        assert torch.equal(torch.cat([part for view in zip(*views, strict=True) for part in view]), one)
