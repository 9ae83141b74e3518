"""The shipped experiments' steps, evaluation and prediction on tensors that say they are on CUDA.

No two devices in one operation, gradients for all weights, few waits for the GPU, and the memory that a plan says.
`python benchmarks/gpu_step.py` prints the table of the full sizes.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fake_cuda import TORCH, fake_cuda
from gpu_step import count, kinds
from torch import nn

from semiproto import params as parameters
from semiproto.measure.inference import classify, head_scores, linear_scores, predict
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import Params, WindowParams
from semiproto.steps.planning.footprint import Step
from semiproto.steps.planning.trainings import PRETRAIN, schedule_of

pytestmark = pytest.mark.skipif(
    not torch.__version__.startswith(TORCH),
    reason=f"uses private parts of torch {TORCH}, and this is {torch.__version__}",
)

FILES = sorted((Path(__file__).parents[2] / "experiments").glob("*.yaml"))
SYNCS = {1: 7, 2: 12, 4: 12, 8: 12}
"""Most waits of a step for the GPU, by the number of GPUs: each is a gap in which the GPU has nothing to do."""
SHALLOW = {"resnet101s.gluon_in1k": ("resnet26d", (4, 8)), "vit_small_patch14_dinov2.lvd142m": ("test_vit", None)}
"""Encoders of the same blocks, stem and strides, of which there are fewer; with their multi_grid."""


def small(file: Path, *, network: bool) -> Params:
    """An experiment with small images; with a shallow form of its network, or the embedded set's."""
    tree = parameters.load(file).model_dump()
    tree["augment"]["crop"] = 64
    tree["semi"]["batch"] = tree["pretrain"]["batch"] = 8
    encoder = tree["model"]["encoder"]
    if network and encoder["name"] in SHALLOW:
        encoder["name"], encoder["multi_grid"] = SHALLOW[encoder["name"]]
    elif not network:
        encoder |= {"name": "small", "weights": None, "multi_grid": None, "trainable": "all", "output_stride": 8}
        tree["model"]["decoder"]["kind"] = "deeplab"
        tree["model"]["decoder"]["planes"] = 4
        tree["optimizer"] |= {"kind": "sgd", "layer_decay": 1}
    if encoder["name"] == "test_vit":
        encoder |= {"patch_size": 8, "output_stride": 8}
    return Params.model_validate(tree)


def parts_of(params: Params, name: str) -> set[str]:
    """What a step consists of: method, heads, every setting of its sections."""
    schedule = schedule_of(params, name).model_dump() | {"auxiliary": params.model.auxiliary_weight > 0}
    method = PRETRAIN if name == PRETRAIN else params.variants[name].method
    return {method, *(f"{key} {value}" for key, value in schedule.items() if key not in NUMBERS)}


def of_methods() -> dict[str, tuple[Params, str]]:
    """By experiment and training, the fewest kinds of steps that have all that some experiment's step has."""
    experiments = {file.stem: small(file, network=False) for file in FILES}
    every = [(f"{stem} {name}", one, name) for stem, one in experiments.items() for name in kinds(one).values()]
    found, waiting = {}, set().union(*(parts_of(params, name) for _, params, name in every))
    while waiting:
        label, params, name = max(every, key=lambda one: len(parts_of(one[1], one[2]) & waiting))
        found[label] = params, name
        waiting -= parts_of(params, name)
    return found


def of_networks() -> dict[str, Params]:
    """By experiment, each network with its optimiser."""
    found = {}
    for file in FILES:
        params = small(file, network=True)
        found.setdefault(f"{params.model.encoder} {params.model.decoder.kind}", (file.stem, params))
    return dict(found.values())


