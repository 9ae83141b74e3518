"""The training core on a GPU: the same losses as on the CPU, and near them in bfloat16."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import fixed_steps
from semiproto.model.prototypes import sample_at, stratified_points

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
    gpu, _ = fixed_steps.train(folder, settled, torch.device("cuda"))
    assert gpu[0] == pytest.approx(cpu[0], rel=1e-3)
    assert gpu[:5] == pytest.approx(cpu[:5], rel=2e-2)


def test_bfloat16_is_near(folder):
    settled = fixed_steps.settings(dropout=0.0)
    exact, _ = fixed_steps.train(folder, settled, torch.device("cuda"))
    rounded, _ = fixed_steps.train(folder, settled, torch.device("cuda"), bfloat16=True)
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
