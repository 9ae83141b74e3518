"""What all tests share: Ctrl-C works in the commands that they start, however the tests were started."""

import signal

import pytest

# A shell has the commands that it starts in the background ignore Ctrl-C, and they hand that on to those they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Processes take the files in order: those of the pipeline, which last for minutes, before those of seconds."""
    config.option.loadscopereorder = False
