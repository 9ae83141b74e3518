"""The prototype head on whole images."""

import numpy as np
import pytest
import reference
import torch

from semiproto.model.heads import prototype
from semiproto.model.heads.prototype import prototype_scores
from semiproto.model.prototypes import PrototypeBank


@pytest.mark.parametrize("pixels", [prototype.PIXELS, 100])
def test_every_pixel_is_scored_by_its_nearest_prototypes(monkeypatch, pixels):
    """Also where an image has more pixels than are scored at once."""
    monkeypatch.setattr(prototype, "PIXELS", pixels)
    draw, size = torch.Generator().manual_seed(0), torch.Size((21, 17))
    bank = PrototypeBank(7, 2, 8, temperature=0.2)
    bank.prototypes.copy_(torch.rand(7, 2, 8, generator=draw))
    representation = torch.rand(2, 8, 6, 5, generator=draw)
    scores = prototype_scores(bank, representation, size)
    assert scores.shape == (2, 7, *size)
    for image in range(2):
        z = reference.upsampled(representation[image].double().numpy(), *size)
        expected, _ = reference.cosine_logits(z.reshape(8, -1).T, bank.prototypes.double().numpy(), 0.2)
        np.testing.assert_allclose(scores[image].numpy().reshape(7, -1).T, expected, rtol=1e-3, atol=1e-3)
