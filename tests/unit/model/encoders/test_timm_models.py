"""timm's models, and how their weights are had without a connection."""

import socket

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from semiproto.errors import UserError
from semiproto.model import encoders
from semiproto.model.encoders import timm_models
from semiproto.params import EncoderParams
from semiproto.provenance.artifacts import sha256_file

TINY = "test_vit.r160_in1k"


def params(name, weights="timm"):
    return EncoderParams(name=name, weights=weights, output_stride=8, multi_grid=None)


@pytest.fixture
def caches(tmp_path, monkeypatch):
    """Empty caches of weights, offline mode that ends with the test, and no way to a connection."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def refuse(*_):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    timm_models.ask_nobody()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "modules", "known"),
    [
        ("resnet18", "", True),
        ("resnet18.a1_in1k", "", True),
        ("resnet1o1", "", False),
        ("resnet18", ("vision_transformer",), False),
        ("vit_small_patch14_dinov2.lvd142m", ("vision_transformer", "eva"), True),
    ],
)
def test_what_timm_knows(name, modules, known):
    assert timm_models.knows(name, modules) is known


@pytest.mark.parametrize("name", ["vit_small_patch14_dinov2", "resnet18", "vit_small_patch16_dinov3.lvd1689m"])
def test_offline_nobody_is_asked_for_missing_weights(caches, one_line, name):
    with pytest.raises(UserError) as error:
        encoders.build(params(name), pretrained=True)
    one_line(error, "model.encoder.weights", name, "compute.offline", "a file of weights", "null")


def only_at_an_address(monkeypatch, name):
    config = timm.models.get_pretrained_cfg(name)
    monkeypatch.setattr(config, "hf_hub_id", None)
    monkeypatch.setattr(config, "url", "https://example.org/weights/tiny-01234567.pth")
    monkeypatch.setattr(timm.models, "get_pretrained_cfg", lambda name: config)


def test_offline_weights_that_have_only_an_address_are_not_fetched(caches, one_line, monkeypatch):
    only_at_an_address(monkeypatch, TINY)
    with pytest.raises(UserError) as error:
        timm_models.create(params(TINY), download=True)
    one_line(error, "model.encoder.weights", TINY, "compute.offline")


def test_offline_weights_in_the_cache_are_taken(caches):
    weights = timm.create_model(TINY, pretrained=False).state_dict()
    weights = {name: torch.full_like(value, 0.5) for name, value in weights.items()}
    snapshot = caches / "hub/models--timm--test_vit.r160_in1k/snapshots/0123"
    snapshot.mkdir(parents=True)
    save_file(weights, snapshot / "model.safetensors")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs/main").write_text("0123")
    net = encoders.build(params(TINY), pretrained=True).net
    assert all(bool((value == 0.5).all()) for value in net.state_dict().values())
    found = timm_models.published_file(TINY)
    assert found.title() == f"timm/{TINY}/model.safetensors"
    assert found.sha256 == sha256_file(snapshot / "model.safetensors")


def test_published_weights_that_were_never_fetched_have_no_file(caches):
    assert timm_models.published_file(TINY) is None and timm_models.published_file("small") is None


def test_published_weights_that_have_only_an_address_are_those_of_torch_hub(caches, monkeypatch):
    only_at_an_address(monkeypatch, TINY)
    kept = caches / "torch/hub/checkpoints/tiny-01234567.pth"
    kept.parent.mkdir(parents=True)
    kept.write_text("weights")
    found = timm_models.published_file(TINY)
    assert (found.repository, found.path(), found.sha256) == (None, kept, sha256_file(kept))


def test_offline_random_weights_need_nothing(caches):
    assert encoders.build(params("resnet18", weights=None), pretrained=True).channels


def test_what_timm_cannot_make_is_named(one_line):
    with pytest.raises(UserError) as error:
        timm_models.create(params("vit_tiny_patch16_224", weights=None), download=False, features_only=True, bad=1)
    one_line(error, "model.encoder", "vit_tiny_patch16_224", "bad")


@pytest.mark.parametrize("weights", ["timm", None])
def test_a_tag_that_timm_does_not_list_is_named_with_those_it_does(caches, one_line, weights):
    for name in ("resnet18.a1_in22k", "vit_small_patch14_dinov2.imagenet"):
        with pytest.raises(UserError) as error:
            encoders.build(params(name, weights), pretrained=True)
        model, _, tag = name.partition(".")
        one_line(error, "model.encoder.name", tag, f"write {model}, or {timm.list_pretrained(f'{model}.*')[0]}")


def test_a_name_that_is_nearly_one_of_timms(one_line):
    with pytest.raises(UserError) as error:
        encoders.build(params("resnet_18", None), pretrained=False)
    one_line(error, "model.encoder.name", "resnet_18", "did you mean resnet18?")


@pytest.mark.parametrize(
    "name", ["swin_tiny_patch4_window7_224", "beit_base_patch16_224", "naflexvit_base_patch16_gap"]
)
def test_what_is_neither_a_cnn_nor_a_vit_is_refused_without_talk_of_strides(one_line, name):
    with torch.device("meta"), pytest.raises(UserError) as error:
        encoders.build(params(name, None), pretrained=False)
    one_line(error, "model.encoder.name", name, "docs/encoders.md")
    assert "another name or stride" not in str(error.value)


def test_a_stride_that_a_cnn_does_not_have(one_line):
    with torch.device("meta"), pytest.raises(UserError) as error:
        encoders.build(params("vgg11", None), pretrained=False)
    one_line(error, "vgg11", "output stride 8", "mostly 32")
