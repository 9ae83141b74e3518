"""What killed processes leave behind in a checkout: Snakemake's locks, DVC's, and half-written files.

Snakemake's lock files name files, not who holds them. So the Snakefile records who runs it (`record_holder`). Processes
that work in this folder are searched for too, because killing Snakemake does not end its steps.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from semiproto.errors import UserError
from semiproto.paths import HOLDER, WRITTEN
from semiproto.provenance.artifacts import HOST, write_json

SNAKEMAKE_LOCKS = Path(".snakemake/locks")
DVC_LOCKS = Path(".dvc/tmp/rwlock")
LEFTOVER = re.compile(r"\..+\.(?:([0-9a-f]{4})-)?(\d+)\.tmp")
"""Names of unfinished files of artifacts.atomic_write and atomic_directory, with machine and process; those of earlier
versions have no machine."""


@dataclass(frozen=True)
class Holder:
    """Who runs Snakemake in a checkout."""

    pid: int
    host: str
    since: str
    """ISO 8601, local time."""


def record_holder(root: Path) -> None:
    """Records that this process runs Snakemake in `root`."""
    since = time.strftime("%Y-%m-%dT%H:%M:%S")
    write_json(root / HOLDER, asdict(Holder(os.getpid(), socket.gethostname(), since)))


def holder(root: Path) -> Holder | None:
    """Who ran Snakemake last in `root`; None when nobody is known."""
    try:
        return Holder(**json.loads((root / HOLDER).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def at_work(root: Path) -> list[psutil.Process]:
    """Live processes of this machine that run snakemake, dvc or semiproto in the folder `root`, oldest first.

    This process and those that started it are left out.
    """
    own = {os.getpid(), *(process.pid for process in psutil.Process().parents())}
    found = [process for process in psutil.process_iter() if process.pid not in own and _works_in(process, root)]
    return sorted(found, key=lambda process: process.create_time())


def _works_in(process: psutil.Process, root: Path) -> bool:
    try:
        words = _words(process)
        ours = words[:1] != [] and words[0].startswith("python") and {"snakemake", "dvc", "semiproto"} & set(words)
        return bool(ours) and "daemon" not in words and Path(process.cwd()) == root.resolve()
    except psutil.Error:
        return False


def unlock(root: Path) -> Iterator[str]:
    """Removes locks and half-written files whose owners are dead; yields a line for each.

    UserError when somebody is at work in `root`, or when its locks are another machine's.
    """
    if busy := at_work(root):
        # All of them: dvc leaves Snakemake running, and Snakemake waits for its steps.
        who, pids = "; ".join(map(_described, busy)), " ".join(str(process.pid) for process in busy)
        raise UserError(f"{root.resolve()}: at work: {who}; wait, or stop it with `kill {pids}`")
    found = [*_snakemake(root), *_dvc(root), *_leftovers(root)]
    yield from found
    yield "now: snakemake --cores all --rerun-incomplete" if found else "nothing is locked, and nothing was left behind"


def hint(root: Path) -> str:
    """A line on who holds Snakemake's locks in `root` and what to do; empty when nothing is locked."""
    if not any((root / SNAKEMAKE_LOCKS).glob("*.lock")):
        return ""
    if busy := at_work(root):
        return f"{root.resolve()}: locked, at work: {'; '.join(map(_described, busy))}; wait until it has ended"
    return f"{root.resolve()}: locked by a process that is gone; `semiproto unlock`, then the same command"


def _described(process: psutil.Process) -> str:
    since = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(process.create_time()))
    return f"pid {process.pid} since {since} ({' '.join(_words(process))[:60]})"


def _words(process: psutil.Process) -> list[str]:
    """How its command line begins, without folders: enough to say what it runs."""
    return [Path(word).name for word in process.cmdline()[:4]]


def _snakemake(root: Path) -> Iterator[str]:
    locks = sorted((root / SNAKEMAKE_LOCKS).glob("*.lock"))
    if not locks:
        return
    owner = holder(root)
    if owner is not None and owner.host != socket.gethostname():
        raise UserError(
            f"{root / SNAKEMAKE_LOCKS}: held by pid {owner.pid} on {owner.host} since {owner.since}, not visible from"
            " here; run `semiproto unlock` there, or, if that machine is gone, `snakemake --unlock`"
        )
    files = sum(len(lock.read_text(encoding="utf-8").splitlines()) for lock in locks)
    who = "a process that is gone" if owner is None else f"pid {owner.pid} on {owner.host}, dead, since {owner.since}"
    shutil.rmtree(root / SNAKEMAKE_LOCKS)
    yield f"{root / SNAKEMAKE_LOCKS}: {files} files were locked by {who}; removed"


def _dvc(root: Path) -> Iterator[str]:
    """DVC itself ignores dead owners, but not a file that a power cut left empty."""
    path = root / DVC_LOCKS
    try:
        owners = _dvc_owners(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return
    except (ValueError, AttributeError, TypeError, KeyError):
        path.unlink()
        yield f"{path}: damaged; removed"
        return
    if owners:
        path.unlink()
        yield f"{path}: held by {', '.join(owners)}, dead; removed"


def _dvc_owners(locks: dict[str, Any]) -> list[str]:
    """Who holds the locks; nobody where DVC has given all of them back, which it does without removing the file."""
    entries = [*locks.get("write", {}).values(), *(one for many in locks.get("read", {}).values() for one in many)]
    return sorted({f"pid {entry['pid']} ({entry['cmd'][:60]})" for entry in entries})


def _leftovers(root: Path) -> Iterator[str]:
    """Half-written files and folders whose writers are gone."""
    for name in WRITTEN:
        for path in sorted((root / name).rglob(".*.tmp")):
            match = LEFTOVER.fullmatch(path.name)
            if match and match[1] not in (None, HOST):
                yield f"{path}: half-written on another machine; `semiproto unlock` there removes it"
            elif match and not psutil.pid_exists(int(match[2])):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                yield f"{path}: half-written by pid {match[2]}, which is gone; removed"
