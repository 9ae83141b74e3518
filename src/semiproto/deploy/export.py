"""A trained model as one ONNX file that other programs run without torch.

images      uint8 [batch, bands, height, width], of any size; RGB where there are three bands
classes     uint8 [batch, height, width]: the class of every pixel
confidence  float32 [batch, height, width]: its softmax probability
scores      on request: float32 [batch, classes, height, width], before the softmax

Normalisation is inside, and so is the way back to the image's size. A file's results are those of `predict` without
windows. They are compared with torch's before the file is written.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semiproto import __version__
from semiproto.data.dataset import Images
from semiproto.deploy import same_padding
from semiproto.deploy.predict import palette
from semiproto.deploy.reduced import precision, sets
from semiproto.deploy.reduced.cost import Cost, cost
from semiproto.deploy.reduced.precision import INPUT, Precision
from semiproto.deploy.segment import most_likely
from semiproto.errors import UserError
from semiproto.model import folder as model_folder
from semiproto.model import reading
from semiproto.model.layers import resize
from semiproto.model.network import SegmentationNetwork
from semiproto.provenance.artifacts import sha256_file, write_bytes

if TYPE_CHECKING:
    import onnxruntime

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
"""Of the extra export."""
OPSET = 20
"""Of onnx 1.15 (2023) and later."""
OUTPUTS, SCORES = ("classes", "confidence"), "scores"
AXES = {0: "batch", 2: "height", 3: "width"}
"""The dimensions of the images that may have any length."""

TRACED = (2, 101, 131)
"""Batch, height and width of the traced images. Primes: a size that a ViT's patches fit would leave out of the graph
how other sizes are resized, and two equal lengths would be taken for one."""
COMPARED = ((1, 112, 224), (2, 65, 97), (1, 131, 77))
"""Batch, height and width of the images on which torch and onnxruntime are compared; patches of 7, 8, 14, 16 and 28
pixels fit the first."""
EQUAL, CLOSE = 0.9999, 1 / 255
"""The least share of pixels with torch's class, and the largest difference of a confidence."""


@dataclass(frozen=True)
class Agreement:
    """How an ONNX file's results compare with torch's."""

    pixels: int
    equal: float
    """Share of the pixels with the same class."""
    confidence: float
    """The largest difference of a confidence."""

    def __str__(self) -> str:
        return (
            f"{100 * self.equal:.2f} % of {self.pixels:,} pixels have torch's class, confidence differs by at most"
            f" {self.confidence:.1g}"
        )


@dataclass(frozen=True)
class Reduced:
    """precision: of the numbers in the file. data: a folder of images with masks, in place of the model's own."""

    precision: Precision
    data: Path | None = None


def write_onnx(
    model: Path, out: Path, *, scores: bool, reduced: Reduced | None = None
) -> tuple[Agreement, Cost | None]:
    """Writes the model in the folder `model` to the file `out`.

    Returns how the file in float32 compares with torch and, where one with less precision is written, what this costs.
    UserError, and no file, where onnx is not installed, torch cannot export the network, the results differ, or there
    are no images to measure the cost on.
    """
    if out.suffix != ".onnx":
        raise UserError(f"{out}: an ONNX file's name ends in .onnx; give such a name with --out")
    require_packages()
    with reading.unchanged(model, model_folder.MODEL, model_folder.CARD):
        network, says = Deployed(model_folder.load_model(model), scores=scores).eval(), metadata(model)
    if reduced is None:
        data, found = _checked(model, network, says)
        write_bytes(out, data)
        return found, None
    with sets.opened(model, reduced.data) as images:
        data, found = _checked(model, network, says)
        smaller = _reduced(data, reduced.precision, images.training)
        runtime = _running(model, smaller, reduced.precision)
        costs = cost(runtime, session(data), images.validation, network.network.num_classes)
    write_bytes(out, smaller)
    return found, costs


def _checked(model: Path, network: Deployed, says: dict[str, str]) -> tuple[bytes, Agreement]:
    """The file in float32 and how it compares with torch; UserError where they disagree."""
    data = _traced(model, network, says)
    found = compare(network, session(data))
    if found.equal < EQUAL or found.confidence > CLOSE:
        raise UserError(f"{model}: nothing written, since onnxruntime and torch disagree ({found}); {_REMEDY}")
    return data, found


