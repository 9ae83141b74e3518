"""What is measured of a run besides its loss, and what is wrong when it looks wrong (docs/training.md has the table).

Scalars go to history.csv, what has a value per class, prototype or bin to health.csv, in long form.
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
"""Rows of the history (a twentieth of a run), and steps, that something must look wrong before it is said, once."""

LOW_COVERAGE, FULL_COVERAGE = 0.01, 0.995
"""Shares of confident pixels beyond which the unlabelled images teach nothing, or teach anything."""

VANISHED = 1e-5
"""Share of the confident pixels below which a class, and of the members below which a prototype, has none."""

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
    """What was found so far. Plain values, so that a checkpoint can hold it."""

    rows: list[dict[str, str | float]] = field(default_factory=list)
    """step, measure, name (of the class, prototype or bin), value."""
    warnings: list[str] = field(default_factory=list)
    streaks: dict[str, list[int]] = field(default_factory=dict)
    """The steps of the last rows in a row in which something looked wrong, by `kind: item`."""
    said: list[str] = field(default_factory=list)
    """Every `kind: item` that a warning named."""
    best_agreement: float = 0.0

    def add(self, step: int, means: Means, classes: Sequence[str]) -> list[str]:
        """Takes note of one row of means; returns the new warnings, one line for each kind."""
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
        """Adds what has more than one value to the rows."""
        for measure, values in means.items():
            if len(values) > 1:
                named = zip(names(measure, len(values), classes), values, strict=True)
                self.rows += [{"step": step, "measure": measure, "name": name, "value": v} for name, v in named]

    def _wrong(self, means: Means, classes: Sequence[str]) -> Iterator[str]:
        """What looks wrong in one row, as `kind: item`."""
        coverage = means.get("coverage", [0.5])[0]
        if coverage > FULL_COVERAGE:
            yield "full coverage: "
        measures = {"dead prototype": "prototype_use"}
        if coverage < LOW_COVERAGE:
            yield "low coverage: "  # which is why classes get no pseudo-labels
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
    """What is one number."""
    return {name: values[0] for name, values in means.items() if len(values) == 1}


def _is_long(steps: list[int]) -> bool:
    return len(steps) >= PATIENCE and steps[-1] - steps[0] >= PATIENCE_STEPS


def names(measure: str, count: int, classes: Sequence[str]) -> list[str]:
    """What the values of a measure are of: bins, classes, or the prototypes of classes (cow/0, cow/1, ...)."""
    if measure == "confidence":
        return [f"{n / count:.1f}-{(n + 1) / count:.1f}" for n in range(count)]
    per_class = count // max(1, len(classes))
    return list(classes) if per_class == 1 else [f"{name}/{k}" for name in classes for k in range(per_class)]


def peak_memory(device: torch.device) -> float:
    """MiB that this process has held at most: of the GPU's memory, on the CPU of the machine's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
