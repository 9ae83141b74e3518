"""The one training loop. A phase (supervised.py, semi.py) defines a step; this runs, logs, saves and resumes it.

All randomness of a step comes from (seed, step): an interrupted run goes on to the same weights, bit for bit on a CPU.
Several processes share each batch (distributed.py); all of them run this loop and agree on every decision.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from semiproto.data.loaders import Batch
from semiproto.errors import Interrupted, UserError
from semiproto.model.network import SegmentationNetwork
from semiproto.model.recompute import recompute_blocks
from semiproto.params import OptimizerParams
from semiproto.process import distributed
from semiproto.process.loggers import Log, LogFolders, loggers
from semiproto.process.progress import Progress
from semiproto.provenance.artifacts import write_csv
from semiproto.train import checkpoint
from semiproto.train.health import Health, Means, peak_memory
from semiproto.train.history import Result
from semiproto.train.optimizer import make_optimizer
from semiproto.train.schedule import lr_factor

LOG_LINES = 100
"""Rows of the history of one run."""

Measured = dict[str, Tensor]
"""The measures of a step by name: a scalar, or one value per class, prototype or bin."""


class Phase(nn.Module):
    """A training step. Its submodules hold all state that a checkpoint needs."""

    student: SegmentationNetwork

    def forward(self, batches: list[Batch], draw: torch.Generator, step: int) -> tuple[Tensor, Measured]:
        """The loss to minimise, and the measures of this step. `draw` is the same in all processes."""
        raise NotImplementedError

    def after_step(self, step: int) -> Measured:
        """Called after the optimiser's step; returns more measures of it."""
        return {}

    def networks(self) -> list[SegmentationNetwork]:
        """The networks that a step runs."""
        return [self.student]

    def evaluated(self) -> SegmentationNetwork:
        """The network that is validated."""
        return self.student


@dataclass(frozen=True)
class Run:
    """How a phase is run. `key` identifies the run in its checkpoints; `name` is for people."""

    name: str
    key: str
    seed: int
    steps: int
    validations: int
    checkpoint_every: int
    checkpoints: Path
    device: torch.device
    classes: list[str]
    bfloat16: bool = False
    compile: bool = False
    recompute: bool = False
    logs: LogFolders = field(default_factory=LogFolders)
    tf32: bool = False

    @property
    def precision(self) -> str:
        """The number format of convolutions and matrix products."""
        return "bfloat16" if self.bfloat16 else "tf32" if self.tf32 else "float32"


class Training(NamedTuple):
    """What a step works on. `shared` is the phase as several processes call it: it averages their gradients."""

    phase: Phase
    shared: nn.Module
    optimizer: torch.optim.Optimizer
    run: Run


