"""A process ends with the one that called it, whatever ends that one."""

import os
import signal
import subprocess
import sys

import pytest

from semiproto.process import parent

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent ended")

CHILD = """
import os, signal, sys
from semiproto.process.parent import end_with_caller
signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"saved\\n"), sys.exit(3)))  # not `print`, which it may interrupt
end_with_caller()
print("at work", flush=True)
sys.stdin.read()  # as long as the test holds the pipe
"""
CALLER = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], env=os.environ | {"SEMIPROTO_PARENT": str(os.getpid())})
child.wait()
"""


@linux
def test_a_step_saves_its_state_when_its_caller_is_killed():
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", CALLER, CHILD], stdin=pipe, stdout=pipe, text=True) as caller:
        assert caller.stdout.readline() == "at work\n"
        caller.kill()
        assert caller.wait() == -signal.SIGKILL
        assert caller.stdout.read() == "saved\n"  # to the end: the child, too, has gone


def test_a_caller_that_is_gone_already_is_said(monkeypatch):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    monkeypatch.setenv(parent.VARIABLE, str(dead.pid))
    monkeypatch.setattr(parent, "end_with_parent", lambda number: None)  # or pytest would end with its own
    with pytest.raises(SystemExit) as end:
        parent.end_with_caller()
    assert str(end.value) == f"semiproto: process {dead.pid}, which called this command, is gone"


def test_the_caller_is_named_to_one_process_only(monkeypatch):
    """What this process starts in turn has this process for a caller, not the first."""
    asked = []
    monkeypatch.setattr(parent, "end_with_parent", asked.append)
    monkeypatch.setenv(parent.VARIABLE, str(os.getpid()))
    parent.end_with_caller()
    assert asked == [signal.SIGTERM] and parent.VARIABLE not in os.environ


def test_without_a_caller_nothing_is_done(monkeypatch):
    monkeypatch.delenv(parent.VARIABLE, raising=False)
    monkeypatch.setattr(parent, "end_with_parent", lambda number: pytest.fail("there is none to end with"))
    parent.end_with_caller()
