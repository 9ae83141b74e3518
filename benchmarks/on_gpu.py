"""The steps of an experiment on this machine's GPU: images and TFLOP a second, the share of its peak, memory by plan.

    python benchmarks/on_gpu.py                              voc-classic: every kind of step, precision, checkpointing
    python benchmarks/on_gpu.py experiments/cityscapes.yaml

A batch that does not fit by the plan is halved until it does. The peak is the speed of a product of large matrices in
the same precision, here and now. Rows are added to gpu.csv.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
from gpu_step import EXPERIMENTS, kinds

from semiproto import params as parameters
from semiproto.params import Params
from semiproto.steps.planning.footprint import Footprint, Step
from semiproto.steps.planning.plan import GIB, needed, number
from semiproto.steps.planning.speed import Trial, _noise
from semiproto.steps.planning.trainings import lists_of, phase_of
from semiproto.train.engine import Run, Training, _prepare, train_step
from semiproto.train.optimizer import make_optimizer

RESULTS = Path(__file__).with_name("gpu.csv")
COLUMNS = ["date", "gpu", "torch", "experiment", "training", "precision", "checkpointing", "images", "s_step"]
COLUMNS += ["images_s", "tflop_s", "peak_tflop_s", "share", "plan_gib", "gib"]
GPU = torch.device("cuda")
SIDE = 8192
"""Of the matrices whose product is the peak."""


class Mode(NamedTuple):
    precision: str
    recompute: bool


def seconds(work: Callable[[], object], times: int) -> float:
    """The median of so many calls, after three that do not count."""
    found = []
    for call in range(3 + times):
        torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        torch.cuda.synchronize()
        found += [time.perf_counter() - began] if call >= 3 else []
    return median(found)


def peak(precision: str) -> float:
    """FLOP a second of a product of large matrices."""
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    x = torch.randn(SIDE, SIDE, dtype=dtype, device=GPU)
    return 2 * SIDE**3 / seconds(lambda: x @ x, 10)


def fitting(footprint: Footprint) -> int:
    """The batch, halved until the card holds it."""
    images, total = footprint.images, torch.cuda.get_device_properties(GPU).total_memory
    while images > 2 and needed(footprint.bytes_for(images)) > 0.97 * total:
        images //= 2
    return images


def measured(params: Params, name: str, mode: Mode, footprint: Footprint) -> list[str]:
    """The row of one training in one mode, from the number of images on."""
    images = fitting(footprint)
    share = images / footprint.images
    phase = phase_of(params, name).to(GPU, memory_format=torch.channels_last)  # type: ignore[call-overload]
    bfloat16, tf32 = (mode.precision == one for one in ("bfloat16", "tf32"))
    run = Run("", "", 0, 10, 1, 10, Path(), GPU, [], bfloat16=bfloat16, recompute=mode.recompute, tf32=tf32)
    _prepare(phase, run)
    training = Training(phase, phase, make_optimizer(phase.student, params.optimizer), run)
    batches = [_noise(Trial(images, params.augment.crop, share), 3, GPU)] * lists_of(params, name)
    torch.cuda.reset_peak_memory_stats()
    a_step = seconds(lambda: train_step(training, batches, 2), 10)
    best, speed = peak(mode.precision), footprint.flops * share / a_step
    cells = (a_step, len(batches) * images / a_step, speed / 1e12, best / 1e12, speed / best)
    memory = (footprint.bytes_for(images) / GIB, torch.cuda.max_memory_allocated() / GIB)
    return [str(images), *map(number, (*cells, *memory))]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("experiments", type=Path, nargs="*", default=[EXPERIMENTS / "voc-classic.yaml"])
    given = options.parse_args()
    if not torch.cuda.is_available():
        print("on_gpu: torch sees no GPU, so nothing is measured")
        return
    print(*COLUMNS, flush=True)
    for file in given.experiments:
        params = parameters.load(file)
        for name in kinds(params).values():
            step = Step(params, name)
            for recompute in (False, True):
                for precision in ("float32", "tf32", "bfloat16"):
                    footprint = step.footprint(bfloat16=precision == "bfloat16", recompute=recompute)
                    cells = measured(params, name, Mode(precision, recompute), footprint)
                    where = [date.today().isoformat(), torch.cuda.get_device_name(GPU), torch.__version__]
                    blocks = "blocks" if recompute else "none"
                    keep([*where, file.stem, name, precision, blocks, *cells])


def keep(row: list[str]) -> None:
    """Prints a row and adds it to gpu.csv."""
    print(*row, flush=True)
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, row] if new else [row])


if __name__ == "__main__":
    main()