def _reduced(data: bytes, wanted: Precision, images: Images) -> bytes:
    return precision.half(data) if wanted == "float16" else precision.quantised(data, sets.calibration(images))


def _running(model: Path, data: bytes, wanted: Precision) -> onnxruntime.InferenceSession:
    """The session of a reduced file; UserError where onnxruntime has no operator for its numbers."""
    from onnxruntime.capi import onnxruntime_pybind11_state as errors

    try:
        return session(data)
    except (errors.Fail, errors.InvalidGraph, errors.NotImplemented) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"{model}: nothing written, since onnxruntime cannot run this network in {wanted} ({reason}); export it"
            " without --half and --quantise"
        ) from None


_REMEDY = "install the versions of requirements.lock"


def require_packages() -> None:
    """UserError where the extra is not installed."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise UserError(f"export: needs {', '.join(missing)}; pip install 'semiproto[export]'")


class Deployed(nn.Module):
    """The network from images uint8 [B, bands, H, W] to what the file gives; the module's docstring has it."""

    def __init__(self, network: SegmentationNetwork, *, scores: bool) -> None:
        super().__init__()
        self.network, self.scores = network, scores

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        scores = resize(self.network(images).logits.float(), images.shape[-2:])
        found = most_likely(scores.clone())
        return (*found, scores) if self.scores else found

    @property
    def outputs(self) -> list[str]:
        return [*OUTPUTS, *([SCORES] if self.scores else [])]


def metadata(model: Path) -> dict[str, str]:
    """What the file says of itself, by key: texts, and JSON where there is more than one value."""
    card = model_folder.read_card(model)
    return {
        "semiproto": __version__,
        "model_sha256": sha256_file(model / model_folder.MODEL),
        "classes": json.dumps(card.classes, ensure_ascii=False),
        "palette": json.dumps(palette(card)[: len(card.classes)].tolist()),
        "pixels": card.pixels.model_dump_json(),
        "licence": model_folder.licence(card.model.encoder),
    }


def _traced(model: Path, network: Deployed, says: dict[str, str]) -> bytes:
    """The ONNX file."""
    batch, height, width = TRACED
    images = torch.zeros(batch, network.network.mean.shape[1], height, width, dtype=torch.uint8)
    options: dict[str, Any] = {"input_names": [INPUT], "output_names": network.outputs, "opset_version": OPSET}
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                same_padding.in_one_operator(network),
                (images,),
                dynamic_shapes={INPUT: AXES},
                custom_translation_table=same_padding.translations(),
                dynamo=True,
                verbose=False,
                **options,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{model}: torch cannot export this network to ONNX ({reason}); {_REMEDY}") from None
    assert program is not None
    _without_traces(program.model)
    program.model.metadata_props.update(says)
    data: bytes = program.model_proto.SerializeToString()
    return data


def _without_traces(graph: Any) -> None:
    """Takes out what each node says of the Python that it comes from: paths of this machine, and half of the bytes."""
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    ClearMetadataAndDocStringPass()(graph)


def session(data: bytes) -> onnxruntime.InferenceSession:
    """onnxruntime with a file's content, on the CPU and with as many threads as torch."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


@torch.inference_mode()
def compare(network: Deployed, runtime: onnxruntime.InferenceSession) -> Agreement:
    """torch and onnxruntime on images of several sizes, which hold blobs of colour and noise."""
    generator, bands = torch.Generator().manual_seed(0), network.network.mean.shape[1]
    equal, pixels, confidence = 0, 0, 0.0
    for batch, height, width in COMPARED:
        blobs = F.interpolate(torch.rand(batch, bands, 7, 7, generator=generator), (height, width), mode="bilinear")
        images = (223 * blobs + 32 * torch.rand(blobs.shape, generator=generator)).byte()
        theirs = [torch.from_numpy(value) for value in runtime.run(list(OUTPUTS), {INPUT: images.numpy()})]
        mine = network(images)
        equal, pixels = equal + int((mine[0] == theirs[0]).sum()), pixels + mine[0].numel()
        confidence = max(confidence, float((mine[1] - theirs[1]).abs().max()))
    return Agreement(pixels, equal / pixels, confidence)