NUMBERS = {"steps", "epochs", "validations", "checkpoint_every", "batch", "tau", "loss_scale", "loss_weights"}
NUMBERS |= {"window", "micro_batch", "repeat_threshold", "supervised_epochs", "warm_start", "cutmix_probability"}
"""Settings that change no operation of a step."""
METHODS, NETWORKS = of_methods(), of_networks()
WORLDS = [(1, False), (2, True), (4, False), (8, True), (1, True), (2, False), (4, True), (8, False)]
"""GPUs and bfloat16, in turn."""


def test_an_operation_is_counted_once_in_inference_mode_too():
    found = []
    for context in (torch.no_grad, torch.inference_mode):
        with fake_cuda() as mode:
            network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.UpsamplingBilinear2d(scale_factor=2))
            mode.move(network.eval())
            images = mode.faked(torch.empty(2, 3, 8, 8, device="meta"))
            with mode, context():
                network(images)
            found.append((mode.launches, mode.flops))
    assert found == [(3, 2 * 2 * 4 * 6 * 6 * 3 * 9)] * 2  # 4 bands of 6 x 6 outputs, 27 products and sums each


@pytest.mark.parametrize("label", METHODS)
def test_methods_keep_to_one_device_and_seldom_wait(label):
    params, name = METHODS[label]
    number = list(METHODS).index(label)
    world, bfloat16 = WORLDS[number % len(WORLDS)]
    found = count(params, name, world=world, bfloat16=bfloat16)
    assert found.idle == [], "DistributedDataParallel refuses weights without a gradient"
    assert 0 < found.syncs <= SYNCS[world], found


@pytest.mark.parametrize("label", NETWORKS)
def test_networks_keep_to_one_device(label):
    found = count(NETWORKS[label], PRETRAIN, world=4, bfloat16=True)
    assert found.idle == [] and found.syncs <= SYNCS[4]


@pytest.mark.parametrize(("name", "syncs"), [(PRETRAIN, 1), ("prototype", 5)])
def test_plans_know_the_memory_and_blocks_are_computed_again(name, syncs):
    params = NETWORKS["cityscapes"]
    step = Step(params, name)
    for recompute in (False, True):
        planned = step.footprint(bfloat16=True, recompute=recompute)
        found = count(params, name, bfloat16=True, recompute=recompute)
        assert found.bytes == pytest.approx(planned.bytes, rel=0.1)
        # Pixels are gathered by prototype with a product of matrices on a GPU alone.
        assert found.flops == pytest.approx(planned.flops, rel=0 if name == PRETRAIN else 0.01)
        assert found.idle == [] and found.syncs == syncs


@pytest.mark.parametrize("label", NETWORKS)
def test_evaluation_and_prediction_keep_to_one_device(label):
    params = NETWORKS[label]
    with torch.device("meta"):
        network = SegmentationNetwork(params.model, 5, pretrained=False).eval()
        bank = PrototypeBank(5, 2, network.dim)
    with fake_cuda() as mode:
        mode.move(network)
        mode.move(bank)
        images = mode.faked(torch.empty(2, 3, 80, 64, dtype=torch.uint8, device="meta"))
        for window in (None, WindowParams(size=64, stride=32)):
            with mode:
                heads = predict(head_scores(network, bank), images, window)
                classes, confidence = classify(linear_scores(network), images, window)
            for one in (*heads.values(), classes, confidence):
                assert one.is_cuda and one.shape == (2, 80, 64)
        assert not mode.syncs


def test_two_devices_in_one_operation_are_found():
    with fake_cuda() as mode:
        there = mode.faked(torch.empty(3, device="meta"))
        with mode, pytest.raises(RuntimeError, match=r"two (different )?devices"):
            there + torch.ones(3)


def test_waits_are_counted():
    with fake_cuda() as mode:
        there = mode.faked(torch.empty(3, device="meta"))
        with mode:
            there[there > 0]
            there.nonzero()
            there.cpu()
            torch.ones(3).to("cuda")
            torch.ones(3).to("cuda", non_blocking=True)
            float(there.sum())
    assert sum(mode.syncs.values()) == 5
