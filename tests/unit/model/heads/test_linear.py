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


def test_after_dpt_it_is_a_3x3_relu_and_a_1x1(tiny_vit):
    head = LinearHead(tiny_vit.model, Channels((64,) * 4, 64), 7)
    assert [(name, tuple(weight.shape)) for name, weight in head.layers.named_parameters()] == [
        ("0.weight", (64, 64, 3, 3)),
        ("0.bias", (64,)),
        ("2.weight", (7, 64, 1, 1)),
        ("2.bias", (7,)),
    ]
    z = torch.randn(2, 64, 5, 6)
    first, last = head.layers[0], head.layers[2]
    hidden = torch.nn.functional.conv2d(z, first.weight, first.bias, padding=1).clamp(min=0)
    expected = torch.nn.functional.conv2d(hidden, last.weight, last.bias)
    torch.testing.assert_close(head(Maps([z] * 4, z)), expected)
