"""The plan of an experiment in lines: steps, arithmetic, memory, disk, hours, and what to change if it does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import psutil
import torch

from semiproto.errors import UserError
from semiproto.params import Params
from semiproto.process import distributed, pool
from semiproto.process.progress import Progress
from semiproto.steps.models.training import used_precision
from semiproto.steps.planning.footprint import Footprint, Step
from semiproto.steps.planning.loading import seconds_of_loading
from semiproto.steps.planning.speed import Speed, seconds_per_step
from semiproto.steps.planning.trainings import Training, kind_of, lists_of, schedule_of, trainings

GIB = 2**30
CARDS = (8, 11, 16, 24, 40, 80)
"""Memory of usual GPUs, GB as they are sold, of which 97 % can be had."""
GPUS = (1, 2, 4, 8)
MODES = {
    ("float32", "none"): (False, False),
    ("bfloat16", "none"): (True, False),
    ("float32", "blocks"): (False, True),
    ("bfloat16", "blocks"): (True, True),
}
"""Precision and checkpointing, in the order in which a step can be measured in them. tf32 takes what float32 takes."""

BUSY = 0.2
"""Cores that other work may use beyond those that are left before a plan says so: a system is never quite idle."""

Modes = dict[tuple[str, str], Footprint]


def needed(tensors: float, device: str = "cuda") -> float:
    """Bytes that a process needs for so many bytes of tensors: CUDA's own and gaps between them; Python on a CPU."""
    return 1.05 * tensors + (2 if device == "cuda" else 0.5) * GIB


def card_for(tensors: float) -> int | None:
    """The smallest usual GPU that holds a step."""
    return next((card for card in CARDS if needed(tensors) <= 0.97 * card * GIB), None)


