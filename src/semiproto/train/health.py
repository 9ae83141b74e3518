"""The health of a training run: measures besides its loss, and warnings (docs/training.md has the table).

Scalars go to history.csv. Measures with a value per class, prototype or bin go to health.csv, in long form.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

CONFIDENCE_BINS = 10
"""Bins of the teacher's confidence, from 0 to 1."""

PATIENCE, PATIENCE_STEPS = 5, 50
"""Rows of the history (a twentieth of a run) and steps for which something must look wrong before its one warning."""

LOW_COVERAGE, FULL_COVERAGE = 0.01, 0.995
"""Shares of confident pixels: below the first, unlabelled images teach nothing; above the second, wrong labels too."""

VANISHED = 1e-5
"""A class with a smaller share of the confident pixels, or a prototype with a smaller share of members, has none."""

FALLEN_AGREEMENT = 0.1
"""How far the heads' agreement may fall below its best."""

REMEDIES = {
    "low coverage": "under 1 % of the unlabelled pixels are confident; train longer on the labelled images first"
    " (pretrain.steps, semi.supervised_epochs) or lower semi.tau",
    "full coverage": "over 99.5 % of the unlabelled pixels are confident, right or wrong; raise semi.tau or lower"
    " optimizer.lr",
    "class without pseudo-label": "hardly one confident pixel; label images that show it (a lower semi.tau helps only"
    " where coverage is low)",
    "dead prototype": "no pixel of its class is nearest to it, so it stays where it is; lower prototypes.per_class",
    "heads disagree": "the linear and the prototype head agree on fewer and fewer pixels; lower optimizer.lr, or start"
    " from a better network (pretrain.steps)",
}
"""By kind of warning: what it means and what to do."""

Means = dict[str, list[float]]
"""By measure, its mean over the steps of a row: one number, or one per class, prototype or bin."""


@dataclass
class Health:
    """Measures and warnings so far. Plain values only, so that a checkpoint can hold it."""

    rows: list[dict[str, str | float]] = field(default_factory=list)
    """step, measure, name (of the class, prototype or bin), value."""
    warnings: list[str] = field(default_factory=list)
    streaks: dict[str, list[int]] = field(default_factory=dict)
    """By `kind: item`, the steps of the latest consecutive rows in which it looked wrong."""
    said: list[str] = field(default_factory=list)
    """Each `kind: item` that a warning has named."""
    best_agreement: float = 0.0

    def add(self, step: int, means: Means, classes: Sequence[str]) -> list[str]:
        """Adds one row of means; returns the new warnings, one line for each kind."""
        self.note(step, means, classes)
        self.streaks = {one: [*self.streaks.get(one, []), step] for one in self._wrong(means, classes)}
        due = [one for one, steps in self.streaks.items() if one not in self.said and _is_long(steps)]
        self.said += due
        new = []
        for kind in dict.fromkeys(one.split(": ")[0] for one in due):
            items = ", ".join(one.split(": ")[1] for one in due if one.split(": ")[0] == kind)
            new.append(f"step {step}: {kind}{f' ({items})' if items else ''}: {REMEDIES[kind]}")
        self.warnings += new
        return new

    def note(self, step: int, means: Means, classes: Sequence[str]) -> None:
        """Adds the measures with several values to the rows."""
        for measure, values in means.items():
            if len(values) > 1:
                named = zip(names(measure, len(values), classes), values, strict=True)
                self.rows += [{"step": step, "measure": measure, "name": name, "value": v} for name, v in named]

    def _wrong(self, means: Means, classes: Sequence[str]) -> Iterator[str]:
        """Yields `kind: item` for each thing that looks wrong in one row."""
        coverage = means.get("coverage", [0.5])[0]
        if coverage > FULL_COVERAGE:
            yield "full coverage: "
        measures = {"dead prototype": "prototype_use"}
        if coverage < LOW_COVERAGE:
            yield "low coverage: "  # the cause of classes without pseudo-labels, which get no warning of their own
        else:
            measures["class without pseudo-label"] = "pseudo_label_share"
        for kind, measure in measures.items():
            values = means.get(measure, [])
            for name, value in zip(names(measure, len(values), classes), values, strict=True):
                if value < VANISHED:
                    yield f"{kind}: {name}"
        if "agreement" in means:
            self.best_agreement = max(self.best_agreement, means["agreement"][0])
            if means["agreement"][0] < self.best_agreement - FALLEN_AGREEMENT:
                yield "heads disagree: "


def scalars(means: Means) -> dict[str, float]:
    """The measures with one value."""
    return {name: values[0] for name, values in means.items() if len(values) == 1}


def _is_long(steps: list[int]) -> bool:
    return len(steps) >= PATIENCE and steps[-1] - steps[0] >= PATIENCE_STEPS


def names(measure: str, count: int, classes: Sequence[str]) -> list[str]:
    """The name of each value of a measure: a bin, a class, or a prototype of a class (cow/0, cow/1, ...)."""
    if measure == "confidence":
        return [f"{n / count:.1f}-{(n + 1) / count:.1f}" for n in range(count)]
    per_class = count // max(1, len(classes))
    return list(classes) if per_class == 1 else [f"{name}/{k}" for name in classes for k in range(per_class)]


def peak_memory(device: torch.device) -> float:
    """Peak memory of this process in MiB: GPU memory on a GPU, main memory on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
