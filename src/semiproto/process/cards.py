"""GPUs of this machine, handed out to the runs that are at work side by side: each has its own.

A lock file for each GPU lies in the system's folder for temporary files, so that runs of other folders and other users
are seen too. The system gives a lock back when the last process of its run ends, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
OWN = "SEMIPROTO_GPUS"
"""Environment variable of a process that holds its GPUs, and of those that it starts."""
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_TO_ANSWER = 60.0
"""Of nvidia-smi, which waits for ever on a driver that hangs."""


def visible() -> list[str]:
    """The GPUs that this process may use, by the names that CUDA_VISIBLE_DEVICES takes.

    Empty where nobody can say (no nvidia-smi, or it does not answer), or where a cluster hands them out itself.
    """
    if "SLURM_JOB_ID" in os.environ:
        return []
    if (given := os.environ.get(VISIBLE)) is not None:
        return [name for name in map(str.strip, given.split(",")) if name and name != "-1"]
    return _uuids()


def _uuids() -> list[str]:
    """Of all GPUs of this machine, in the order of their places in it."""
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS_TO_ANSWER)
    except subprocess.TimeoutExpired:
        return []
    return found.stdout.split() if found.returncode == 0 else []


_held = ExitStack()
"""The locks of this process, which are never given back: it may use its GPUs until it ends."""


def hold(count: int, what: str) -> None:
    """Takes `count` GPUs that no other run holds; until its end this process sees them alone, as do those it starts.

    Waits until there are so many, and says so, `what` first. To be called before torch looks for GPUs. Of a process
    that has its GPUs, that sees fewer than `count`, or whose GPUs nobody can count, nothing changes.
    """
    names = visible()
    if OWN in os.environ or not 0 < count <= len(names):
        return
    own = _first_free(names, count, what)
    os.environ[VISIBLE] = os.environ[OWN] = ",".join(own)


def _first_free(names: list[str], count: int, what: str) -> list[str]:
    told = False
    while len(own := _try(names, count)) < count:
        if not told:
            print(f"{what}: waits for {count} of {len(names)} GPUs; other runs hold them", file=sys.stderr, flush=True)
            told = True
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return own


def _try(names: list[str], count: int) -> list[str]:
    """The first `count` free ones, which are held from now on; fewer, and none held, where there are not so many."""
    uuids = _uuids()
    with ExitStack() as locks:
        # One run looks at a time, so that two do not keep from each other what each lacks.
        fcntl.flock(locks.enter_context(_opened("all")), fcntl.LOCK_EX)
        with ExitStack() as found:
            free: list[str] = []
            for name in names:
                if len(free) < count and _locked(found, _card(name, uuids)):
                    free.append(name)
            if len(free) == count:
                _held.push(found.pop_all())
        return free


def _card(name: str, uuids: list[str]) -> str:
    """One name for a GPU that may be called by its number or by its UUID, or the beginning of that."""
    if name.isdecimal():
        return uuids[int(name)] if int(name) < len(uuids) else name
    return next((uuid for uuid in uuids if uuid.startswith(name)), name)


def _locked(found: ExitStack, name: str) -> bool:
    """Whether the lock of a GPU was free; `found` then keeps it."""
    with ExitStack() as own:
        try:
            fcntl.flock(own.enter_context(_opened(name)), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        found.push(own.pop_all())
        return True


@contextmanager
def _opened(name: str) -> Iterator[int]:
    """The lock file of a GPU. It stays for ever, and is only read: another user's can be locked too."""
    path = Path(tempfile.gettempdir()) / f"semiproto-gpu-{name.replace('/', '-')}.lock"
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield handle
    finally:
        os.close(handle)
