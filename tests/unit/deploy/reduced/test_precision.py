"""What of a file is reduced and what stays, on a graph of a few nodes."""

import numpy as np
import pytest

from semiproto.deploy.reduced import precision

onnx = pytest.importorskip("onnx", reason="needs the extra export")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra export")


@pytest.fixture
def file():
    """images uint8 -> Cast -> three Conv -> Resize to twice the size -> Mul -> scores float32; and a text as metadata.

    The second convolution looks at each plane by itself.
    """
    make, rng = onnx.helper, np.random.default_rng(0)
    weights = rng.normal(size=(4, 3, 3, 3)) * np.array([0.01, 0.1, 1, 10]).reshape(4, 1, 1, 1)
    tensors = {
        "first": rng.normal(size=(3, 3, 1, 1)).astype(np.float32),
        "planes": rng.normal(size=(3, 1, 3, 3)).astype(np.float32),
        "weights": weights.astype(np.float32),
        "scales": np.array([1, 1, 2, 2], np.float32),
        "factor": np.array([0.01], np.float32),
    }
    nodes = [
        make.make_node("Cast", ["images"], ["floats"], "cast", to=onnx.TensorProto.FLOAT),
        make.make_node("Conv", ["floats", "first"], ["mixed"], "first"),
        make.make_node("Conv", ["mixed", "planes"], ["blurred"], "planes", group=3, pads=[1, 1, 1, 1]),
        make.make_node("Conv", ["blurred", "weights"], ["maps"], "conv", pads=[1, 1, 1, 1]),
        make.make_node("Resize", ["maps", "", "scales"], ["large"], "resize", mode="linear"),
        make.make_node("Mul", ["large", "factor"], ["scores"], "mul"),
    ]
    places = ["batch", 3, "height", "width"]
    graph = make.make_graph(
        nodes,
        "graph",
        [make.make_tensor_value_info("images", onnx.TensorProto.UINT8, places)],
        [make.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["batch", 4, "tall", "wide"])],
        [onnx.numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 20)], ir_version=10)
    make.set_model_props(model, {"classes": "a b"})
    return onnx.shape_inference.infer_shapes(model).SerializeToString()


def images(height, width):
    return np.random.default_rng(height).integers(256, size=(2, 3, height, width), dtype=np.uint8)


def scores(data, given):
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"images": given})[0]


@pytest.mark.parametrize("kind", ["float16", "int8"])
def test_results_stay_close_at_every_size_and_the_metadata_stays(file, kind):
    reduced = precision.half(file) if kind == "float16" else precision.quantised(file, images(32, 32))
    model = onnx.load_from_string(reduced)
    assert {one.key: one.value for one in model.metadata_props} == {"classes": "a b"}
    for size in ((32, 32), (17, 5)):
        mine, exact = scores(reduced, images(*size)), scores(file, images(*size))
        assert mine.dtype == np.float32 and mine.shape == exact.shape
        assert 0 < np.abs(mine - exact).max() < 0.02 * np.abs(exact).max()


def test_what_follows_the_last_resizing_stays_float32(file):
    model = onnx.load_from_string(precision.half(file))
    kinds = {one.name: one.data_type for one in model.graph.initializer}
    assert kinds["weights"] == onnx.TensorProto.FLOAT16 and kinds["factor"] == onnx.TensorProto.FLOAT


def test_int8_has_a_scale_for_each_channel_and_7_bits(file):
    model = onnx.load_from_string(precision.quantised(file, images(32, 32)))
    tensors = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    (weights,) = (one for one in tensors.values() if one.ndim == 4 and one.dtype == np.int8)
    assert weights.shape == (4, 3, 3, 3) and np.abs(weights.astype(int)).max() <= 64
    assert (4,) in {one.shape for name, one in tensors.items() if name.endswith("_scale")}


def test_the_first_convolution_and_those_of_single_planes_stay_float32(file):
    model = onnx.load_from_string(precision.quantised(file, images(32, 32)))
    tensors = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    before = {one.name: onnx.numpy_helper.to_array(one) for one in onnx.load_from_string(file).graph.initializer}
    for name in ("first", "planes"):
        np.testing.assert_array_equal(tensors[name], before[name])


def test_the_same_images_give_the_same_file(file):
    assert precision.quantised(file, images(32, 32)) == precision.quantised(file, images(32, 32))
