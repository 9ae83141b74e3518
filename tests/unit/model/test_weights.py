"""Weights from files that others publish: whole, in part, wrapped and damaged."""

import json
import os
import struct
import zipfile

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from semiproto.errors import UserError
from semiproto.model import encoders
from semiproto.model import weights as weights_module
from semiproto.model.encoders.small import SmallEncoder
from semiproto.model.weights import (
    built_within,
    digest,
    load_what_fits,
    read_tensors,
    read_weights,
    require_whole,
)
from semiproto.params import EncoderParams


def params(name="small", weights=None, output_stride=8, multi_grid=None):
    return EncoderParams(name=name, weights=weights, output_stride=output_stride, multi_grid=multi_grid)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_whole_file_is_loaded(tmp_path, weights, suffix, capsys):
    path = tmp_path / f"weights{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    body = SmallEncoder()
    load_what_fits(body, path)
    assert all(torch.equal(value, weights[name]) for name, value in body.state_dict().items())
    assert "left random" not in capsys.readouterr().out


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
        encoders.build(params(weights=str(path)), pretrained=True)
    one_line(error, path)


@pytest.fixture
def closed(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    path.chmod(0)
    return path


@pytest.fixture
def ordinary():
    """Root without its powers; anyone else as ever."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


@pytest.mark.parametrize("read", [read_tensors, read_weights])
def test_a_file_that_may_not_be_read_is_not_said_to_be_damaged(closed, ordinary, read):
    with pytest.raises(PermissionError):
        read(closed)


@pytest.mark.parametrize("bands", [1, 6])
def test_weights_of_three_bands_are_widened(tmp_path, bands, capsys):
    """As timm does: an image whose bands are all the same grey gives what it gave as red, green and blue."""
    three = encoders.build(params(), pretrained=False)
    torch.save(three.net.state_dict(), tmp_path / "small.pth")
    wide = encoders.build(params(weights=str(tmp_path / "small.pth")), pretrained=True, bands=bands)
    assert "left random" not in capsys.readouterr().out
    grey = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        expected, found = (net.eval()(grey.expand(1, n, -1, -1))[-1] for net, n in ((three, 3), (wide, bands)))
    torch.testing.assert_close(found, expected)


def test_weights_of_four_bands_are_those_of_three_and_the_first_again(tmp_path, capsys):
    three = encoders.build(params(), pretrained=False)
    torch.save(three.net.state_dict(), tmp_path / "small.pth")
    wide = encoders.build(params(weights=str(tmp_path / "small.pth")), pretrained=True, bands=4)
    assert "left random" not in capsys.readouterr().out
    torch.testing.assert_close(wide.net.stem[0].weight, three.net.stem[0].weight[:, [0, 1, 2, 0]] * 3 / 4)


def test_a_digest_changes_with_every_value_name_and_kind():
    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))
    found = [digest(net)]
    assert digest(net.to(memory_format=torch.channels_last)) == found[0]
    with torch.no_grad():
        net[0].weight[1, 2] += 1e-6
    found += [digest(net)]
    net[1].num_batches_tracked += 1
    found += [digest(net), digest(nn.ModuleList(net)[0]), digest(net.double())]
    assert len(set(found)) == 5


@pytest.mark.parametrize("name", ["pipe.pth", "pipe.safetensors"])
def test_a_pipe_in_place_of_weights_does_not_block(tmp_path, one_line, name):
    os.mkfifo(tmp_path / name)
    for read in (read_weights, read_tensors):
        with pytest.raises(UserError) as error:
            read(tmp_path / name)
        one_line(error, tmp_path / name, "not a regular file")


def test_a_compressed_pth_is_not_unpacked(tmp_path, one_line):
    torch.save({"a": torch.zeros(10_000)}, tmp_path / "stored.pth")
    with (
        zipfile.ZipFile(tmp_path / "stored.pth") as stored,
        zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in stored.namelist():
            packed.writestr(member, stored.read(member))
    assert list(read_weights(tmp_path / "stored.pth")) == ["a"]
    with pytest.raises(UserError) as error:
        read_weights(tmp_path / "packed.pth")
    one_line(error, tmp_path / "packed.pth", "compressed")


def sparse(path, header: dict, length: int):
    """A safetensors file of a length, which takes no room on the disk beyond its header."""
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    os.truncate(path, 8 + len(text) + length)
    return path


def tensor(length):
    return {"a": {"dtype": "F32", "shape": [length // 4], "data_offsets": [0, length]}}


def test_a_file_that_is_longer_than_its_header_says_is_not_read(tmp_path, one_line):
    require_whole(sparse(tmp_path / "whole.safetensors", tensor(2**20), 2**20))
    names = {f"tensor{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(70_000)}
    for header, length, why in [
        ({}, 2**40, "longer than 32 GiB"),
        (tensor(2**20), 2**34, "file not fully covered"),
        (names, 0, "a header of more than 4 MiB"),
    ]:
        path = sparse(tmp_path / "long.safetensors", header, length)
        for read in (require_whole, read_tensors, read_weights):
            with pytest.raises(UserError) as error:
                read(path)
            one_line(error, path, why)


def test_what_is_built_has_no_more_weights_than_it_may(monkeypatch):
    monkeypatch.setattr(weights_module, "SPARE", 0)
    with built_within(4 * 12, UserError("too many")):
        nn.Linear(3, 3)
    with pytest.raises(UserError, match="too many"), built_within(4 * 12, UserError("too many")):
        nn.Sequential(nn.Linear(3, 3), nn.Linear(2**14, 2**14))  # a gigabyte, of which nothing is filled
    nn.Linear(30, 30)  # nothing is counted any more


def test_a_checkpoint_that_would_run_code_runs_none_and_is_refused_in_own_words(tmp_path, one_line):
    """torch's words advise to load it all the same."""

    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    torch.save({"state_dict": Harmful()}, tmp_path / "a.pth")
    with pytest.raises(UserError) as error:
        read_weights(tmp_path / "a.pth")
    one_line(error, tmp_path / "a.pth", "something else than tensors")
    assert "Re-running" not in str(error.value) and not (tmp_path / "made").exists()
