"""On a GPU: the steps and the scores of the CPU, and near them in bfloat16; memory, waits, resuming, two processes.

`make gpu` runs these and writes down how fast the GPU is.
"""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
import torch

import fixed_steps
from semiproto import params as parameters
from semiproto.data.dataset import Images
from semiproto.data.layout import LISTS, read_list
from semiproto.errors import Interrupted, of_memory
from semiproto.measure.inference import validate
from semiproto.measure.scoring import score_teacher
from semiproto.model import folder as model_folder
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import sample_at, stratified_points
from semiproto.steps.planning.footprint import Step
from semiproto.steps.planning.plan import needed
from semiproto.steps.planning.trainings import phase_of
from semiproto.train import checkpoint, engine
from semiproto.train.engine import Phase, Run, Training, _prepare, _timed_step, train_step
from semiproto.train.optimizer import make_optimizer

CPU, GPU = torch.device("cpu"), torch.device("cuda")
EXPERIMENTS = Path(__file__).parents[2] / "experiments"

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fixed")
    fixed_steps.make_set(path)
    return path


def test_twenty_steps_start_as_on_the_cpu(folder):
    settled = fixed_steps.settings(dropout=0.0)
    cpu, _ = fixed_steps.train(folder, settled)
    gpu, _ = fixed_steps.train(folder, settled, GPU)
    assert gpu[0] == pytest.approx(cpu[0], rel=1e-3)
    assert gpu[:5] == pytest.approx(cpu[:5], rel=2e-2)


def test_bfloat16_is_near(folder):
    settled = fixed_steps.settings(dropout=0.0)
    exact, _ = fixed_steps.train(folder, settled, GPU)
    rounded, _ = fixed_steps.train(folder, settled, GPU, bfloat16=True)
    assert rounded[:3] == pytest.approx(exact[:3], rel=5e-2)
    assert rounded != exact


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sampling_equals_that_of_the_cpu(dtype):
    z = torch.rand(2, 16, 33, 33)
    points = stratified_points(129, 32, torch.Generator().manual_seed(0))
    weight = torch.rand(2, 1024, 16)
    found = []
    for device in ("cpu", "cuda"):
        x = z.to(device, dtype).requires_grad_()
        out = sample_at(x, points, 129)
        (out.float() * weight.to(device)).sum().backward()
        found.append((out.float().cpu(), x.grad.float().cpu()))
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)


# ------------------------------------------------------------------------------------------ the paper's network


@contextmanager
def computing_in(dtype: torch.dtype) -> Iterator[None]:
    """New tensors, and those that the step casts to float32, are of this dtype."""
    torch.set_default_dtype(dtype)
    try:
        with patch.object(torch.Tensor, "float", lambda x: x.to(dtype)):
            yield
    finally:
        torch.set_default_dtype(torch.float32)


def paper(crop: int, batch: int) -> parameters.Params:
    """The paper's experiment with smaller batches, and without dropout, which a GPU draws otherwise."""
    tree = parameters.load(EXPERIMENTS / "voc-classic.yaml").model_dump()
    tree["augment"]["crop"], tree["semi"]["batch"] = crop, batch
    tree["model"]["decoder"]["dropout"] = 0.0
    return parameters.Params.model_validate(tree)


def training_of(
    params: parameters.Params, device: torch.device, *, dtype: torch.dtype = torch.float32, bfloat16: bool = False
) -> Training:
    """A training of the full method with random weights, the same on every device and of every dtype."""
    torch.manual_seed(0)
    phase = phase_of(params, "prototype")
    phase.bank.prototypes.copy_(torch.rand(phase.bank.prototypes.shape))
    phase.to(device, dtype, memory_format=torch.channels_last)
    run = Run("", "", 0, 10, 1, 10, Path(), device, ["c"] * 21, bfloat16=bfloat16)
    _prepare(phase, run)
    return Training(phase, phase, make_optimizer(phase.student, params.optimizer), run)


def batches_of(params: parameters.Params, device: torch.device) -> list[tuple[torch.Tensor, torch.Tensor]]:
    draw, side, images = torch.Generator().manual_seed(0), params.augment.crop, params.semi.batch
    views = torch.randint(256, (2, images, 3, side, side), generator=draw, dtype=torch.uint8)
    labels = torch.randint(21, (images, side, side), generator=draw, dtype=torch.uint8)
    return [(views[0].to(device), labels.to(device)), (views[1].to(device), torch.zeros_like(labels).to(device))]


def step_of(params: parameters.Params, device: torch.device, dtype: torch.dtype) -> tuple[float, list[torch.Tensor]]:
    """The loss of a step, and the gradients of all weights."""
    training = training_of(params, device, dtype=dtype)
    with computing_in(dtype):
        loss = float(train_step(training, batches_of(params, device), 2)["loss"].detach())
        return loss, [weight.grad.cpu().double() for weight in training.phase.student.parameters()]


def distance(found: list[torch.Tensor], exact: list[torch.Tensor]) -> float:
    """Of all gradients together, relative."""
    apart = sum(float((a - b).square().sum()) for a, b in zip(found, exact, strict=True))
    return (apart / sum(float(b.square().sum()) for b in exact)) ** 0.5


def test_a_step_of_the_papers_network_is_that_of_the_cpu():
    """To nine digits in float64. In float32 the rounding of a hundred layers with random weights changes gradients
    beyond comparison, on a CPU too."""
    params = paper(crop=65, batch=2)
    loss, exact = step_of(params, CPU, torch.float64)
    found, gradients = step_of(params, GPU, torch.float64)
    assert found == pytest.approx(loss, rel=1e-9) and distance(gradients, exact) < 1e-6
    assert step_of(params, GPU, torch.float32)[0] == pytest.approx(loss, rel=1e-2)


