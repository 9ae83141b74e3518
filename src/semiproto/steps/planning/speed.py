"""How fast this machine is at a training's step: some real ones, on noise."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil
import torch

from semiproto.data.loaders import Batch
from semiproto.params import Params
from semiproto.process import pool
from semiproto.steps.models.training import used_precision
from semiproto.steps.planning.footprint import Footprint
from semiproto.steps.planning.trainings import lists_of, phase_of
from semiproto.train.engine import Run, Training, train_step
from semiproto.train.optimizer import make_optimizer

SECONDS = 3.0
"""How long steps are tried after the first, which is slower; one at least."""
FLOPS_AT_MOST = {"cpu": 0.2e12, "cuda": float("inf")}
"""Of a step that is tried: seconds on a CPU."""


@dataclass(frozen=True)
class Trial:
    """What is tried: all of a training's step, or as many images of as large a crop as are tried in seconds."""

    images: int
    crop: int
    share: float
    """Of the step's arithmetic."""


class Speed(NamedTuple):
    """Of a step in one process."""

    seconds: float
    tried: Trial
    others: float
    """Cores that other processes used while the steps were tried."""


def free_memory(device: torch.device) -> float:
    """Bytes that a process can still have."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available


def trial(footprint: Footprint, crop: int, device: torch.device, free: float) -> Trial:
    """The largest trial that fits; fewer images first, then smaller crops."""
    images, side, share = footprint.images, crop, 1.0
    while images > 2 or side > 2 * 64:
        needed = footprint.fixed + (footprint.bytes - footprint.fixed) * share
        if footprint.flops * share <= FLOPS_AT_MOST[device.type] and 1.2 * needed < free:
            break
        images, side = (images // 2, side) if images >= 4 else (2, side // 2)
        share = images / footprint.images * (side / crop) ** 2
    return Trial(images, side, share)


def seconds_per_step(params: Params, name: str, footprint: Footprint, device: torch.device) -> Speed:
    """How fast a step is in one process, from a trial of it; loading is not part of it.

    With one thread on a CPU the seconds are those of the processor, which other work on the machine lengthens little.
    """
    torch.set_num_threads(params.compute.threads)
    tried = trial(footprint, params.augment.crop, device, free_memory(device))
    phase = phase_of(params, name).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    precision = used_precision(params.optimizer.precision, device)
    run = Run("", "", 0, 10, 1, 10, Path(), device, [], bfloat16=precision == "bfloat16", tf32=precision == "tf32")
    training = Training(phase, phase, make_optimizer(phase.student, params.optimizer), run)
    batch = _noise(tried, phase.student.mean.shape[1], device)
    batches = [batch] * lists_of(params, name)
    clock = time.process_time if device.type == "cpu" and params.compute.threads == 1 else time.perf_counter
    _step(training, batches, 0)
    seconds: list[float] = []
    began, used, worked = time.perf_counter(), time.process_time(), pool.busy_seconds()
    while not seconds or time.perf_counter() - began < SECONDS:
        before = clock()
        _step(training, batches, 1 + len(seconds))
        seconds.append(clock() - before)
    of_others = pool.busy_seconds() - worked - (time.process_time() - used)
    others = max(0.0, of_others / (time.perf_counter() - began))
    return Speed(median(seconds) / tried.share, tried, others)


def _noise(tried: Trial, bands: int, device: torch.device) -> Batch:
    shape = (tried.images, bands, tried.crop, tried.crop)
    return torch.randint(256, shape, dtype=torch.uint8).to(device), torch.zeros(shape[0], *shape[2:]).byte().to(device)


def _step(training: Training, batches: list[Batch], step: int) -> None:
    measured = train_step(training, batches, step)
    float(measured["loss"].detach())  # waits for a GPU
