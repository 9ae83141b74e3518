"""Work on many files, by as many processes as there are cores where that is worth it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from semiproto.process.progress import Progress

T = TypeVar("T")
R = TypeVar("R")

WORTH_PROCESSES = 200
"""Number of items from which worker processes save more time than they cost to start."""


def mapped(work: Callable[[T], R], items: Sequence[T], progress: Progress) -> Iterator[R]:
    """`work` of every item, in order. It is passed to other processes, so it must be a function of a module."""
    if len(items) < WORTH_PROCESSES:
        for item in items:
            yield work(item)
            progress.update()
        return
    # Spawned, since a forked copy of a process with threads (torch's, in a test or a notebook) may hang.
    with ProcessPoolExecutor(cores(), multiprocessing.get_context("spawn")) as pool:
        for one in pool.map(work, items, chunksize=32):
            yield one
            progress.update()


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
