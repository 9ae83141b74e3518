"""The linear head."""

import torch

from semiproto.model.heads.head import Channels, Maps
from semiproto.model.heads.linear import LinearHead


def test_it_reads_the_representation(tiny):
    head = LinearHead(tiny.model, Channels((16, 32, 64), 8), 7).eval()
    unread = torch.full((2, 1, 1, 1), torch.nan)
    scores = head(Maps([unread] * 3, torch.rand(2, 8, 5, 6)))
    assert scores.shape == (2, 7, 5, 6) and scores.isfinite().all()


def test_its_loss_counts_once_in_every_experiment(tiny):
    assert LinearHead.weight(tiny.model) == 1 and not LinearHead.trains_only
