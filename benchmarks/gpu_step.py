"""A training step of each shipped experiment as on GPUs, counted on tensors that have no content (fake_cuda.py).

    python benchmarks/gpu_step.py                  every experiment, one and eight GPUs, both precisions
    python benchmarks/gpu_step.py --world 2        another number of GPUs that share the batch

GiB are of the tensors of one GPU at the step's peak; syncs are the times that the CPU waits for the GPU.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import torch
from fake_cuda import FakeCuda, fake_cuda

from semiproto import params as parameters
from semiproto.model.recompute import recompute_blocks
from semiproto.params import Params
from semiproto.process import distributed
from semiproto.steps.planning.plan import number
from semiproto.steps.planning.trainings import kind_of, lists_of, phase_of, schedule_of, trainings
from semiproto.train.engine import Run, Training, _timed_step
from semiproto.train.optimizer import make_optimizer

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


class Counted(NamedTuple):
    """Of one step in one process."""

    syncs: int
    launches: int
    bytes: int
    flops: int
    idle: list[str]
    """Weights of the student that train and got no gradient."""


def kinds(params: Params) -> dict[str, str]:
    """By what a step consists of, the first training of that kind."""
    return {kind_of(params, one.name): one.name for one in reversed(trainings(params))}


def count(params: Params, name: str, *, world: int = 1, bfloat16: bool = False, recompute: bool = False) -> Counted:
    """A step, not the first, of training `name` in the first of `world` processes."""
    with fake_cuda(world) as mode:
        with torch.device("meta"):  # initial weights take seconds to draw
            phase = phase_of(params, name).to(memory_format=torch.channels_last)
        if world > 1:
            distributed.synchronise_batch_norm(phase)  # as distributed.wrap, but for DistributedDataParallel
        mode.move(phase)
        if recompute:
            recompute_blocks(phase.student)
        run = Run("", "", 0, 10, 1, 10, Path(), torch.device("cuda", 0), ["c"] * phase.student.num_classes, bfloat16)
        training = Training(phase, phase, make_optimizer(phase.student, params.optimizer), run)
        batches = _batches(mode, params, name, world)
        for step in (2, 3):  # the first makes what all later ones find: the optimiser's state, gradients
            mode.restart()
            with mode:
                _timed_step(training, [iter([batch]) for batch in batches], step, lambda: False)
        weights = phase.student.named_parameters()
        idle = [weight for weight, value in weights if value.requires_grad and value.grad is None]
        return Counted(sum(mode.syncs.values()), mode.launches, mode.peak, mode.flops, idle)


def _batches(mode: FakeCuda, params: Params, name: str, world: int) -> list[Any]:
    images, side = schedule_of(params, name).batch // world, params.augment.crop
    one = torch.empty(images, 3, side, side, dtype=torch.uint8, device="meta")
    return [(mode.faked(one), mode.faked(one[:, 0].contiguous()))] * lists_of(params, name)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--world", type=int, nargs="*", default=[1, 8])
    options.add_argument("experiments", type=Path, nargs="*", default=sorted(EXPERIMENTS.glob("*.yaml")))
    given = options.parse_args()
    print("experiment training GPUs precision TFLOP GiB launches syncs", flush=True)
    for file in given.experiments:
        params = parameters.load(file)
        for name in kinds(params).values():
            for world in given.world:
                for bfloat16 in (False, True):
                    found = count(params, name, world=world, bfloat16=bfloat16)
                    precision = "bfloat16" if bfloat16 else "float32"
                    cells = (number(found.flops / 1e12), number(found.bytes / 2**30))
                    print(file.stem, name, world, precision, *cells, found.launches, found.syncs, flush=True)


if __name__ == "__main__":
    main()