@dataclass(frozen=True)
class Plan:
    """Of all trainings that params.yaml asks for."""

    params: Params
    device: torch.device
    footprints: dict[str, Modes] = field(default_factory=dict)
    """By kind of step."""
    speeds: dict[str, Speed] = field(default_factory=dict)
    loading: dict[str, float | None] = field(default_factory=dict)
    """Seconds of one process for a step's images; None where these are not there yet."""

    @cached_property
    def trainings(self) -> list[Training]:
        return trainings(self.params)

    def firsts(self) -> dict[str, Training]:
        """By kind of step, the first training of that kind."""
        return {kind_of(self.params, one.name): one for one in reversed(self.trainings)}

    def names(self) -> dict[str, str]:
        """Theirs, by kind of step."""
        return {kind: one.name for kind, one in self.firsts().items()}

    def measure(self) -> None:
        """Counts every kind of step in every mode, and tries each kind on this machine."""
        firsts = self.firsts()
        progress = Progress("plan", len(firsts) * (len(MODES) + 1), "steps counted")
        for kind, training in firsts.items():
            self.footprints[kind] = {}
            step = Step(self.params, training.name)
            for mode, (bfloat16, recompute) in MODES.items():
                self.footprints[kind][mode] = step.footprint(bfloat16=bfloat16, recompute=recompute)
                progress.update()
            self.speeds[kind] = seconds_per_step(self.params, training.name, self._as_asked(kind), self.device)
            self.loading[kind] = seconds_of_loading(self.params, training)
            progress.update()

    def _as_asked(self, kind: str) -> Footprint:
        return self.footprints[kind][self._mode]

    @cached_property
    def _mode(self) -> tuple[str, str]:
        precision = used_precision(self.params.optimizer.precision, self.device)
        return "bfloat16" if precision == "bfloat16" else "float32", self.params.compute.checkpointing

    def processes(self, name: str) -> int:
        """That share the batch of a training here."""
        return distributed.process_count(self.params.compute, schedule_of(self.params, name).at_once)

    @cached_property
    def side_by_side(self) -> int:
        """Trainings that run at once here: one on GPUs, on a CPU as many as have cores."""
        compute = self.params.compute
        return 1 if self.device.type == "cuda" else max(1, pool.cores() // (compute.threads * compute.processes))

    def lines(self) -> Iterator[str]:
        yield from self._of_trainings()
        yield ""
        yield from self._of_memory()
        yield ""
        yield from self._of_all()
        yield from self._remedy()

    def _of_trainings(self) -> Iterator[str]:
        rows = [("training", "split", "runs", "steps", "TFLOP a step", "s a step here", "hours of a run", "images/s")]
        for one in self.trainings:
            kind = kind_of(self.params, one.name)
            seconds, images = self._seconds(one), self._images(one.name)
            flops = self._as_asked(kind).flops / 1e12
            cells = (f"{one.count}", f"{one.steps:,}", number(flops), number(seconds))
            hours = one.steps * self._seconds_with_loading(one) / 3600
            rows.append((one.name, one.split, *cells, number(hours), number(images / seconds)))
        yield from aligned(rows)
        yield "images/s: what the loader has to give, so that no step waits"
        if known := [seconds for seconds in self.loading.values() if seconds is not None]:
            yield f"hours: with loading, which takes one process up to {number(max(known))} s a step"
        for kind, (_, tried, _) in self.speeds.items():
            if tried.share < 1:
                yield (
                    f"{self.names()[kind]}: the seconds are an estimate, from steps of {tried.images} images a list and"
                    f" crops of {tried.crop} pixels"
                )

    def _of_other_work(self) -> Iterator[str]:
        """Where other processes had so many cores that too few were left for a step's threads."""
        others, threads = max(speed.others for speed in self.speeds.values()), self.params.compute.threads
        if others + threads < pool.cores() + BUSY:
            return
        exact = self.device.type == "cpu" and threads == 1
        said = (
            "seconds and hours are those of the processor, and a quiet machine's may be shorter still"
            if exact
            else "seconds and hours are too long; run this again when the machine is quiet"
        )
        yield f"this machine was busy: other work used up to {others:.1f} of its {pool.cores()} cores; {said}"

    def _seconds(self, one: Training) -> float:
        """Of a step without loading."""
        return self.speeds[kind_of(self.params, one.name)].seconds / self.processes(one.name)

    def _seconds_with_loading(self, one: Training) -> float:
        """Without workers a process loads before it computes; with them a step lasts as long as the slower of both."""
        seconds, workers = self._seconds(one), self.params.compute.workers
        loading = (self.loading[kind_of(self.params, one.name)] or 0.0) / self.processes(one.name)
        return max(seconds, loading / workers) if workers else seconds + loading

    def _images(self, name: str) -> int:
        return lists_of(self.params, name) * schedule_of(self.params, name).batch

    def _of_memory(self) -> Iterator[str]:
        yield "GiB of a step on each of 1, 2, 4, 8 GPUs that share its batch, and the smallest card in GB that holds it"
        yield "(with 2 GiB for CUDA and 5 % for gaps; tf32 as float32; -: none of 8, 11, 16, 24, 40, 80)"
        rows = [("training", "precision", "checkpointing", *(f"{count} GPU" + "s" * (count > 1) for count in GPUS))]
        for kind, name in self.names().items():
            batch = schedule_of(self.params, name).batch
            for mode, footprint in self.footprints[kind].items():
                cells = [_cell(footprint, batch / count) if batch % count == 0 else "" for count in GPUS]
                rows.append((name, *mode, *cells))
        yield from aligned(rows)

    def _of_all(self) -> Iterator[str]:
        runs, steps = sum(one.count for one in self.trainings), sum(one.total_steps for one in self.trainings)
        flops = sum(one.total_steps * self._as_asked(kind_of(self.params, one.name)).flops for one in self.trainings)
        hours = (
            sum(one.total_steps * self._seconds_with_loading(one) for one in self.trainings) / 3600 / self.side_by_side
        )
        beside = "one after the other" if self.side_by_side == 1 else f"{self.side_by_side} side by side"
        cost = f"{number(flops / 1e15)} PFLOP, {number(hours)} hours here, {beside}"
        yield f"all {runs} trainings: {steps:,} steps, {cost}"
        yield f"disk: {number(self._disk() / GIB)} GiB of models and checkpoints, beside the set itself"
        if None in self.loading.values():
            yield "loading is not counted, since the set is not there yet: `snakemake --cores 1 stage_data` makes it"
        yield "not counted: validation, evaluation, t-SNE, figures"
        yield from self._of_other_work()

    def _disk(self) -> float:
        """Bytes: the models of all trainings, and two checkpoints of those at work."""
        models = 0.0
        for one in self.trainings:
            weights = self._as_asked(kind_of(self.params, one.name)).weights
            models += one.count * weights * (2 if one.name in self.params.variants else 1)
        return models + 2 * self.side_by_side * max(self._as_asked(kind).fixed for kind in self.footprints)

    def _remedy(self) -> Iterator[str]:
        """Whether the largest step fits this machine, and the line to change where it does not."""
        kind = max(self.footprints, key=lambda kind: self._as_asked(kind).bytes)
        name, total = self.names()[kind], _memory_of(self.device)
        beside = self.side_by_side * (self.processes(name) if self.device.type == "cpu" else 1)
        images = schedule_of(self.params, name).batch / self.processes(name)
        need = {mode: beside * needed(one.bytes_for(images), self.device.type)
                for mode, one in self.footprints[kind].items()}  # fmt: skip
        what = f"memory: {name} needs {need[self._mode] / GIB:.3g} GiB here, of {total / GIB:.3g}"
        if need[self._mode] <= total:
            yield f"{what}: it fits"
            return
        yield f"{what}: it does not fit; {_change(need, total, self._mode)}"


def _cell(footprint: Footprint, images: float) -> str:
    tensors = footprint.bytes_for(images)
    return f"{number(tensors / GIB)} ({card_for(tensors) or '-'})"


def _memory_of(device: torch.device) -> float:
    if device.type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory)
    return float(psutil.virtual_memory().total)


def _change(need: dict[tuple[str, str], float], total: float, now: tuple[str, str]) -> str:
    """The line of params.yaml to change, that with the same result first."""
    fits = [mode for mode in need if need[mode] <= total]
    for mode in ((now[0], "blocks"), ("bfloat16", now[1]), ("bfloat16", "blocks")):
        if mode in fits:
            precision = f"optimizer.precision: {mode[0]}" if mode[0] != now[0] else ""
            blocks = f"compute.checkpointing: {mode[1]}" if mode[1] != now[1] else ""
            return f"set {' and '.join(filter(None, (blocks, precision)))} ({need[mode] / GIB:.3g} GiB)"
    return "share the batch among more GPUs (compute.gpus), or set semi.micro_batch, or lower augment.crop or the batch"


def number(value: float) -> str:
    """Three digits, or all of those before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The rows of a table as lines: the first two columns to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(w) if n < 2 else cell.rjust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))]
        yield "  ".join(cells).rstrip()


def make(params: Params) -> Plan:
    """The plan for this machine; UserError where the network cannot be made or its length is not known."""
    found = Plan(params, distributed.device_of(params.compute))
    if not found.trainings:
        raise UserError("experiments: no runs; add some")
    found.measure()
    return found
