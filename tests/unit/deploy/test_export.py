"""The ONNX file against the product's own prediction, and what is refused."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from semiproto import __version__
from semiproto.cli import app
from semiproto.data.images.pixels import PixelFormat
from semiproto.data.layout import read_mask
from semiproto.deploy import export
from semiproto.deploy.export import Deployed, compare, session, write_onnx
from semiproto.deploy.files import Options
from semiproto.deploy.predict import predict_files
from semiproto.deploy.segment import labelled
from semiproto.errors import UserError
from semiproto.model.folder import MODEL, Card, load_model, save_weights, write_card
from semiproto.model.network import SegmentationNetwork
from semiproto.params import NormalisationParams
from semiproto.provenance.artifacts import sha256_file

pytest.importorskip("onnxruntime", reason="needs the extra export")
pytest.importorskip("onnxscript", reason="needs the extra export")

CLASSES = ["Hintergrund", "Käfer", "b", "c", "d", "e", "f"]
SIZES = [(1, 64, 48), (2, 65, 33), (1, 1, 1), (1, 7, 90), (2, 40, 121)]
"""Batch, height and width."""


def images(batch, bands, height, width):
    """Blobs and noise, uint8 [B, bands, H, W]."""
    generator = torch.Generator().manual_seed(height)
    coarse = torch.rand(batch, bands, 6, 6, generator=generator)
    blobs = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return (230 * blobs + 25 * torch.rand(blobs.shape, generator=generator)).byte()


def save(folder, network, card):
    """A model whose classes differ from place to place."""
    network.eval()
    last = network.heads["linear"].layers[-1]
    with torch.no_grad():
        logits = network(images(2, network.mean.shape[1], 64, 64)).logits
        spread = logits.std(dim=(0, 2, 3))
        last.weight.mul_((3 / spread).view(-1, 1, 1, 1))
        last.bias.copy_((last.bias - logits.mean(dim=(0, 2, 3))) * 3 / spread)
    write_card(folder, card)
    save_weights(folder / MODEL, network)


@pytest.fixture(scope="module")
def small(tiny, tmp_path_factory):
    """A model folder, and the file that the command wrote of it."""
    folder = tmp_path_factory.mktemp("small")
    torch.manual_seed(0)
    palette = [[0, 0, 0], *([n, 2 * n, 250 - n] for n in range(1, 7))]
    save(folder / "model", SegmentationNetwork(tiny.model, 7, pretrained=False), Card(CLASSES, tiny.model, {}, palette))
    file = folder / "made" / "model.onnx"
    words = ["export", str(folder / "model"), "-o", str(file), "--scores"]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0 and result.output.startswith(f"{file}: ") and "100.00 % of" in result.output
    assert [path.name for path in file.parent.iterdir()] == ["model.onnx"]
    return folder / "model", file


@pytest.fixture(scope="module")
def vit(tiny_vit, tmp_path_factory):
    """The same of a ViT for images of four deep bands, without scores."""
    folder = tmp_path_factory.mktemp("vit")
    form = PixelFormat(bands=4, kind="integer", low=[0.0] * 4, high=[4000.0] * 4)
    own = NormalisationParams(mean=[0.4] * 4, std=[0.2] * 4)
    torch.manual_seed(0)
    network = SegmentationNetwork(tiny_vit.model, 7, pretrained=False, bands=4)
    network.normalise_by(own)
    save(folder / "model", network, Card(CLASSES, tiny_vit.model, {}, None, own, form))
    write_onnx(folder / "model", folder / "model.onnx", scores=False)
    return folder / "model", folder / "model.onnx"


@pytest.mark.parametrize("kind", ["small", "vit"])
def test_any_size_gives_what_predict_gives(kind, request):
    folder, file = request.getfixturevalue(kind)
    runtime, network = session(file.read_bytes()), load_model(folder)
    for batch, height, width in SIZES:
        batch_of = images(batch, network.mean.shape[1], height, width)
        ((classes, confidence),) = labelled(network, batch_of, 1024)
        found, sure = runtime.run(["classes", "confidence"], {"images": batch_of.numpy()})
        assert found.dtype == np.uint8 and sure.dtype == np.float32 and found.shape == (batch, height, width)
        np.testing.assert_array_equal(found, classes)
        assert np.abs(255 * sure - confidence).max() <= 1
        assert height < 40 or len(np.unique(found)) > 2


def test_scores_are_those_before_the_softmax(small):
    _, file = small
    batch = images(2, 3, 37, 50)
    classes, confidence, scores = session(file.read_bytes()).run(None, {"images": batch.numpy()})
    assert scores.shape == (2, 7, 37, 50)
    np.testing.assert_array_equal(scores.argmax(axis=1), classes)
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    np.testing.assert_allclose(1 / exponentials.sum(axis=1), confidence, rtol=1e-5)


def test_scores_are_left_out_where_nobody_asks(vit):
    assert [one.name for one in session(vit[1].read_bytes()).get_outputs()] == ["classes", "confidence"]


@pytest.mark.parametrize(("kind", "bands"), [("small", 3), ("vit", 4)])
def test_the_file_says_what_it_is(kind, bands, request):
    folder, file = request.getfixturevalue(kind)
    runtime = session(file.read_bytes())
    (taken,) = runtime.get_inputs()
    assert (taken.name, taken.type, taken.shape) == ("images", "tensor(uint8)", ["batch", bands, "height", "width"])
    assert runtime.get_outputs()[0].shape == ["batch", "height", "width"]
    facts = runtime.get_modelmeta().custom_metadata_map
    assert facts["semiproto"] == __version__ and facts["model_sha256"] == sha256_file(folder / MODEL)
    assert json.loads(facts["classes"]) == CLASSES and len(json.loads(facts["palette"])) == 7
    pixels = json.loads(facts["pixels"])
    assert pixels["bands"] == bands and pixels["high"] == (None if bands == 3 else [4000] * 4)
    assert "random weights" in facts["licence"]


def test_the_file_has_no_path_of_this_machine(small):
    data = small[1].read_bytes()
    assert str(Path(export.__file__).parent).encode() not in data and b"site-packages" not in data


def test_the_example_of_the_page_runs_without_torch_and_gives_predicts_masks(small, tmp_path):
    folder, file = small
    page = (Path(__file__).parents[3] / "docs/export.md").read_text()
    code = re.search(r"<!-- segment.py -->\n```python\n(.*?)```", page, re.DOTALL)[1]
    assert len(code.splitlines()) <= 30
    refused = "import sys\nsys.modules |= dict.fromkeys(('torch', 'semiproto', 'timm', 'onnx', 'onnxscript'))\n"
    (tmp_path / "segment.py").write_text(refused + code)
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was turned by a quarter
    Image.fromarray(images(1, 3, 50, 70)[0].permute(1, 2, 0).numpy()).save(tmp_path / "a.png")
    Image.fromarray(images(1, 3, 41, 30)[0].permute(1, 2, 0).numpy()).save(tmp_path / "b.jpg", exif=turned)
    command = [sys.executable, "segment.py", file, "masks", "a.png", "b.jpg"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "b.jpg: " in result.stdout and "Käfer" in result.stdout
    predict_files(folder, [tmp_path / "a.png", tmp_path / "b.jpg"], tmp_path / "ours", Options())
    for name in ("a.png", "b.png"):
        np.testing.assert_array_equal(read_mask(tmp_path / "masks" / name), read_mask(tmp_path / "ours" / name))
        with Image.open(tmp_path / "masks" / name) as one, Image.open(tmp_path / "ours" / name) as other:
            assert one.getpalette()[:21] == other.getpalette()[:21]


def test_what_disagrees_with_torch_is_not_written(small, make_net, tmp_path, tiny, monkeypatch, one_line):
    """A file of other weights in place of the model's own."""
    save(tmp_path / "other", make_net(1), Card(CLASSES, tiny.model, {}))
    found = compare(Deployed(load_model(tmp_path / "other"), scores=False), session(small[1].read_bytes()))
    assert found.equal < 0.9 and found.confidence > 0.1
    monkeypatch.setattr(export, "_traced", lambda *_: small[1].read_bytes())
    (tmp_path / "old.onnx").write_text("mine")
    for name in ("new.onnx", "old.onnx"):
        with pytest.raises(UserError) as error:
            write_onnx(tmp_path / "other", tmp_path / name, scores=False)
        one_line(error, tmp_path / "other", "nothing written", "disagree", "requirements.lock")
    assert (tmp_path / "old.onnx").read_text() == "mine" and not (tmp_path / "new.onnx").exists()
    monkeypatch.setattr(export, "_traced", lambda *_: small[1].read_bytes())
    write_onnx(small[0], tmp_path / "old.onnx", scores=False)  # the model's own: the file is replaced
    assert (tmp_path / "old.onnx").read_bytes() == small[1].read_bytes()


