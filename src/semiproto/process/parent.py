"""Processes end with the one that started them. Orphans would write into the outputs of the next run."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys

VARIABLE = "SEMIPROTO_PARENT"
"""Environment variable with the id of the process to end with; rules set it."""


def end_with_parent(number: signal.Signals) -> None:
    """On Linux, has the system send this process `number` when its parent ends."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, number)
    if (parent := multiprocessing.parent_process()) is not None and not parent.is_alive():
        os.kill(os.getpid(), number)  # it ended before the call above took effect


def end_with_caller() -> None:
    """Ends this process with the one that the environment names, with SIGTERM: a training then saves its state."""
    caller = os.environ.pop(VARIABLE, None)  # not for processes that this one starts
    if caller is None:
        return
    end_with_parent(signal.SIGTERM)
    try:
        os.kill(int(caller), 0)
    except ProcessLookupError:  # it ended before the call above took effect
        raise SystemExit(f"semiproto: process {caller}, which called this command, is gone") from None


def end_children() -> None:
    """Ends what multiprocessing started here and is left: a loader's workers ignore SIGTERM, and Python would wait for
    them for ever."""
    if children := multiprocessing.active_children():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler would report their end as a fault
        for child in children:
            child.kill()
