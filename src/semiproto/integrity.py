"""Whether what lies in the folders is what the receipts there say: looked at before every run.

Snakemake goes by times, and looks into neither big files nor folders; DVC would version whatever it finds. So a file
that was damaged, edited or swapped with another would be used as if it were the one that was made.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path

from semiproto.artifacts import (
    input_digests,
    read_receipt,
    receipt_file,
    sha256_file,
    sha256_text,
    sha256_tree,
    write_json,
)
from semiproto.errors import UserError

CLOCK_SKEW = 60.0
"""Seconds by which machines that share a disk may differ."""


def check(artefacts: Iterable[Path], memory: Path) -> None:
    """UserError names the first artefact whose files, or whose inputs, are not those of its receipt.

    artefacts: folders, or single files. Those without a receipt are passed over: they are made again. memory: a file
    that keeps digests, so that only what changed since the last check is read.
    """
    digests = _Digests(memory)
    for artefact in artefacts:
        if receipt_file(artefact).exists():
            _check_files(artefact, digests)
            _check_inputs(artefact)
    digests.keep()


def check_clock(artefacts: Iterable[Path]) -> None:
    """UserError names the first artefact that was made in the future: Snakemake would fail after the next job, whose
    output is older than its inputs, and remove it."""
    for path in map(receipt_file, artefacts):
        if path.exists() and path.stat().st_mtime > time.time() + CLOCK_SKEW:
            made = time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))
            raise UserError(
                f"{path}: made in the future, {made}: the clock was set back; set it right, or run"
                " `find data models results -newermt now -exec touch {} +` and the same command again"
            )


def _check_files(artefact: Path, digests: _Digests) -> None:
    receipt = read_receipt(artefact)
    for name, digest in (receipt["outputs"] | receipt["records"]).items():
        path = receipt_file(artefact).parent / name
        if path.exists() and digests.of(path) != digest:
            raise UserError(
                f"{path}: not what was written there, says {receipt_file(artefact)} (another sha256); delete {artefact}"
                " and run the same command again"
            )


def _check_inputs(artefact: Path) -> None:
    """Inputs that look newer than the artefact are Snakemake's to compare; not so those that look older."""
    receipt = read_receipt(artefact)
    files = [receipt_file(artefact), *(receipt_file(artefact).parent / name for name in receipt["outputs"])]
    made = min(path.stat().st_mtime_ns for path in files if path.exists())
    for name, digests in receipt["inputs"].items():
        source = Path(name) if Path(name).is_file() else receipt_file(Path(name))
        if source.exists() and source.stat().st_mtime_ns <= made and input_digests(Path(name)) != digests:
            raise UserError(
                f"{artefact}: made from another {name} than the one there, which is older; delete {artefact} and run"
                " the same command again"
            )


class _Digests:
    """sha256 of files and trees, computed once for each state of them."""

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        try:
            self.before: dict[str, list[str]] = json.loads(memory.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.before = {}
        self.now: dict[str, list[str]] = {}

    def of(self, path: Path) -> str:
        state = _state(path)
        known = self.before.get(path.as_posix(), ["", ""])
        digest = known[1] if known[0] == state else sha256_tree(path) if path.is_dir() else sha256_file(path)
        self.now[path.as_posix()] = [state, digest]
        return digest

    def keep(self) -> None:
        if self.now != self.before:
            write_json(self.memory, self.now)


def _state(path: Path) -> str:
    """What changes when a file or one below a folder does: its place on the disk, its size and its times."""
    files = sorted(file for file in path.rglob("*") if file.name[0] != ".") if path.is_dir() else [path]
    stats = ((file, file.stat()) for file in files)
    return sha256_text("".join(f"{file} {s.st_ino} {s.st_size} {s.st_mtime_ns} {s.st_ctime_ns}\n" for file, s in stats))