@pytest.mark.parametrize("tf32", [False, True])
def test_float32_is_ieees_unless_tf32_was_asked_for(tf32):
    """TF32 rounds the factors to 10 bits."""
    _prepare(Phase(), Run("", "", 0, 1, 1, 1, Path(), GPU, [], tf32=tf32))
    draw = torch.Generator().manual_seed(0)
    image, kernel = torch.randn(2, 512, 17, 17, generator=draw), torch.randn(64, 512, 3, 3, generator=draw)
    a, b = torch.randn(512, 512, generator=draw), torch.randn(512, 512, generator=draw)
    for work, factors in ((torch.nn.functional.conv2d, (image, kernel)), (torch.matmul, (a, b))):
        exact = work(*(x.double() for x in factors))
        found = work(*(x.to(GPU) for x in factors)).cpu().double()
        assert (float((found - exact).norm() / exact.norm()) > 1e-5) == tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


@pytest.mark.parametrize("bfloat16", [False, True])
def test_memory_is_what_a_plan_says_and_the_cpu_seldom_waits(bfloat16):
    params = paper(crop=257, batch=4)
    planned = Step(params, "prototype").footprint(bfloat16=bfloat16, recompute=False).bytes
    training, batches = training_of(params, GPU, bfloat16=bfloat16), batches_of(params, GPU)
    one_step = partial(_timed_step, training, [iter([batch]) for batch in batches], 2, lambda: False)
    train_step(training, batches, 1)  # makes the optimiser's state, and chooses kernels
    torch.cuda.reset_peak_memory_stats()
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as waits:
        warnings.simplefilter("always")
        one_step()
    torch.cuda.set_sync_debug_mode("default")
    assert sum("synchronizing" in str(wait.message) for wait in waits) <= 7
    assert 0.9 * planned < torch.cuda.max_memory_allocated() < needed(planned)


def test_out_of_memory_says_what_to_change():
    params = paper(crop=257, batch=4)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(2**30 / total)
    try:
        with pytest.raises(torch.OutOfMemoryError) as raised:
            train_step(training_of(params, GPU), batches_of(params, GPU), 1)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    text = str(of_memory(raised.value))
    assert text.startswith("GPU memory ran out (") and "more were needed, of" in text and "semiproto plan" in text


# ------------------------------------------------------------------------------------- a run, and several processes


def test_an_interrupted_run_goes_on(folder, monkeypatch):
    """Sums on a GPU have no fixed order: near, not equal."""
    settled, timed = fixed_steps.settings(dropout=0.0), engine._timed_step
    undisturbed, _ = fixed_steps.train(folder, settled, GPU)

    def stopped_at_10(training, iterators, step, stopped):
        if step == 9:
            os.kill(os.getpid(), signal.SIGTERM)
        return timed(training, iterators, step, stopped)

    monkeypatch.setattr(engine, "_timed_step", stopped_at_10)
    with pytest.raises(Interrupted, match="step 10"):
        fixed_steps.train(folder, settled, GPU)
    monkeypatch.undo()
    resumed, phase = fixed_steps.train(folder, settled, GPU)
    checkpoint.remove(folder / "checkpoints")
    assert len(resumed) == fixed_steps.STEPS and resumed[:10] == pytest.approx(undisturbed[:10], rel=5e-2)
    assert resumed[10:13] == pytest.approx(undisturbed[10:13], rel=0.1)
    assert {value.device.type for value in phase.state_dict().values()} == {GPU.type}


def ranks(what: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Two processes of ranks.py."""
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([str(tests), str(tests.parent / "src"), os.environ.get("PYTHONPATH", "")])
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, str(tests / "gpu/ranks.py"), what, GPU.type, str(folder)]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)


def test_two_processes_train_as_one(folder):
    """By NCCL where there are two GPUs."""
    expected, alone = fixed_steps.train(folder, fixed_steps.settings(dropout=0.0), GPU)
    ended = ranks("train", folder)
    assert ended.returncode == 0, ended.stderr
    (first, weights), (second, others) = (torch.load(folder / f"rank{rank}.pt") for rank in range(2))
    assert first == second and first[0] == pytest.approx(expected[0], rel=1e-5)
    assert first[:5] == pytest.approx(expected[:5], rel=2e-2)
    assert weights.keys() == alone.state_dict().keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_a_process_that_runs_out_of_memory_says_so(folder):
    ended = ranks("memory", folder)
    assert ended.returncode != 0
    assert "semiproto: GPU memory ran out (" in ended.stderr


# ------------------------------------------------------------------------------------------------- the scores


def test_scores_are_those_of_the_cpu_but_for_ties(folder):
    torch.manual_seed(0)
    root = folder / "digits"
    net = SegmentationNetwork(fixed_steps.settings().model, len(fixed_steps.CLASSES), pretrained=False).eval()
    images = Images(root, read_list(root / LISTS / "val.txt"))
    found = [validate(copy.deepcopy(net).to(device), images, fixed_steps.CLASSES, tau=0.1) for device in (CPU, GPU)]
    assert found[1]["miou"] == pytest.approx(found[0]["miou"], abs=0.1)
    assert found[1]["coverage"] == pytest.approx(found[0]["coverage"], abs=0.1)
    scored = []
    model_folder.write_card(folder, model_folder.Card(fixed_steps.CLASSES, fixed_steps.settings().model, {}))
    model_folder.save_weights(folder / model_folder.MODEL, net)
    for device in (CPU, GPU):
        teacher = score_teacher(folder, images, None, device, "test", folder / device.type)
        scored.append(teacher.confusion.counts)
    assert int((scored[0] - scored[1]).abs().sum()) <= 0.001 * int(scored[0].sum())
