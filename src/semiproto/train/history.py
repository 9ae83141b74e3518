"""What a training run has seen so far: the rows of its history, its validation scores and its health."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from semiproto.train.health import Health, Means, scalars

SPEED = ("images_per_second", "data_wait", "step_seconds")
"""Measures of the machine that ran a step. Two equal runs differ in them, and in no other measure."""


@dataclass
class Result:
    """Plain values only, so that a checkpoint can hold it."""

    history: list[dict[str, float]] = field(default_factory=list)
    """Rows of step, lr and the mean of each measure since the row before."""
    machine: list[dict[str, float]] = field(default_factory=list)
    """Rows of step, seconds, the means of SPEED and peak memory (MiB), as many as the history has."""
    scores: list[dict[str, float]] = field(default_factory=list)
    """Rows of step and the scalar measures of one validation; scores in percent."""
    health: Health = field(default_factory=Health)
    seconds: float = 0.0
    """Time spent in steps, without interruptions and validation."""
    sums: Means = field(default_factory=dict)
    """By measure, the sum over the steps since the last row."""
    counts: dict[str, int] = field(default_factory=dict)
    """By measure, the number of steps in that sum: not every step has every measure."""

    def add(self, values: Means) -> None:
        """Adds the measures of one step to the sums."""
        for name, ones in values.items():
            before = self.sums.get(name, [0.0] * len(ones))
            self.sums[name] = [one + other for one, other in zip(before, ones, strict=True)]
            self.counts[name] = self.counts.get(name, 0) + 1

    def end_row(self, step: int, lr: float, memory: float, classes: list[str]) -> list[str]:
        """Turns the sums into a row of the history; returns new warnings. memory: peak, MiB."""
        means = {name: [value / self.counts[name] for value in total] for name, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        values = scalars(means)
        speed = {name: values.pop(name) for name in SPEED if name in values}
        self.history.append({"step": step, "lr": lr, **values})
        self.machine.append({"step": step, "seconds": round(self.seconds, 2), **speed, "memory_mib": round(memory)})
        return self.health.add(step, means, classes)

    def validated(self, step: int, found: Means, classes: list[str]) -> None:
        """Adds the measures of one validation."""
        self.scores.append({"step": step, **scalars(found)})
        self.health.note(step, found, classes)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables of a run by file name."""
        return {
            "history.csv": pd.DataFrame(self.history),
            "machine.csv": pd.DataFrame(self.machine),
            "health.csv": pd.DataFrame(self.health.rows, columns=["step", "measure", "name", "value"]),
        }
