"""The one training loop. A phase (supervised.py, semi.py) says what a step is; this runs, logs, saves and resumes it.

All that is random in a step comes from (seed, step): an interrupted run goes on to the same weights, bit for bit on a
CPU.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from semiproto.data.loaders import Batch
from semiproto.errors import Interrupted, UserError
from semiproto.model.deeplab import DeepLab
from semiproto.params import Optimizer
from semiproto.progress import Progress
from semiproto.train import checkpoint
from semiproto.train.schedule import lr_factor

LOG_LINES = 100
"""Rows of the history of one run."""


class Phase(nn.Module):
    """What a training step is. Submodules hold all state that a checkpoint needs."""

    student: DeepLab

    def loss(self, batches: list[Batch], draw: torch.Generator, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss to minimise, and what to log of this step."""
        raise NotImplementedError

    def after_step(self, step: int) -> None:
        """Called after the optimiser's step."""

    def evaluated(self) -> DeepLab:
        """The network that validation looks at."""
        return self.student


@dataclass(frozen=True)
class Run:
    """How a phase is run: `key` identifies it, `name` is for people."""

    name: str
    key: str
    seed: int
    steps: int
    validations: int
    checkpoint_every: int
    checkpoints: Path
    device: torch.device


@dataclass
class Result:
    history: list[dict[str, float]]
    """Rows of step, seconds, lr and the mean of what the phase logged since the row before."""
    scores: list[dict[str, float]]
    """Rows of step and validation mIoU (percent)."""
    seconds: float
    """Spent in steps, interruptions and validation left out."""


def fit(
    phase: Phase,
    optimizer_params: Optimizer,
    run: Run,
    loaders: Callable[[int], list[DataLoader[Batch]]],
    validate: Callable[[DeepLab], float],
) -> Result:
    """Trains `phase` to the end, from its checkpoint where there is one.

    loaders(start) gives the loaders of the batches from step `start` on. Raises UserError when a loss is not finite
    and Interrupted after SIGINT or SIGTERM; either way the last good state stays in the checkpoint.
    """
    phase.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = make_optimizer(phase.student, optimizer_params)
    rates = [group["lr"] for group in optimizer.param_groups]
    result, start = _resume(phase, optimizer, run)
    progress = Progress(run.name, run.steps, "steps", done=start)
    log = _Log(max(1, run.steps // LOG_LINES))
    iterators = [iter(loader) for loader in loaders(start)] if start < run.steps else []
    with _stop_signal() as stopped:
        for step in range(start, run.steps):
            watch = _Clock()
            factor = lr_factor(step, run.steps, optimizer_params)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            batches = [_to(next(iterator), run.device) for iterator in iterators]
            logged = _train_step(phase, optimizer, batches, run, step)
            result.seconds += watch.seconds()
            log.add(logged)
            if log.due(step + 1, run.steps):
                result.history.append(log.row(step + 1, result.seconds, factor * rates[0]))
            if _is_due(step + 1, run.steps, run.validations):
                score = 100 * validate(phase.evaluated())
                result.scores.append({"step": step + 1, "miou": score})
            progress.update(extra=f"loss {logged['loss']:.3f}" + _last_score(result))
            if stopped() or ((step + 1) % run.checkpoint_every == 0 and step + 1 < run.steps):
                _save(phase, optimizer, run, step + 1, result, log)
            if stopped():
                raise Interrupted(f"{run.name}: stopped at step {step + 1}; the same command goes on from there")
    return result


def make_optimizer(student: DeepLab, params: Optimizer) -> torch.optim.SGD:
    groups = student.parameter_groups(params.lr, params.head_lr_factor)
    return torch.optim.SGD(groups, lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay, fused=True)


def _train_step(
    phase: Phase, optimizer: torch.optim.Optimizer, batches: list[Batch], run: Run, step: int
) -> dict[str, float]:
    seeds = np.random.SeedSequence([run.seed, step]).generate_state(2)
    torch.manual_seed(int(seeds[0]))  # dropout
    draw = torch.Generator().manual_seed(int(seeds[1]))
    phase.train()
    loss, logged = phase.loss(batches, draw, step)
    values = {name: float(value.detach()) for name, value in {"loss": loss, **logged}.items()}
    if not math.isfinite(values["loss"]):
        raise UserError(
            f"{run.name}, step {step + 1}: the loss is {values['loss']}; the last good state is kept in"
            f" {run.checkpoints}; lower optimizer.lr (or raise optimizer.warmup_steps) and run again"
        )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    phase.after_step(step)
    return values


def _resume(phase: Phase, optimizer: torch.optim.Optimizer, run: Run) -> tuple[Result, int]:
    state = checkpoint.load(run.checkpoints, run.key)
    if state is None:
        return Result([], [], 0.0), 0
    phase.load_state_dict(state["phase"])
    optimizer.load_state_dict(state["optimizer"])
    print(f"{run.name}: goes on at step {state['step']} of {run.steps}", flush=True)
    return Result(state["history"], state["scores"], state["seconds"]), state["step"]


def _save(phase: Phase, optimizer: torch.optim.Optimizer, run: Run, step: int, result: Result, log: _Log) -> None:
    state: dict[str, Any] = {"step": step, "phase": phase.state_dict(), "optimizer": optimizer.state_dict()}
    checkpoint.save(run.checkpoints, run.key, state | vars(result))


class _Log:
    """Means of the logged values since the last row."""

    def __init__(self, every: int) -> None:
        self.every, self._sums, self._count = every, dict[str, float](), 0

    def add(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def due(self, step: int, steps: int) -> bool:
        return step % self.every == 0 or step == steps

    def row(self, step: int, seconds: float, lr: float) -> dict[str, float]:
        means = {name: total / self._count for name, total in self._sums.items()}
        self._sums, self._count = {}, 0
        return {"step": step, "seconds": round(seconds, 2), "lr": lr, **means}


class _Clock:
    def __init__(self) -> None:
        import time

        self._now = time.perf_counter
        self._start = self._now()

    def seconds(self) -> float:
        return self._now() - self._start


def _is_due(step: int, steps: int, times: int) -> bool:
    """Whether one of `times` events spread evenly over the steps, the last at the end, falls on this step."""
    return step * times // steps > (step - 1) * times // steps


def _last_score(result: Result) -> str:
    return f", mIoU {result.scores[-1]['miou']:.1f}" if result.scores else ""


def _to(batch: Batch, device: torch.device) -> Batch:
    images, labels = batch
    return images.to(device, non_blocking=True), labels.to(device, non_blocking=True)


@contextmanager
def _stop_signal() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether SIGINT or SIGTERM came: the loop ends its step and saves before it stops."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
