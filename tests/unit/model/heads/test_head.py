"""What follows from the name of a head: its loss, its scores in the evaluation, its column in the tables."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from semiproto.data.dataset import Images
from semiproto.measure import scoring
from semiproto.model import folder as model_folder
from semiproto.model import heads
from semiproto.model.heads.head import Head
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank
from semiproto.train.supervised import supervised_loss

CPU = torch.device("cpu")


class Third(Head):
    """A 1x1 convolution of the encoder's finest map."""

    def __init__(self, params, channels, num_classes):
        super().__init__(params, channels, num_classes)
        self.layer = nn.Conv2d(channels.encoder[0], num_classes, 1)

    @staticmethod
    def weight(params):
        return 0.25

    def forward(self, maps):
        return self.layer(maps.encoder[0])


@pytest.fixture
def student(monkeypatch, tiny):
    """A network with a third head: its class and one entry of the mapping are all that it takes."""
    monkeypatch.setitem(heads.HEADS, "third", Third)
    torch.manual_seed(0)
    return SegmentationNetwork(tiny.model, 7, pretrained=False)


def test_its_weighted_loss_is_added(student, tiny):
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    labels = torch.randint(7, (2, 32, 32), dtype=torch.uint8)
    output = student.train()(images)
    linear, third = (
        F.cross_entropy(F.interpolate(scores, (32, 32), mode="bilinear", align_corners=True), labels.long())
        for scores in (output.scores["linear"], output.scores["third"])
    )
    loss = supervised_loss(student, output, labels, tiny.pretrain.labeled_loss)
    torch.testing.assert_close(loss, linear + 0.25 * third)
    loss.backward()
    assert student.heads["third"].layer.weight.grad.abs().sum() > 0


def test_it_is_evaluated_beside_the_others(student, tiny, digits_root, ids, tmp_path):
    bank = PrototypeBank(7, 2, student.dim)
    bank.prototypes.copy_(torch.rand(7, 2, student.dim))
    model_folder.write_card(tmp_path, model_folder.Card([f"c{n}" for n in range(7)], tiny.model, {}))
    model_folder.save_student(tmp_path, student, bank)
    images = Images(digits_root, ids["val"])
    found = scoring.score_student(tmp_path, images, None, CPU, "test")
    assert list(found) == ["linear", "third", "prototype"]
    counts = {name: confusion.counts for name, confusion in found.items()}
    assert len({int(c.sum()) for c in counts.values()}) == 1 and not torch.equal(counts["linear"], counts["third"])


def test_the_other_weights_are_drawn_as_without_it(student, tiny, monkeypatch):
    monkeypatch.delitem(heads.HEADS, "third")
    torch.manual_seed(0)
    plain = SegmentationNetwork(tiny.model, 7, pretrained=False)
    assert list(plain.heads) == ["linear"] and list(student.heads) == ["linear", "third"]
    assert all(torch.equal(value, student.state_dict()[name]) for name, value in plain.state_dict().items())
