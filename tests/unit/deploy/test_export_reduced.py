"""`export --half` and `--quantise`: what is written, what it says of the cost, and what is refused.

The file in float32 is a graph of a few nodes, which takes no time to trace.
"""

import re

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from semiproto.cli import app
from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.deploy import export
from semiproto.deploy.export import Agreement, session, write_onnx
from semiproto.errors import UserError
from semiproto.measure.confusion import ConfusionMatrix
from semiproto.model.folder import MODEL, Card, save_weights, write_card
from semiproto.model.network import SegmentationNetwork

onnx = pytest.importorskip("onnx", reason="needs the extra export")
pytest.importorskip("onnxruntime", reason="needs the extra export")


@pytest.fixture
def model(tiny, digits_root, tmp_path):
    folder = tmp_path / "models/mine"
    write_card(folder, Card(layout.read_classes(digits_root), tiny.model, {}))
    save_weights(folder / MODEL, SegmentationNetwork(tiny.model, 7, pretrained=False))
    return folder


@pytest.fixture
def full(monkeypatch):
    """The file in float32: a class for each pixel by its colour and its neighbours'."""
    make, rng = onnx.helper, np.random.default_rng(0)
    shapes = {"first": (3, 3, 1, 1), "weights": (7, 3, 3, 3)}
    weights = [onnx.numpy_helper.from_array(rng.normal(size=shapes[n]).astype(np.float32), n) for n in shapes]
    nodes = [
        make.make_node("Cast", ["images"], ["floats"], "cast", to=onnx.TensorProto.FLOAT),
        make.make_node("Conv", ["floats", "first"], ["mixed"], "first"),
        make.make_node("Conv", ["mixed", "weights"], ["scores"], "conv", pads=[1, 1, 1, 1]),
        make.make_node("ArgMax", ["scores"], ["best"], "best", axis=1, keepdims=0),
        make.make_node("Cast", ["best"], ["classes"], "narrow", to=onnx.TensorProto.UINT8),
    ]
    given = make.make_tensor_value_info("images", onnx.TensorProto.UINT8, ["batch", 3, "height", "width"])
    found = make.make_tensor_value_info("classes", onnx.TensorProto.UINT8, ["batch", "height", "width"])
    graph = make.make_graph(nodes, "graph", [given], [found], weights)
    file = make.make_model(graph, opset_imports=[make.make_opsetid("", 20)], ir_version=10)
    make.set_model_props(file, {"classes": "[]"})
    data = onnx.shape_inference.infer_shapes(file).SerializeToString()
    monkeypatch.setattr(export, "_checked", lambda *_: (data, Agreement(9, 1.0, 0.0)))
    return data


def miou(data, images):
    runtime, confusion = session(data), ConfusionMatrix(7)
    for image, mask in images:
        confusion.update(torch.from_numpy(runtime.run(["classes"], {"images": image[None].numpy()})[0][0]).long(), mask)
    return 100 * confusion.mean_iou()


@pytest.mark.parametrize(("option", "kind"), [("--half", "float16"), ("--quantise", "int8")])
def test_less_precision_says_what_it_costs(model, full, digits_root, ids, tmp_path, option, kind):
    file = tmp_path / "out/small.onnx"
    words = ["export", str(model), "-o", str(file), option, "--data", str(digits_root)]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    line = next(line for line in result.output.splitlines() if line.startswith(f"{file}: "))
    said = re.search(rf"MB, {kind}; mIoU (\S+) %, in float32 (\S+) % \(\S+ points, validation images: 3\)", line)
    images = Images(digits_root, ids["val"])
    assert float(said[1]) == pytest.approx(miou(file.read_bytes(), images), abs=0.006)
    assert float(said[2]) == pytest.approx(miou(full, images), abs=0.006)
    assert "in float32 100.00 % of 9 pixels have torch's class" in result.output
    assert session(file.read_bytes()).get_modelmeta().custom_metadata_map == {"classes": "[]"}
    kinds = {one.data_type for one in onnx.load(file).graph.initializer if one.dims == [7, 3, 3, 3]}
    assert kinds == {onnx.TensorProto.FLOAT16 if kind == "float16" else onnx.TensorProto.INT8}


def test_what_onnxruntime_cannot_run_is_not_written(model, full, digits_root, tmp_path, monkeypatch, one_line):
    """A file whose operator nobody knows in place of the reduced one."""
    broken = onnx.load_from_string(full)
    broken.graph.node[0].op_type = "NoSuchOperator"
    monkeypatch.setattr(export, "_reduced", lambda *_: broken.SerializeToString())
    with pytest.raises(UserError) as error:
        write_onnx(model, tmp_path / "x.onnx", scores=False, reduced=export.Reduced("float16", digits_root))
    one_line(error, model, "cannot run this network in float16", "NoSuchOperator", "without --half")
    assert not (tmp_path / "x.onnx").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--half"], ["validation images are not here", "--data"]),
        (["--half", "--quantise"], ["give one of them"]),
        (["--data", "FOLDER"], ["--data FOLDER", "add one of them"]),
    ],
)
def test_what_cannot_be_measured_is_refused(model, digits_root, tmp_path, one_line, words, said):
    places = [word.replace("FOLDER", str(digits_root)) for word in words]
    command = ["export", str(model), "-o", str(tmp_path / "x.onnx"), *places]
    with pytest.raises(UserError) as error:
        CliRunner().invoke(app, command, catch_exceptions=False)
    one_line(error, *(text.replace("FOLDER", str(digits_root)) for text in said))
    assert not (tmp_path / "x.onnx").exists()


def test_other_classes_are_refused(tiny, model, digits_root, tmp_path, one_line):
    write_card(model, Card(["a", "b", "c", "d", "e", "f", "g"], tiny.model, {}))
    with pytest.raises(UserError) as error:
        write_onnx(model, tmp_path / "x.onnx", scores=False, reduced=export.Reduced("int8", digits_root))
    one_line(error, f"--data {digits_root}", "its classes are", "the model's a, b, c")
