"""The auxiliary head of the Cityscapes experiments."""

import pytest
import torch

from semiproto.model.heads.auxiliary import AuxiliaryHead
from semiproto.model.heads.head import Channels, Maps
from semiproto.model.network import SegmentationNetwork


@pytest.fixture
def params(tiny):
    return tiny.model.model_copy(update={"auxiliary_weight": 0.4})


def test_it_reads_the_encoders_map_before_the_last(params):
    head = AuxiliaryHead(params, Channels((16, 32, 64), 8), 7).eval()
    unread = torch.full((2, 1, 1, 1), torch.nan)
    scores = head(Maps([unread, torch.rand(2, 32, 5, 6), unread], unread))
    assert scores.shape == (2, 7, 5, 6) and scores.isfinite().all()
    assert head.loss_weight == 0.4


def test_it_has_scores_in_training_only(params):
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    student = SegmentationNetwork(params, 7, pretrained=False)
    assert list(student.eval()(images).scores) == student.evaluated_heads() == ["linear"]
    assert student.train()(images).first(1).scores["auxiliary"].shape == (1, 7, 4, 4)


def test_a_weight_of_0_means_no_such_head(tiny):
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    plain = SegmentationNetwork(tiny.model, 7, pretrained=False).train()
    assert list(plain(images).scores) == ["linear"] and not any("auxiliary" in name for name in plain.state_dict())
