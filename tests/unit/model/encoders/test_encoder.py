"""What all families of encoders have in common."""

import pytest
import torch

from semiproto.model import encoders
from semiproto.model.encoders import cnn, small
from semiproto.model.encoders.encoder import Encoder
from semiproto.model.encoders.small import SmallEncoder
from semiproto.params import EncoderParams


def params(name="small", weights=None, output_stride=8, multi_grid=None):
    return EncoderParams(name=name, weights=weights, output_stride=output_stride, multi_grid=multi_grid)


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_wrapped_weights_are_found(tmp_path, weights, wrapper):
    path = tmp_path / "weights.pth"
    torch.save({wrapper: {f"module.{name}": value for name, value in weights.items()}, "epoch": 3}, path)
    body = encoders.build(params(weights=str(path)), pretrained=True).body
    assert torch.equal(body.layer3.conv2.weight, weights["layer3.conv2.weight"])


def test_weights_are_not_read_when_a_model_is_restored(tmp_path):
    encoders.build(params(weights=str(tmp_path / "absent.pth")), pretrained=False)


def test_the_first_family_that_knows_the_name_builds_the_encoder(monkeypatch):
    class Mine:
        knows = staticmethod(lambda name: name.startswith("mine"))
        build = staticmethod(lambda params, download, bands: Encoder(SmallEncoder(bands), (16, 32, 64)))

    monkeypatch.setattr(encoders, "FAMILIES", (small, Mine, cnn))
    assert isinstance(encoders.build(params("mine_b"), pretrained=False).body, SmallEncoder)


@pytest.mark.parametrize(("weights", "pretrained", "download"), [("timm", True, True), ("timm", False, False)])
def test_published_weights_are_downloaded_where_they_are_asked_for(monkeypatch, weights, pretrained, download):
    asked = []

    class Mine:
        knows = staticmethod(lambda name: True)
        build = staticmethod(lambda params, download, bands: asked.append(download))

    monkeypatch.setattr(encoders, "FAMILIES", (Mine,))
    encoders.build(params("any", weights=weights), pretrained=pretrained)
    assert asked == [download]


@pytest.mark.parametrize("name", ["small", "resnet18", "mobilenetv3_small_050"])
def test_the_channels_are_those_of_the_maps(name):
    encoder = encoders.build(params(name), pretrained=False).eval()
    with torch.no_grad():
        maps = encoder(torch.rand(1, 3, 64, 64))
    assert tuple(m.shape[1] for m in maps) == encoder.channels
    assert len(maps) >= 3 and maps[0].shape[-2:] == (16, 16)
