"""Logs that other programs show while a training runs: TensorBoard's and DVCLive's. Each is off unless it has a folder.

A training tells both the same: `log(step, values, details)`. DVCLive gets the values alone: `dvc exp show` has a column
for each, and details are hundreds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from semiproto.errors import UserError

Log = Callable[[int, Mapping[str, float], Mapping[str, float]], None]
"""Takes a step, its values by name, and the details: values of classes, prototypes and bins."""


@dataclass(frozen=True)
class LogFolders:
    """Where each log goes, in a folder for each run; None: nowhere."""

    tensorboard: Path | None = None
    dvclive: Path | None = None


@contextmanager
def loggers(folders: LogFolders, run: str, start: int) -> Iterator[Log]:
    """Yields a function that writes into all logs that are wanted. start: the steps that the run has done before.

    TensorBoard's files of a resumed run go on at `start`. DVCLive's begin anew: the caller logs the earlier rows again.
    UserError says how to install what is missing.
    """
    place = run.replace(" ", "/")
    with ExitStack() as stack:
        logs = [
            stack.enter_context(opened(folder / place, start))
            for folder, opened in ((folders.tensorboard, _tensorboard), (folders.dvclive, _dvclive))
            if folder is not None
        ]

        def log(step: int, values: Mapping[str, float], details: Mapping[str, float]) -> None:
            for one in logs:
                one(step, values, details)

        yield log


@contextmanager
def _tensorboard(folder: Path, start: int) -> Iterator[Log]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise _missing("tensorboard") from None
    writer = SummaryWriter(folder, purge_step=start + 1)

    def log(step: int, values: Mapping[str, float], details: Mapping[str, float]) -> None:
        if step > start:
            for name, value in {**values, **details}.items():
                writer.add_scalar(name, value, step)

    try:
        yield log
    finally:
        writer.close()


@contextmanager
def _dvclive(folder: Path, start: int) -> Iterator[Log]:
    """Without a report and without an experiment of its own: `dvc exp run` makes one of the whole pipeline."""
    try:
        from dvclive.live import Live
    except ImportError:
        raise _missing("dvclive") from None
    live = Live(str(folder), save_dvc_exp=False, dvcyaml=str(folder / "dvc.yaml"))

    def log(step: int, values: Mapping[str, float], details: Mapping[str, float]) -> None:
        live.step = step
        for name, value in values.items():
            live.log_metric(name, float(value))
        live.sync()  # type: ignore[no-untyped-call]

    try:
        yield log
    finally:
        live.end()  # type: ignore[no-untyped-call]


def _missing(name: str) -> UserError:
    return UserError(
        f"compute.{name}: the package is missing; pip install 'semiproto[{name}]', or set compute.{name} to null"
    )
