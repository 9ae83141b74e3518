"""Holds a command at a chosen file, so that a test can act at that point however busy the machine is.

The command waits just before it renames a finished temporary file to the chosen name (gate_at_file/sitecustomize.py).
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

PATIENCE = 1800
"""Seconds until a wait gives up: many times what a busy machine needs."""


class Gate:
    """A gate at files whose path ends in `file`."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._waiting: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        if self._waiting:
            self._waiting.close()

    def environment(self) -> dict[str, str]:
        """This process's, for commands that wait at the gate."""
        folders = filter(None, [str(Path(__file__).parent / "gate_at_file"), os.environ.get("PYTHONPATH")])
        gate = {"GATE": str(self._listener.getsockname()[1]), "GATE_FILE": self.file}
        return os.environ | gate | {"PYTHONPATH": os.pathsep.join(folders)}

    def wait(self, process: subprocess.Popen[Any]) -> None:
        """Returns once the command waits at the gate. AssertionError, with its output, if it ends before."""
        deadline = time.monotonic() + PATIENCE
        while self._waiting is None:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, f"{self.file}: not reached within {PATIENCE} s"
            try:
                self._waiting, _ = self._listener.accept()
            except TimeoutError:
                continue

    def let_pass(self, process: subprocess.Popen[Any]) -> None:
        """Waits for the command and lets it go on to the next such file."""
        self.wait(process)
        assert self._waiting is not None
        with self._waiting:
            self._waiting.sendall(b".")
        self._waiting = None

    def open(self, process: subprocess.Popen[Any]) -> None:
        """Waits for the command and lets it go on to its end."""
        self.wait(process)
        self._listener.close()
        self.let_pass(process)