def fit(
    phase: Phase,
    optimizer_params: OptimizerParams,
    run: Run,
    loaders: Callable[[int], list[DataLoader[Batch]]],
    validate: Callable[[SegmentationNetwork], Means],
) -> Result:
    """Trains `phase` to the end, from its checkpoint where there is one.

    loaders(start) gives the loaders of this process's share of the batches from step `start` on; validate gives the
    measures of a network. Raises UserError when a loss is not finite, and Interrupted after SIGINT, SIGTERM or SIGHUP;
    either way the checkpoint keeps the last good state.
    """
    phase.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    training = Training(
        phase, distributed.wrap(phase, run.device), make_optimizer(phase.student, optimizer_params), run
    )
    rates = [group["lr"] for group in training.optimizer.param_groups]
    result, start = _resume(training)
    _prepare(phase, run)
    progress = Progress(run.name, run.steps, "steps", done=start)
    row_every = max(1, run.steps // LOG_LINES)
    folders = run.logs if distributed.rank() == 0 else LogFolders()
    with (
        _stop_signal() as stopped,
        loggers(folders, run.name, start) as log,
        checkpoint.Writer(run.checkpoints, run.key) as writer,
    ):
        _log_again(log, result)
        iterators: list[Iterator[Batch]] = [iter(loader) for loader in loaders(start)] if start < run.steps else []
        for step in range(start, run.steps):
            factor = lr_factor(step, run.steps, optimizer_params)
            for group, rate in zip(training.optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            values, stop = _timed_step(training, iterators, step, stopped)
            result.seconds += values["step_seconds"][0]
            result.add(values)
            if (step + 1) % row_every == 0 or step + 1 == run.steps:
                lr = factor * optimizer_params.lr
                for line in result.end_row(step + 1, lr, peak_memory(run.device), run.classes):
                    print(f"{run.name}: warning: {line}", flush=True)
                _log_row(log, result)
                write_tables(run.checkpoints, result.tables())  # so that a run in trouble can be inspected early
            if _is_due(step + 1, run.steps, run.validations):
                result.validated(step + 1, validate(phase.evaluated()), run.classes)
                _log_score(log, result.scores[-1])
            progress.update(extra=_speed(values) + _last_score(result))
            writer.check()
            if stop or ((step + 1) % run.checkpoint_every == 0 and step + 1 < run.steps):
                _save(training, step + 1, result, writer)
            if stop:
                writer.wait()
                raise Interrupted(f"{run.name}: stopped at step {step + 1}; the same command goes on from there")
    _require_finite(phase, run, run.steps)
    return result


def _prepare(phase: Phase, run: Run) -> None:
    """Sets up how a step is computed: on CUDA, float32 is IEEE's unless TF32 was asked for."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = run.tf32
    if run.recompute and recompute_blocks(phase.student) == 0:
        raise UserError("compute.checkpointing: blocks, and this network has none that are repeated; set it to none")
    for network in phase.networks() if run.compile else ():
        network.compile()


def _timed_step(
    training: Training, iterators: list[Iterator[Batch]], step: int, stopped: Callable[[], bool]
) -> tuple[Means, bool]:
    """One step, its measures, averaged over processes, and whether one of them was told to stop."""
    run = training.run
    began = time.perf_counter()
    batches = [_to(next(iterator), run.device) for iterator in iterators]
    waited = time.perf_counter() - began
    measured = train_step(training, batches, step)
    *flat, stop = _agreed([*measured.values(), torch.full((), float(stopped()), device=run.device)])
    values: Means = dict(zip(measured, flat, strict=True))
    if not math.isfinite(values["loss"][0]):
        raise _diverged(run, step + 1, f"the loss is {values['loss'][0]}")
    images = distributed.world() * sum(len(images) for images, _ in batches)
    seconds = time.perf_counter() - began
    speed = {"images_per_second": [images / seconds], "data_wait": [waited / seconds], "step_seconds": [seconds]}
    return values | speed, stop[0] > 0


def train_step(training: Training, batches: list[Batch], step: int) -> Measured:
    """Forward, backward and the optimiser's step on batches that are on the run's device; the measures of the step."""
    phase, shared, optimizer, run = training
    seeds = np.random.SeedSequence([run.seed, step]).generate_state(2)
    torch.manual_seed(int(seeds[0]) + distributed.rank())  # dropout: the one thing that each process draws for itself
    draw = torch.Generator().manual_seed(int(seeds[1]))
    phase.train()
    with torch.autocast(run.device.type, torch.bfloat16, enabled=run.bfloat16):
        loss, measured = shared(batches, draw, step)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return {"loss": loss, **measured, **phase.after_step(step)}


def _agreed(tensors: list[Tensor]) -> list[list[float]]:
    """Means over processes as plain numbers: one exchange and one copy from the device for all of them."""
    flat = distributed.mean(torch.cat([tensor.detach().float().flatten() for tensor in tensors]))
    parts = torch.split(flat.cpu(), [tensor.numel() for tensor in tensors])
    return [part.tolist() for part in parts]


def _resume(training: Training) -> tuple[Result, int]:
    """What the run has seen so far and its next step; phase and optimiser are restored from the checkpoint."""
    run = training.run
    state = checkpoint.load(run.checkpoints, run.key)
    start = 0 if state is None else int(state["step"])
    starts = distributed.gather(torch.tensor([start], device=run.device)).tolist()
    if len(set(starts)) > 1:
        raise UserError(
            f"{run.checkpoints}: the processes found checkpoints of different steps {starts}; let all of them see the"
            " same folder"
        )
    if state is None:
        return Result(), 0
    training.phase.load_state_dict(state["phase"])
    training.optimizer.load_state_dict(state["optimizer"])
    print(f"{run.name}: goes on at step {start} of {run.steps}", flush=True)
    found = state["result"]
    return Result(**found | {"health": Health(**found["health"])}), start


def _save(training: Training, step: int, result: Result, writer: checkpoint.Writer) -> None:
    phase, _, optimizer, run = training
    _require_finite(phase, run, step)
    if distributed.rank() == 0:
        state: dict[str, Any] = {"step": step, "phase": phase.state_dict(), "optimizer": optimizer.state_dict()}
        writer.save(state | {"result": asdict(result)})


def write_tables(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Writes each table as a CSV file of its name; of several processes, the first does."""
    for name, table in tables.items() if distributed.rank() == 0 else ():
        write_csv(folder / name, table)


def _require_finite(phase: Phase, run: Run, step: int) -> None:
    """Checks the weights before they are kept: the loss of a step cannot show that the step spoiled them."""
    if not all(bool(value.isfinite().all()) for value in phase.state_dict().values()):
        raise _diverged(run, step, "the loss is about to be nan: a weight is not finite")


def _diverged(run: Run, step: int, what: str) -> UserError:
    saved = step > run.checkpoint_every or (run.checkpoints / checkpoint.LATEST).exists()  # or is being written
    kept = f"the last good state is kept in {run.checkpoints}" if saved else "no state was saved yet"
    return UserError(
        f"{run.name}, step {step}: {what}; {kept}; lower optimizer.lr (or raise optimizer.warmup_steps) and run again"
    )


def _is_due(step: int, steps: int, times: int) -> bool:
    """Whether this step has one of `times` events that are spread evenly over the steps, the last at the end."""
    return step * times // steps > (step - 1) * times // steps


def _speed(values: Means) -> str:
    wait = 100 * values["data_wait"][0]
    return f"loss {values['loss'][0]:.3f}, {values['images_per_second'][0]:.3g} images/s, {wait:.0f} % waiting for data"


def _last_score(result: Result) -> str:
    return f", mIoU {result.scores[-1]['miou']:.1f}" if result.scores else ""


def _to(batch: Batch, device: torch.device) -> Batch:
    images, labels = batch
    return images.to(device, non_blocking=True), labels.to(device, non_blocking=True)


@contextmanager
def _stop_signal() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether SIGINT, SIGTERM or SIGHUP came: the loop saves before it stops."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _log_row(log: Log, result: Result) -> None:
    """Logs the newest row of the history, with the rows of the health that were added with it, the last ones."""
    step = result.history[-1]["step"]
    newest = takewhile(lambda one: one["step"] == step, reversed(result.health.rows))
    details = {f"{one['measure']}/{one['name']}": float(one["value"]) for one in newest}
    log(int(step), _values(result.history[-1], result.machine[-1]), details)


def _values(*rows: dict[str, float]) -> dict[str, float]:
    """What rows of one step say, but for the step."""
    return {name: value for row in rows for name, value in row.items() if name != "step"}


def _log_score(log: Log, score: dict[str, float]) -> None:
    """Logs the measures of a validation."""
    log(int(score["step"]), {f"validation/{name}": value for name, value in _values(score).items()}, {})


def _log_again(log: Log, result: Result) -> None:
    """Logs what a run saw before it was interrupted, without details: TensorBoard's files have them."""
    for history, machine in zip(result.history, result.machine, strict=True):
        log(int(history["step"]), _values(history, machine), {})
    for score in result.scores:
        _log_score(log, score)
