"""Makes SIGTERM end Snakemake at any time, without a deadlock.

Snakemake 9.27 handles SIGTERM in its main thread by taking its scheduler's lock. While it chooses the next jobs that
thread already holds the lock, which cannot be taken twice: it then hangs, and only SIGKILL helps.
"""

from __future__ import annotations

import threading
from typing import Any

from snakemake.scheduling.job_scheduler import JobScheduler

_handle = JobScheduler.exit_gracefully


def take_the_lock_in_another_thread() -> None:
    """Has Snakemake's handler wait for the lock beside the main thread, which goes on and frees it."""
    JobScheduler.exit_gracefully = _in_a_thread


def _in_a_thread(scheduler: JobScheduler, *signal: Any) -> None:
    threading.Thread(target=_handle, args=(scheduler, *signal), daemon=True).start()
