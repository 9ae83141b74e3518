"""Work on many files, side by side: by processes where Python computes, by threads where libraries do."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import psutil

from semiproto.process.parent import end_with_parent
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
    context = multiprocessing.get_context("spawn")
    # Nor would one see this process end: it holds both ends of their pipe.
    with ProcessPoolExecutor(cores(), context, end_with_parent, (signal.SIGKILL,)) as pool:
        for one in pool.map(work, items, chunksize=32):
            yield one
            progress.update()


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy_seconds() -> float:
    """Seconds that the cores of this process have worked since the machine started, for whatever process."""
    every = dict(enumerate(psutil.cpu_times(percpu=True)))
    mine = os.sched_getaffinity(0) & every.keys() if hasattr(os, "sched_getaffinity") else every
    return sum(_busy(every[core]._asdict()) for core in mine)


def _busy(times: dict[str, float]) -> float:
    """All but waiting; a guest's time is in the user's too."""
    return sum(seconds for kind, seconds in times.items() if kind not in ("idle", "iowait", "guest", "guest_nice"))


class Cores:
    """The cores of this process, of which each piece of work takes some."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.stopped = threading.Event()
        """Set where what has begun need not be finished."""
        self._free, self._turn = threading.Semaphore(count), threading.Lock()

    @contextmanager
    def taken(self, count: int) -> Iterator[None]:
        """Waits until `count` cores are free, and has them while the block lasts."""
        with self._turn:  # one at a time, so that two do not keep from each other what each lacks
            for _ in range(count):
                self._free.acquire()
        try:
            yield
        finally:
            self._free.release(count)

    def mapped(self, work: Callable[[T], R], items: Iterable[tuple[T, float]], most: float) -> Iterator[R]:
        """`work` of every item, in order, by a thread for each core and one that reads or writes beside them.

        items: each with its weight. Of what has begun and was not taken yet, no more than weighs `most`, or one item.
        After an error, or where the caller stops, what has begun is told to stop and waited for; the rest is dropped.
        """
        waiting: deque[tuple[float, Future[R]]] = deque()
        total = 0.0
        threads = ThreadPoolExecutor(self.count + 1)
        try:
            for item, weight in items:
                while waiting and (total + weight > most or waiting[0][1].done()):
                    yield waiting[0][1].result()
                    total -= waiting.popleft()[0]
                waiting.append((weight, threads.submit(work, item)))
                total += weight
            while waiting:
                yield waiting.popleft()[1].result()
        except KeyboardInterrupt:
            print("stops after what has begun", file=sys.stderr, flush=True)
            raise
        finally:
            self.stopped.set()
            threads.shutdown(cancel_futures=True)
