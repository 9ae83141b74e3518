"""Real steps of this machine, and what stands for those that it cannot do in seconds."""

import pytest
import torch

from semiproto.steps.planning import speed
from semiproto.steps.planning.footprint import Footprint, Step

CPU = torch.device("cpu")


def test_a_small_step_is_tried_as_it_is(tiny, monkeypatch):
    monkeypatch.setattr(speed, "SECONDS", 0.0001)
    found = Step(tiny, "prototype").footprint(bfloat16=False, recompute=False)
    seconds, tried, others = speed.seconds_per_step(tiny, "prototype", found, CPU)
    assert seconds > 0 and others >= 0 and tried == speed.Trial(tiny.semi.batch, tiny.augment.crop, 1.0)


@pytest.mark.parametrize(
    ("flops", "free", "images", "crop"),
    [(0.1e12, 1e12, 16, 512), (1e12, 1e12, 2, 512), (66e12, 1e12, 2, 128), (0.1e12, 4e9, 8, 512)],
)
def test_a_large_step_is_tried_in_part(flops, free, images, crop):
    tried = speed.trial(Footprint(flops, 6e9, 1e8, 16, 1e7), 512, CPU, free)
    assert (tried.images, tried.crop) == (images, crop)
    assert tried.share == pytest.approx(images / 16 * (crop / 512) ** 2)


def test_noise_is_a_batch():
    images, labels = speed._noise(speed.Trial(2, 16, 1.0), 4, CPU)
    assert images.shape == (2, 4, 16, 16) and labels.shape == (2, 16, 16)
    assert images.dtype == labels.dtype == torch.uint8
