"""A gate at a file: Python loads this at the start of a process, which then waits before it puts that file into place.

GATE is the port that a test listens on (gates.py), GATE_FILE the end of the file's path. The process calls the port and
goes on when it gets an answer, or when nobody listens any more.
"""

import os
import socket
import sys


def wait(event: str, args: tuple) -> None:
    if event != "os.rename" or not str(args[1]).endswith(os.environ["GATE_FILE"]):
        return
    try:
        with socket.create_connection(("127.0.0.1", int(os.environ["GATE"]))) as gate:
            gate.recv(1)
    except OSError:
        pass


if "GATE" in os.environ:
    sys.addaudithook(wait)
