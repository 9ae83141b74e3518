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


FORKS_NO_MORE = ("test_export.py", "test_fake_cuda.py", "test_handing_on.py", "test_same_padding.py", "test_trust.py")
"""Files, besides those of steps/planning, after which forked processes cannot differentiate, as those of
tests/unit/processes.py do: torch's exporter and its pretended GPUs start threads of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests after which no process can be forked come last."""
    items.sort(key=lambda item: item.path.name in FORKS_NO_MORE or item.path.parent.name == "planning")
