"""What all families of encoders have in common."""

import pytest
import torch

from semiproto.errors import UserError
from semiproto.model import encoders
from semiproto.model.encoders import cnn, small
from semiproto.model.encoders.encoder import Encoder
from semiproto.model.encoders.small import SmallEncoder
from semiproto.params import EncoderParams, NormalisationParams


def params(name="small", weights=None, output_stride=8, multi_grid=None, **others):
    return EncoderParams(name=name, weights=weights, output_stride=output_stride, multi_grid=multi_grid, **others)


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


HALF, IMAGENET = ([0.5] * 3, [0.5] * 3), ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
OWN = NormalisationParams(mean=[0.1, 0.2, 0.3], std=[1, 2, 3])


@pytest.mark.parametrize(
    ("name", "weights", "given", "expected"),
    [
        ("tf_efficientnet_lite0", "timm", None, HALF),
        ("tf_efficientnet_lite0", "lite0.pth", None, HALF),  # a file: by the encoder's name
        ("tf_efficientnet_lite0", None, None, IMAGENET),  # random weights, as ever
        ("tf_efficientnet_lite0", "lite0.pth", OWN, (OWN.mean, OWN.std)),
        ("tf_efficientnet_lite0", None, OWN, (OWN.mean, OWN.std)),
        ("resnet101s.gluon_in1k", "timm", None, IMAGENET),
        ("resnetv2_50.a1h_in1k", "timm", None, HALF),
        ("small", "small.pth", None, IMAGENET),
        ("small", None, None, IMAGENET),
    ],
)
def test_images_are_normalised_as_the_weights_were_trained(name, weights, given, expected):
    encoder = params(name, weights).model_copy(update={"normalisation": given})
    found = encoders.normalisation(encoder)
    assert (found.mean, found.std) == expected


@pytest.mark.parametrize("name", ["small", "resnet18", "mobilenetv3_small_050"])
def test_the_channels_are_those_of_the_maps(name):
    encoder = encoders.build(params(name), pretrained=False).eval()
    with torch.no_grad():
        maps = encoder(torch.rand(1, 3, 64, 64))
    assert tuple(m.shape[1] for m in maps) == encoder.channels
    assert len(maps) >= 3 and maps[0].shape[-2:] == (16, 16)


FAMILY_MEMBERS = ["small", "test_resnet", "test_vit", "test_vit4"]


@pytest.mark.parametrize("name", FAMILY_MEMBERS)
def test_a_frozen_encoder_takes_no_gradient_and_stays_in_eval_mode(name):
    encoder = encoders.build(params(name, trainable="none"), pretrained=True).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    maps = encoder(torch.rand(2, 3, 32, 32))
    assert not any(module.training for module in encoder.modules())
    assert not any(x.requires_grad for x in maps)
    assert not any(weight.requires_grad for weight in encoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


@pytest.mark.parametrize("name", FAMILY_MEMBERS)
def test_norms_alone_train(name):
    encoder = encoders.build(params(name, trainable="norms"), pretrained=True).train()
    sum(x.square().sum() for x in encoder(torch.rand(2, 3, 32, 32))).backward()
    for module in encoder.modules():
        is_norm = "Norm" in type(module).__name__
        for weight in module.parameters(recurse=False):
            assert weight.requires_grad == is_norm == (weight.grad is not None)
    assert any(weight.requires_grad for weight in encoder.parameters()) and encoder.training


def test_an_encoder_without_norms_cannot_train_them(one_line):
    encoder = Encoder(torch.nn.Conv2d(3, 4, 1), [4])
    with pytest.raises(UserError) as error:
        encoder.limit("norms")
    one_line(error, "model.encoder.trainable", "norms", "none or all")


def test_everything_trains_where_nothing_else_is_asked_for():
    encoder = encoders.build(params(), pretrained=True)
    assert all(weight.requires_grad for weight in encoder.parameters()) and not encoder.frozen
