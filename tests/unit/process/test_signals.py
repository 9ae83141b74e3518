"""Snakemake's scheduler takes a signal while it holds its own lock, as it does when it chooses jobs."""

import signal
import threading

from gates import PATIENCE
from snakemake.scheduling.job_scheduler import JobScheduler

from semiproto.process import signals


def test_a_signal_is_taken_while_the_lock_is_held(monkeypatch):
    monkeypatch.setattr(JobScheduler, "exit_gracefully", JobScheduler.exit_gracefully)  # undone at the end
    signals.take_the_lock_in_another_thread()
    scheduler = object.__new__(JobScheduler)
    scheduler._lock, scheduler._open_jobs, scheduler._user_kill = threading.Lock(), threading.Semaphore(0), None
    before = signal.signal(signal.SIGTERM, scheduler.exit_gracefully)  # as its constructor does
    try:
        with scheduler._lock:
            signal.raise_signal(signal.SIGTERM)
            assert scheduler._user_kill is None
        assert scheduler._open_jobs.acquire(timeout=PATIENCE) and scheduler._user_kill == "graceful"
    finally:
        signal.signal(signal.SIGTERM, before)
