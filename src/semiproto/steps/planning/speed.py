"""How fast this machine is at a training's step: some real ones, on noise."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import torch

from semiproto.data.loaders import Batch
from semiproto.params import Params
from semiproto.steps.models.training import used_precision
from semiproto.steps.planning.footprint import Footprint
from semiproto.steps.planning.trainings import lists_of, phase_of
from semiproto.train.engine import Run, Training, train_step
from semiproto.train.optimizer import make_optimizer

SECONDS = 1.0
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


def seconds_per_step(params: Params, name: str, footprint: Footprint, device: torch.device) -> tuple[float, Trial]:
    """Seconds of a step in one process, from a trial of it; loading is not part of it."""
    torch.set_num_threads(params.compute.threads)
    tried = trial(footprint, params.augment.crop, device, free_memory(device))
    phase = phase_of(params, name).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    precision = used_precision(params.optimizer.precision, device)
    run = Run("", "", 0, 10, 1, 10, Path(), device, [], bfloat16=precision == "bfloat16", tf32=precision == "tf32")
    training = Training(phase, phase, make_optimizer(phase.student, params.optimizer), run)
    batch = _noise(tried, phase.student.mean.shape[1], device)
    batches = [batch] * lists_of(params, name)
    seconds: list[float] = []
    _timed(training, batches, 0)
    while sum(seconds) < SECONDS:
        seconds.append(_timed(training, batches, 1 + len(seconds)))
    return median(seconds) / tried.share, tried


def _noise(tried: Trial, bands: int, device: torch.device) -> Batch:
    shape = (tried.images, bands, tried.crop, tried.crop)
    return torch.randint(256, shape, dtype=torch.uint8).to(device), torch.zeros(shape[0], *shape[2:]).byte().to(device)


def _timed(training: Training, batches: list[Batch], step: int) -> float:
    began = time.perf_counter()
    measured = train_step(training, batches, step)
    float(measured["loss"].detach())  # waits for a GPU
    return time.perf_counter() - began