def test_what_torch_cannot_export_is_one_line(small, tmp_path, monkeypatch, one_line):
    monkeypatch.setattr(Deployed, "forward", lambda self, images: images if images.sum() > 9 else 2 * images)
    with pytest.raises(UserError) as error:
        write_onnx(small[0], tmp_path / "x.onnx", scores=False)
    one_line(error, small[0], "torch cannot export", "requirements.lock")
    assert not list(tmp_path.glob("*x.onnx*"))


def test_without_the_extra_the_command_says_what_to_install(small, tmp_path, monkeypatch, one_line):
    monkeypatch.setattr(export, "PACKAGES", ("onnx", "not_a_package"))
    with pytest.raises(UserError) as error:
        write_onnx(small[0], tmp_path / "x.onnx", scores=False)
    one_line(error, "needs not_a_package", "pip install 'semiproto[export]'")


@pytest.mark.parametrize(
    ("model", "out", "words"),
    [
        ("empty", "x.onnx", ["card.json", "no such file"]),
        ("model", "x.safetensors", ["x.safetensors", ".onnx"]),
        ("model", "x", [".onnx"]),
    ],
)
def test_what_is_refused_leaves_nothing(small, tmp_path, one_line, model, out, words):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as error:
        write_onnx(tmp_path / "empty" if model == "empty" else small[0], tmp_path / out, scores=False)
    one_line(error, *words)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
