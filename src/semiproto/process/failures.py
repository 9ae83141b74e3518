"""Which failure of several processes is the cause, and which ones only follow from it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from semiproto.errors import Interrupted, UserError

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

GRACE = 30
"""Seconds from the first failure until torch's launcher kills the processes that its SIGTERM did not end."""

LOST_A_PEER = ("by peer", "by remote peer", "broken pipe", "remote process")
"""What gloo and NCCL say in a process that another one no longer answers."""


class Failure(NamedTuple):
    """How one process ended."""

    number: int
    """From 1."""
    exitcode: int
    """Negative: the signal that ended it."""
    kind: str
    """Class of the exception that it recorded, or empty."""
    message: str
    where: str
    """The traceback."""
    second: int
    """When it failed; of a process that recorded nothing, when the launcher saw it."""


def raise_first(failures: list[tuple[int, ProcessFailure]], count: int) -> NoReturn:
    """Raises the first failure of `count` processes: as UserError or Interrupted where one was raised or a process was
    killed, otherwise as a RuntimeError with the traceback."""
    first = cause([_told(rank, failure) for rank, failure in failures])
    for known in (UserError, Interrupted):
        if first.kind == known.__name__:
            raise known(first.message)
    if first.exitcode < 0:
        how = f"signal {-first.exitcode} ({signal.Signals(-first.exitcode).name})"
        raise UserError(
            f"process {first.number} of {count} was ended by {how}, so the others were stopped; the same command goes"
            " on from the last checkpoint (if memory ran out, see `semiproto plan`, or lower the batch or augment.crop)"
        )
    raise RuntimeError(f"process {first.number} of {count} failed: {first.kind}: {first.message}\n{first.where}")


def cause(failures: list[Failure]) -> Failure:
    """The earliest failure of the likeliest kind: an error of a process's own, a kill from outside, a stop, the rest.

    When a process fails, the launcher sends SIGTERM to the others, and SIGKILL after GRACE. Neither is a cause, and nor
    is an error about a process that is gone. Times are whole seconds: of one second's errors, a UserError comes first.
    """
    in_time = sorted(failures, key=lambda one: (one.second, one.kind != UserError.__name__))
    killed_from = in_time[0].second + GRACE
    return min(in_time, key=lambda one: _rank(one, killed_from))


def _rank(one: Failure, killed_from: int) -> int:
    if one.exitcode < 0:
        by_launcher = one.exitcode == -signal.SIGTERM or (one.exitcode == -signal.SIGKILL and one.second >= killed_from)
        return 3 if by_launcher else 1
    if one.kind == Interrupted.__name__:
        return 2
    lost = not one.kind or any(words in one.message.lower() for words in LOST_A_PEER)
    return 4 if lost else 0


def _told(rank: int, failure: ProcessFailure) -> Failure:
    message: Any = failure.message
    if not isinstance(message, dict):
        return Failure(rank + 1, failure.exitcode, "", str(message), "", failure.timestamp)
    kind, _, text = str(message["message"]).partition(": ")
    where = str(message["extraInfo"]["py_callstack"])
    return Failure(rank + 1, failure.exitcode, kind, text, where, failure.timestamp)
