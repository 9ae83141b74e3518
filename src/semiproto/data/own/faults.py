"""A fault of a user's data: which file, what is wrong with it, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from semiproto.errors import UserError


@dataclass(frozen=True)
class Fault:
    """An error stops the pipeline; a warning does not."""

    kind: str
    file: str
    found: str
    remedy: str
    line: int | None = None
    warning: bool = False

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{where}: {self.found}; {self.remedy}"

    def as_json(self) -> dict[str, Any]:
        severity = "warning" if self.warning else "error"
        return {"severity": severity} | {k: v for k, v in vars(self).items() if k != "warning"}


COVERING = {"cuboid", "cuboid_2d", "cuboid_3d", "oriented_bbox", "rotated_bbox"}
"""What tools call shapes that cover pixels and that no reader draws."""


def not_drawn(path: Path, kind: str, shape: str, remedy: str) -> Fault:
    """A shape of a kind that is not drawn: left out where it has no area, else its pixels would be background."""
    if kind in COVERING:
        return Fault("shape", str(path), f"{shape} covers pixels, and is not read", f"{remedy}, or delete it")
    return Fault("no-area", str(path), f"{shape} has no area and is left out", remedy, warning=True)


def unknown_label(file: Path, label: str, remedy: str, line: int | None = None) -> Fault:
    """A tool's label that is no class; remedy: what else may be done than add it."""
    return Fault("label", str(file), f"label {label!r} is not a class", f"add it to dataset.classes{remedy}", line)


def fault_of(kind: str, file: Path, error: UserError, line: int | None = None) -> Fault:
    """The fault in a UserError's `place: found; remedy`."""
    place = f"{file}: " if line is None else f"{file}, line {line}: "
    found, _, remedy = str(error).removeprefix(place).rpartition("; ")
    return Fault(kind, str(file), found, remedy, line)


def worst_first(faults: Iterable[Fault]) -> list[Fault]:
    """Errors before warnings, the most frequent kind first, then by file and line: the same order on every run."""
    every = list(faults)
    count = Counter((fault.warning, fault.kind) for fault in every)
    return sorted(
        every,
        key=lambda fault: (
            fault.warning,
            -count[fault.warning, fault.kind],
            fault.kind,
            fault.file,
            fault.line or 0,
            fault.found,
        ),
    )


def first_of_many(faults: list[Fault], many: int) -> list[Fault]:
    """The faults, or where there are more than `many` the first, which says how many there are."""
    if len(faults) <= many:
        return faults
    return [replace(faults[0], found=f"{faults[0].found} (and so for {len(faults) - 1} more files)")]
