"""Encoders: map sizes, dilations, and weights from files."""

import pytest
import torch
from safetensors.torch import save_file

from semiproto.errors import UserError
from semiproto.model.encoders import cnn as encoder
from semiproto.model.encoders.cnn import SmallEncoder, build, load_what_fits
from semiproto.params import EncoderParams


def params(name="small", weights=None, output_stride=8, multi_grid=None):
    return EncoderParams(name=name, weights=weights, output_stride=output_stride, multi_grid=multi_grid)


@pytest.fixture(scope="module")
def weights():
    """Weights that no fresh encoder has."""
    return {
        name: torch.full_like(value, 7) if value.is_floating_point() else value
        for name, value in SmallEncoder().state_dict().items()
    }


@pytest.mark.parametrize(("side", "low", "high"), [(64, 16, 8), (32, 8, 4), (65, 17, 9)])
def test_small_has_maps_at_strides_4_8_and_8(side, low, high):
    body = build(params(), pretrained=True).eval()
    maps = body(torch.rand(2, 3, side, side))
    assert [tuple(m.shape) for m in maps] == [(2, 16, low, low), (2, 32, high, high), (2, 64, high, high)]
    assert (body.low_channels, body.middle_channels, body.high_channels) == (16, 32, 64)


@pytest.mark.parametrize(("stride", "middle", "high"), [(8, 13, 13), (16, 7, 7), (32, 7, 4)])
def test_timm_encoders_keep_their_output_stride(stride, middle, high):
    body = build(params("resnet18", output_stride=stride), pretrained=False).eval()
    with torch.no_grad():
        maps = body(torch.rand(1, 3, 97, 97))
    assert [tuple(m.shape) for m in maps] == [(1, 64, 25, 25), (1, 256, middle, middle), (1, 512, high, high)]
    assert (body.low_channels, body.middle_channels, body.high_channels) == (64, 256, 512)


def test_crop_513_gives_maps_of_129_and_65():
    body = build(params("resnet18"), pretrained=False).eval()
    with torch.no_grad():
        low, _, high = body(torch.rand(1, 3, 513, 33))
    assert (low.shape[2], high.shape[2]) == (129, 65)


def test_multi_grid_sets_the_dilations_of_layer4():
    body = build(params("resnet50", multi_grid=[4, 8, 16]), pretrained=False).body
    convolutions = [block.conv2 for block in body.net.layer4]
    assert [c.dilation for c in convolutions] == [(4, 4), (8, 8), (16, 16)]
    assert [c.padding for c in convolutions] == [(4, 4), (8, 8), (16, 16)]
    assert all(c.kernel_size == (3, 3) and c.stride == (1, 1) for c in convolutions)
    assert {c.conv2.dilation for c in body.net.layer3[1:]} == {(2, 2)}


def test_multi_grid_leaves_the_map_sizes():
    body = build(params("resnet18", multi_grid=[4, 8]), pretrained=False).eval()
    with torch.no_grad():
        assert body(torch.rand(1, 3, 65, 65))[1].shape[-2:] == (9, 9)


@pytest.mark.parametrize(("name", "dilations"), [("resnet18", [4, 8, 16]), ("small", [4, 8])])
def test_multi_grid_that_does_not_fit(one_line, name, dilations):
    with pytest.raises(UserError) as error:
        build(params(name, multi_grid=dilations), pretrained=False)
    one_line(error, "model.encoder.multi_grid", dilations)


def test_an_unknown_encoder_is_named(one_line):
    with pytest.raises(UserError) as error:
        build(params("resnet1o1"), pretrained=False)
    one_line(error, "model.encoder.name", "resnet1o1")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_whole_file_is_loaded(tmp_path, weights, suffix, capsys):
    path = tmp_path / f"weights{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    body = SmallEncoder()
    load_what_fits(body, path)
    assert all(torch.equal(value, weights[name]) for name, value in body.state_dict().items())
    assert "left random" not in capsys.readouterr().out


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_wrapped_weights_are_found(tmp_path, weights, wrapper):
    path = tmp_path / "weights.pth"
    torch.save({wrapper: {f"module.{name}": value for name, value in weights.items()}, "epoch": 3}, path)
    body = build(params(weights=str(path)), pretrained=True).body
    assert torch.equal(body.layer3.conv2.weight, weights["layer3.conv2.weight"])


def test_a_partial_file_is_loaded_and_the_missing_keys_are_named(tmp_path, weights, capsys):
    path = tmp_path / "weights.pth"
    partial = {name: value for name, value in weights.items() if not name.startswith("layer3.")}
    partial["layer3.conv1.weight"] = torch.zeros(2, 2)  # a name that is there in another shape
    partial["fc.weight"] = torch.zeros(10, 64)
    torch.save(partial, path)
    body = SmallEncoder()
    before = body.layer3.conv1.weight.clone()
    load_what_fits(body, path)
    assert torch.equal(body.layer2.conv1.weight, weights["layer2.conv1.weight"])
    assert torch.equal(body.layer3.conv1.weight, before)
    printed = capsys.readouterr().out
    left = [name for name in weights if name.startswith("layer3.") and not name.endswith("num_batches_tracked")]
    assert all(name in printed for name in left)
    assert "layer2" not in printed


def test_weights_are_not_read_when_a_model_is_restored(tmp_path):
    build(params(weights=str(tmp_path / "absent.pth")), pretrained=False)


def damaged(tmp_path, kind):
    path = tmp_path / ("weights.safetensors" if kind == "bad safetensors" else "weights.pth")
    if kind == "fits nothing":
        torch.save({"conv1.weight": torch.zeros(3, 3)}, path)
    elif kind in ("garbage", "bad safetensors"):
        path.write_bytes(b"not weights" * 100)
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "one tensor":
        torch.save(torch.zeros(3), path)
    elif kind == "a list":
        torch.save([torch.zeros(3)], path)
    elif kind == "a folder":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    "kind", ["missing", "fits nothing", "garbage", "bad safetensors", "empty", "one tensor", "a list", "a folder"]
)
def test_a_file_that_cannot_be_used_is_one_clear_error(tmp_path, one_line, kind):
    path = damaged(tmp_path, kind)
    with pytest.raises(UserError) as error:
        encoder.build(params(weights=str(path)), pretrained=True)
    one_line(error, path)
