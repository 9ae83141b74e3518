"""A fault at a chosen moment: every process of a run has this module, and it acts in the one that is meant.

The variable FAULT says which (fault_points.py). Nothing is replaced: the process of a step gets a real signal, a real
limit or a really full disk when it opens, renames or makes the file or folder number `at` of those that it writes.
"""

import atexit
import json
import os
import resource
import signal
import sys

plan = json.loads(os.environ["FAULT"])
writes = 0


def fill() -> None:
    """Leaves no byte on the disk."""
    with open(plan["ballast"], "wb", buffering=0) as ballast:  # noqa: PTH123
        for size in (2**20, 2**12, 1):
            try:
                while ballast.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def limit(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))


def memory() -> int:
    """Bytes of address space that the process has."""
    with open("/proc/self/statm") as statm:  # noqa: PTH123
        return int(statm.read().split()[0]) * resource.getpagesize()


ACTIONS = {
    "power cut": lambda: os.killpg(0, signal.SIGKILL),
    "step killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "engine killed": lambda: os.kill(os.getpgrp(), signal.SIGKILL),
    "SIGTERM": lambda: os.kill(os.getpgrp(), signal.SIGTERM),
    "Ctrl-C": lambda: os.killpg(0, signal.SIGINT),
    "disk full": fill,
    "file limit": lambda: limit(resource.RLIMIT_FSIZE, 16),
    "no memory": lambda: limit(resource.RLIMIT_AS, memory()),
}


def is_write(event: str, args: tuple) -> bool:
    if event == "open":
        path, _, flags = args
        return str(path).startswith(plan["below"]) and bool(flags & (os.O_WRONLY | os.O_RDWR))
    return event in ("os.rename", "os.mkdir") and str(args[0]).startswith(plan["below"])


def watch(event: str, args: tuple) -> None:
    global writes
    if event not in ("open", "os.rename", "os.mkdir") or not is_write(event, args):
        return
    writes += 1
    if writes != plan.get("at"):
        return
    plan["at"] = None
    try:
        os.close(os.open(plan["marker"], os.O_CREAT | os.O_EXCL))  # of several processes of a step, one
    except FileExistsError:
        return
    ACTIONS[plan["fault"]]()


def count() -> None:
    """Adds a line with the number of writes."""
    with open(plan["marker"], "a") as file:  # noqa: PTH123
        file.write(f"{sys.orig_argv[3]} {writes}\n")


if plan and sys.orig_argv[1:3] == ["-m", "semiproto"] and plan["step"] in ("any", *sys.orig_argv[3:4]):
    plan["below"] = ("data/", "models/", "results/", "checkpoints/")
    sys.addaudithook(watch)
    if plan["step"] == "any":
        atexit.register(count)
