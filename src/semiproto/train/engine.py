"""The one training loop. A phase (supervised.py, semi.py) says what a step is; this runs, logs, saves and resumes it.

All that is random in a step comes from (seed, step): an interrupted run goes on to the same weights, bit for bit on a
CPU.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
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
    sums: dict[str, float]
    """Of the logged values of the `counted` steps since the last row."""
    counted: int

    def add(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.counted += 1

    def end_row(self, step: int, lr: float) -> None:
        means = {name: total / self.counted for name, total in self.sums.items()}
        self.history.append({"step": step, "seconds": round(self.seconds, 2), "lr": lr, **means})
        self.sums, self.counted = {}, 0


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
    row_every = max(1, run.steps // LOG_LINES)
    iterators = [iter(loader) for loader in loaders(start)] if start < run.steps else []
    with _stop_signal() as stopped:
        for step in range(start, run.steps):
            began = time.perf_counter()
            factor = lr_factor(step, run.steps, optimizer_params)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            batches = [_to(next(iterator), run.device) for iterator in iterators]
            logged = _train_step(phase, optimizer, batches, run, step)
            result.seconds += time.perf_counter() - began
            result.add(logged)
            if (step + 1) % row_every == 0 or step + 1 == run.steps:
                result.end_row(step + 1, factor * rates[0])
            if _is_due(step + 1, run.steps, run.validations):
                score = 100 * validate(phase.evaluated())
                result.scores.append({"step": step + 1, "miou": score})
            progress.update(extra=f"loss {logged['loss']:.3f}" + _last_score(result))
            if stopped() or ((step + 1) % run.checkpoint_every == 0 and step + 1 < run.steps):
                _save(phase, optimizer, run, step + 1, result)
            if stopped():
                raise Interrupted(f"{run.name}: stopped at step {step + 1}; the same command goes on from there")
    _require_finite(phase, run, run.steps)
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
        raise _diverged(run, step + 1, f"the loss is {values['loss']}")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    phase.after_step(step)
    return values


def _resume(phase: Phase, optimizer: torch.optim.Optimizer, run: Run) -> tuple[Result, int]:
    state = checkpoint.load(run.checkpoints, run.key)
    if state is None:
        return Result([], [], 0.0, {}, 0), 0
    phase.load_state_dict(state["phase"])
    optimizer.load_state_dict(state["optimizer"])
    print(f"{run.name}: goes on at step {state['step']} of {run.steps}", flush=True)
    return Result(**{field.name: state[field.name] for field in fields(Result)}), state["step"]


def _save(phase: Phase, optimizer: torch.optim.Optimizer, run: Run, step: int, result: Result) -> None:
    _require_finite(phase, run, step)
    state: dict[str, Any] = {"step": step, "phase": phase.state_dict(), "optimizer": optimizer.state_dict()}
    checkpoint.save(run.checkpoints, run.key, state | vars(result))


def _require_finite(phase: Phase, run: Run, step: int) -> None:
    """A loss is computed before the step that spoils the weights, so the weights are looked at before they are kept."""
    if not all(bool(value.isfinite().all()) for value in phase.state_dict().values()):
        raise _diverged(run, step, "the loss is about to be nan: a weight is not finite")


def _diverged(run: Run, step: int, what: str) -> UserError:
    return UserError(
        f"{run.name}, step {step}: {what}; the last good state is kept in {run.checkpoints}; lower optimizer.lr (or"
        " raise optimizer.warmup_steps) and run again"
    )


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
