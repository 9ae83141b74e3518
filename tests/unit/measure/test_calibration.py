"""The expected calibration error, by hand and where it is known."""

import math

import numpy as np
import pytest
import torch

from semiproto.measure.calibration import BINS, Calibration, expected_error


def test_calibration_by_hand():
    found = Calibration()
    prediction, target = torch.tensor([1, 1, 0, 0, 2]), torch.tensor([1, 0, 0, 0, 255])
    found.update(prediction, torch.tensor([0.9, 0.9, 0.6, 1.0, 0.5]), target)
    table = found.table()
    assert len(table) == BINS and table["pixels"].sum() == 4  # void is left out
    filled = table[table["pixels"] > 0]
    assert filled["low"].tolist() == pytest.approx([8 / 15, 13 / 15, 14 / 15])  # 0.6 is the end of (8/15, 9/15]
    assert filled["confidence"].tolist() == pytest.approx([0.6, 0.9, 1.0])
    assert filled["accuracy"].tolist() == [1, 0.5, 1]
    assert expected_error(table) == pytest.approx((0.4 + 2 * 0.4 + 0) / 4)
    assert math.isnan(expected_error(Calibration().table()))


def test_calibration_error_is_known_where_confidence_is_right():
    rng, honest, boastful = np.random.default_rng(0), Calibration(), Calibration()
    confidence = torch.from_numpy(rng.uniform(0.3, 1, 100_000))
    right = torch.from_numpy(rng.uniform(size=100_000)) < confidence
    honest.update(right.long(), confidence, torch.ones(100_000))
    boastful.update(right.long(), (confidence + 0.2).clamp(max=1), torch.ones(100_000))
    assert expected_error(honest.table()) < 0.01 < 0.15 < expected_error(boastful.table())
