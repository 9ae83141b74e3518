"""An ONNX file with numbers of 16 or 8 bits in place of 32. Inputs and outputs keep their types.

Both take a file that export.py traced: it has shapes, and batch norm is folded into the convolutions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import onnx

Precision = Literal["float16", "int8"]
INPUT = "images"
QUANTISED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators that multiply by weights. They take most of the time; the others lose accuracy and gain little."""
PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}
"""How a file tells onnxruntime that it is ready to be quantised."""


def half(data: bytes) -> bytes:
    """The file with float16 weights and features; what follows the last resizing stays float32.

    The last part is cheap, and confidences need more digits than float16 has.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = onnx.load_from_string(data)
    kept = [node.name for node in _from_last_resize(model)]
    reduced: bytes = convert_float_to_float16(model, keep_io_types=True, node_block_list=kept).SerializeToString()
    return reduced


def _from_last_resize(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The nodes from the one on that brings the scores to the size of the images; nodes are in the order of work."""
    nodes = list(model.graph.node)
    last = max((number for number, node in enumerate(nodes) if node.op_type == "Resize"), default=len(nodes))
    return nodes[last:]


def quantised(data: bytes, images: Iterable[np.ndarray]) -> bytes:
    """The file with int8 weights, and uint8 features whose ranges are those seen on `images`, uint8 [bands, H, W].

    The first convolution and those that look at each plane by itself stay in float32. They have few weights, and most
    of the loss comes from them: docs/export.md has what was measured.

    Weights have a scale for each channel and 7 of their 8 bits: with 8, processors of the x86 family without VNNI
    overflow (onnxruntime's documentation of quantisation), and a file would give other masks on other machines.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    model = onnx.load_from_string(data)
    says = {one.key: one.value for one in model.metadata_props}
    onnx.helper.set_model_props(model, says | PREPARED)
    with TemporaryDirectory() as work:
        quantize_static(
            model,
            Path(work, "model.onnx"),
            _Reader(images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            nodes_to_exclude=_in_float(model),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Attention multiplies features by features, which loses accuracy.
            extra_options={"MatMulConstBOnly": True},
        )
        reduced = onnx.load(Path(work, "model.onnx"))
    onnx.helper.set_model_props(reduced, says)
    content: bytes = reduced.SerializeToString()
    return content


def _in_float(model: onnx.ModelProto) -> list[str]:
    """The names of the convolutions that are not quantised."""
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    grouped = [node for node in convolutions if any(one.name == "group" and one.i > 1 for one in node.attribute)]
    return [node.name for node in [*convolutions[:1], *grouped]]


class _Reader:
    """Images as onnxruntime's calibration asks for them: one after the other, then None."""

    def __init__(self, images: Iterable[np.ndarray]) -> None:
        self.left: Iterator[np.ndarray] = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self.left, None)
        return None if image is None else {INPUT: image[None]}
