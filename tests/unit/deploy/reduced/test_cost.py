"""mIoU and time of two files on the same images."""

import numpy as np
import pytest
import torch

from semiproto.data.dataset import Images
from semiproto.deploy.reduced import cost
from semiproto.measure.confusion import ConfusionMatrix


class Runtime:
    """Gives the class `value` everywhere, and keeps the sizes of what it was asked for."""

    def __init__(self, value):
        self.value, self.sizes = value, []

    def run(self, names, given):
        assert names == ["classes"] and given["images"].dtype == np.uint8
        batch, _, height, width = given["images"].shape
        self.sizes.append((batch, height, width))
        return [np.full((batch, height, width), self.value, np.uint8)]


def test_both_are_scored_on_every_pixel(digits_root, ids, monkeypatch):
    images = Images(digits_root, ids["val"])
    monkeypatch.setattr(cost, "PIECE", 40)
    ours, theirs = Runtime(0), Runtime(1)
    found = cost.cost(ours, theirs, images, 7)
    pixels = sum(height * width for _, height, width in ours.sizes)
    assert pixels == sum(mask.numel() for _, mask in images) and max(map(max, ours.sizes)) == 40
    for value, score in ((0, found.miou), (1, found.of_float)):
        confusion = ConfusionMatrix(7)
        for _, mask in images:
            confusion.update(torch.full_like(mask, value, dtype=torch.int64), mask)
        assert score == pytest.approx(100 * confusion.mean_iou())
    assert found.miou > found.of_float and found.images == 3 and found.time > 0


def test_what_is_said():
    text = str(cost.Cost(60, 70.25, 71.5, 0.4))
    assert text == "mIoU 70.25 %, in float32 71.50 % (-1.25 points, validation images: 60), in 0.40 of its time"


def test_pieces_cover_an_image_once():
    image = torch.arange(3 * 1030 * 20).view(3, 1030, 20)
    parts = list(cost.pieces(image))
    assert [tuple(part.shape) for part in parts] == [(3, 1024, 20), (3, 6, 20)]
    torch.testing.assert_close(torch.cat(parts, dim=1), image)
