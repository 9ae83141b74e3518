"""What all tests share: Ctrl-C works in the commands that they start, however the tests began; one thread each."""

import os
import signal

import pytest

# A shell has the commands that it starts in the background ignore Ctrl-C, and they hand that on to those they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Asked once, when numpy and torch are loaded: threads that wait for one another keep the cores from other processes.
for library in ("OMP", "OPENBLAS"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def pytest_configure(config: pytest.Config) -> None:
    """Processes take the files in order: those of the pipeline, which last for minutes, before those of seconds."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that export a network come last: after torch's exporter has run, forked processes cannot differentiate,
    as those of tests/unit/processes.py do."""
    items.sort(key=lambda item: item.path.name in ("test_export.py", "test_handing_on.py"))
