"""The forecast counts what it says, pixel by pixel."""

import pytest
import torch
from torch.nn import functional as F

from semiproto.data.dataset import Images
from semiproto.measure import forecast
from semiproto.measure.pseudo_labels import PseudoLabels

CPU = torch.device("cpu")
NAMES = ["background", "zero", "one", "two", "three", "four", "five"]


def by_pixel(net, images):
    """(predicted, confidence, truth) of every labelled pixel, by softmax."""
    pixels = []
    for image, mask in (images[n] for n in range(len(images))):
        with torch.no_grad():
            logits = F.interpolate(net(image[None]).logits, mask.shape, mode="bilinear", align_corners=True)
        sure, label = logits.softmax(1).max(1)
        pixels += zip(label.flatten().tolist(), sure.flatten().tolist(), mask.flatten().tolist(), strict=True)
    return [pixel for pixel in pixels if pixel[2] != 255]


def test_counts_are_those_of_a_loop_over_pixels(confident, voided):
    pixels = by_pixel(confident, voided)
    taus = [0.3, 0.5, 0.9]
    found = PseudoLabels(NAMES, taus)
    forecast.count(found, confident, voided, CPU, "test")
    table = found.table()
    assert len(pixels) == 44 * 64 + 54 * 64
    for _, row in table.iterrows():
        members = {"all": range(7), "foreground": range(1, 7)}.get(row["group"]) or [NAMES.index(row["class"])]
        own = [pixel for pixel in pixels if pixel[0] in members]
        sure = [pixel for pixel in own if pixel[1] > row["tau"]]
        found = (row["pixels"], row["confident"], row["correct"])
        expected = (len(own), len(sure), sum(label == truth for label, _, truth in sure))
        assert found == pytest.approx(expected, abs=1)  # a confidence within rounding of tau
    assert table["confident"].max() > 500 and table["correct"].nunique() > 10


def test_a_pixel_counts_above_tau_and_not_at_it(confident, voided):
    """As in training, whose mask is confidence > tau."""
    _, confidence = forecast.Teacher(confident, 0).pseudo_labels(voided[0][0][None])
    tau = float(confidence[0, 40, 40])
    known = confidence[0, 20:]
    found = PseudoLabels(NAMES, [tau])
    forecast.count(found, confident, Images(voided.root, voided.ids[:1]), CPU, "test")
    assert int(found.counts[..., 1].sum()) == int((known > tau).sum()) < int((known >= tau).sum())
