"""What a step has in common with every other: what it is handed, and the receipt of what it wrote.

A step is a function of one `Job`. It writes files below `job.out` and says which; the wrapper keeps the stopwatch and
writes the receipt last, so that an output without a receipt is not finished.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from semiproto.params import ComputeParams, Section
from semiproto.provenance import sources
from semiproto.provenance.artifacts import digests
from semiproto.provenance.receipts import Receipt, input_digests, made_here, write_receipt

C = TypeVar("C", bound=Section)


class Inputs(dict[str, list[Path]]):
    """Folders of other steps, and single files, by what they are to the step; each name may have none or several."""

    def __init__(self, **named: Path | Iterable[Path] | None) -> None:
        super().__init__()
        for name, one in named.items():
            self[name] = [] if one is None else [one] if isinstance(one, Path) else list(one)

    def one(self, name: str) -> Path:
        """The only path of a name."""
        (path,) = self[name]
        return path

    def maybe(self, name: str) -> Path | None:
        """The path of a name that may have none."""
        return self.one(name) if self[name] else None

    def paths(self) -> list[Path]:
        """All paths but those of `unfinished` runs, which have no receipt; each once, in the order of the names."""
        return list(dict.fromkeys(path for name, paths in self.items() if name != "unfinished" for path in paths))


class NoConfig(Section):
    """Of steps that read no parameter."""


@dataclass(frozen=True)
class Job(Generic[C]):
    """What a rule hands to its step."""

    config: C
    """The sections of params.yaml that the step may read."""
    inputs: Inputs
    out: Path
    """The folder, or for the report the file, to write."""
    compute: ComputeParams | None = None
    """This machine. No result depends on it."""
    seed: int | None = None
    checkpoints: Path | None = None
    """Folder of the resume checkpoints of a training."""

    @property
    def machine(self) -> ComputeParams:
        """The machine's settings, of a step that is handed them."""
        assert self.compute is not None
        return self.compute


@dataclass(frozen=True)
class Written:
    """What a step wrote, for its receipt."""

    outputs: Iterable[str]
    """Names of files and folders below the step's folder."""
    records: Iterable[str] = ()
    """Names of files that hold times, which differ between two equal runs."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What is worth knowing of the result: counts, scores."""
    device: str = "cpu"
    seconds: float | None = None
    """What the step took, where it has counted that itself over interruptions."""
    afterwards: Callable[[], None] = lambda: None
    """What is left to do once the receipt is there: before it, an interrupted step must find all that it needs."""


Step = Callable[[Job[C]], Written | None]


def step(work: Step[C]) -> Callable[[Job[C]], None]:
    """Makes a step of a function: its name is the step's, and it returns None in all processes but the first."""
    module = work.__module__.partition(".")[2]

    @functools.wraps(work)
    def run(job: Job[C]) -> None:
        began = time.monotonic()
        # Read before the work, which takes hours: what is named is what was read.
        inputs = {path.as_posix(): input_digests(path) for path in job.inputs.paths()}
        modules = sources.digests(module)
        written = work(job)
        if written is None:
            return
        seconds = time.monotonic() - began if written.seconds is None else written.seconds
        folder = job.out if job.out.is_dir() else job.out.parent
        receipt = Receipt(
            step=work.__name__,
            outputs=digests(folder, written.outputs),
            records=digests(folder, written.records),
            inputs=inputs,
            modules=sources.unchanged(modules),
            config=job.config.tree(),
            seed=job.seed,
            facts=written.facts,
            made=made_here(seconds, written.device),
        )
        write_receipt(job.out, receipt)
        written.afterwards()

    return run
