"""Checks before every run that files are those of their receipts.

Snakemake compares times, and reads neither big files nor folders; DVC would version whatever it finds. So a file
that was damaged, edited or swapped with another would be used as if it were the one that was made.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
import time
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from semiproto.errors import UserError
from semiproto.provenance import hub
from semiproto.provenance.artifacts import read_json, sha256_file, sha256_text, sha256_tree, write_bytes
from semiproto.provenance.receipts import folder_of, input_digests, of_another, read_receipt, receipt_file

CLOCK_SKEW = 60.0
"""Seconds by which machines that share a disk may differ."""
TICK = 2 * 10**9
"""Nanoseconds between two times that every file system tells apart; FAT has the coarsest clock."""
STATE_DIGITS = 24
"""Of the digest of a file's state that are kept: 96 bits, so that the memory of a million files stays small."""


def check(artefacts: Iterable[Path], memory: Path, derived: Collection[Path] = ()) -> dict[Path, str]:
    """Compares artefacts with their receipts; UserError names the first whose files are not those of its receipt.

    Returns the artefacts that must be made again, each with the reason: those made from other inputs or published
    weights than those that are there, and those of `derived` whose files differ. Snakemake sees most changed inputs
    itself, but not where files and its own record came from different places: tables from git, others from DVC.
    artefacts: folders, or single files; those without a receipt are skipped. memory: a file that keeps digests, so that
    only what changed since the last check is read. derived: what others change and no work is lost with: tables in git,
    which restores an older state of them, and sets of links to one's own images.
    """
    made = [artefact for artefact in artefacts if receipt_file(artefact).exists()]
    digests, again = Digests(memory), dict[Path, str]()
    for artefact in made:
        if fault := _fault(artefact, digests):
            if artefact not in derived:
                raise UserError(f"{fault}; delete {artefact} and run the same command again")
            again[artefact] = fault
        elif source := _changed_input(artefact):
            again[artefact] = f"{artefact}: made from another {source} than the one there"
        elif weights := hub.changed(read_receipt(artefact)["facts"], digests.of):
            again[artefact] = f"{artefact}: {weights}"
    digests.keep()
    return again


def check_clock(artefacts: Iterable[Path]) -> None:
    """UserError names the first artefact that was made in the future: Snakemake would fail after the next job, whose
    output is older than its inputs, and remove it."""
    for path in map(receipt_file, artefacts):
        if path.exists() and path.stat().st_mtime > time.time() + CLOCK_SKEW:
            made = time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))
            raise UserError(
                f"{path}: made in the future, {made}: the clock was set back; correct it, or run"
                " `find data models results -newermt now -exec touch {} +` and the same command again"
            )


def _fault(artefact: Path, digests: Digests) -> str | None:
    """In what an artefact is not what its receipt says."""
    receipt = read_receipt(artefact)
    if other := of_another(artefact, receipt):
        return other
    folder = folder_of(artefact)
    for name, digest in (receipt["outputs"] | receipt.get("records", {})).items():
        path = folder / name
        if path.exists() and digests.of(path) != digest:
            return f"{path}: not what was written there, says {receipt_file(artefact)} (its sha256 differs)"
    return None


def _changed_input(artefact: Path) -> Path | None:
    """The first input whose content is not what the receipt says it was."""
    for source, digests in ((Path(name), then) for name, then in read_receipt(artefact)["inputs"].items()):
        if (source.is_file() or receipt_file(source).exists()) and input_digests(source) != digests:
            return source
    return None


class State(NamedTuple):
    """A digest that changes when a file, or one below a folder, changes; and whether another change would show too."""

    digest: str
    settled: bool


class Kept:
    """What was found of files, each thing for as long as its files have the state in which it was found.

    memory: a file that keeps it. What is not asked for again is forgotten. anew: nothing is recalled.
    """

    def __init__(self, memory: Path, *, anew: bool = False) -> None:
        self.memory, self.now, self.changed = memory, dict[str, list[Any]](), False
        self.before = {} if anew else _unpacked(memory)

    def recall(self, name: str, state: State) -> Any:
        """What was found in this state; None where nothing was."""
        then, found = self.now.get(name) or self.before.get(name) or ("", None)
        return found if then == state.digest else None

    def learn(self, name: str, state: State, found: Any) -> None:
        """state: as it was before the files were read."""
        if not state.settled:
            return
        # One entry for both times: there may be a million of them.
        entry = self.now.get(name) or self.before.pop(name, ["", None])
        if entry[0] != state.digest:
            entry, self.changed = [state.digest, found], True
        self.now[name] = entry

    def keep(self) -> None:
        if self.changed or self.before:
            data = json.dumps(self.now, separators=(",", ":")).encode()
            write_bytes(self.memory, gzip.compress(data, compresslevel=1, mtime=0))


class Digests(Kept):
    """sha256 of files and trees, computed once for each state of them."""

    def of(self, path: Path) -> str:
        state, name = state_of_path(path), path.as_posix()
        digest: str = self.recall(name, state) or (sha256_tree(path) if path.is_dir() else sha256_file(path))
        self.learn(name, state, digest)
        return digest


def _unpacked(memory: Path) -> dict[str, Any]:
    """What a memory holds; nothing where it cannot be read, which costs time and no more."""
    try:
        found = json.loads(gzip.decompress(memory.read_bytes()))
    except (OSError, EOFError, ValueError, zlib.error):
        return {}
    return found if isinstance(found, dict) else {}


def remembered(file: Path) -> dict[str, Any]:
    """What is in a small memory, likewise."""
    try:
        found = read_json(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_settled(changed: int) -> bool:
    """Whether a file that changed last at a time (nanoseconds) would show another change in its times."""
    return time.time_ns() - changed > TICK


def state_of(facts: os.stat_result) -> str:
    """Changes with a file: its place on the disk, length and times. A change in place shows in the last of them, which
    no program can set."""
    return f"{facts.st_ino} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"


def tree_state(base: Path) -> tuple[str, int]:
    """A digest that changes when a file below a folder changes, through links too; and when that was last, in
    nanoseconds. Hidden files are no content.

    One look at each file and little else, because a set may have a million of them.
    """
    whole, changed = hashlib.sha256(), 0
    for name, facts in files(base):
        whole.update(f"{name}\0{state_of(facts)}\n".encode(errors="surrogateescape"))
        changed = max(changed, facts.st_mtime_ns, facts.st_ctime_ns)
    return whole.hexdigest(), changed


def files(base: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The files below a folder in a fixed order, each with its name from there.

    Each folder once, and none above `base`, since links may run in circles.
    """
    real = base.resolve()
    seen = {_place(folder.stat()) for folder in (real, *real.parents) if folder.exists()}
    waiting = [("", str(base))]
    while waiting:
        inside, folder = waiting.pop()
        for name, facts in _entries(folder):
            if not stat.S_ISDIR(facts.st_mode):
                yield inside + name, facts
            elif _place(facts) not in seen:
                seen.add(_place(facts))
                waiting.append((f"{inside}{name}/", f"{folder}/{name}"))


def _entries(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """What is in a folder, hidden files left out; nothing where it may not be read: whoever reads it says so."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        for name in sorted(name for name in os.listdir(handle) if name[0] != "."):  # noqa: PTH208 -- one look
            if facts := _facts(name, handle):
                yield name, facts
    finally:
        os.close(handle)


def _facts(name: str, folder: int) -> os.stat_result | None:
    """What the system says of a file, or of a link to nothing; None where it was removed meanwhile."""
    for follow in (True, False):
        try:
            return os.stat(name, dir_fd=folder, follow_symlinks=follow)
        except OSError:
            continue
    return None


def _place(facts: os.stat_result) -> tuple[int, int]:
    return facts.st_dev, facts.st_ino


def state_of_path(path: Path, key: str = "") -> State:
    """The state of a file or of all files below a folder. key: what else is to be as it was."""
    facts = path.stat()
    if stat.S_ISDIR(facts.st_mode):
        state, changed = tree_state(path)
    else:
        state, changed = sha256_text(f"{key}{state_of(facts)}"), max(facts.st_mtime_ns, facts.st_ctime_ns)
    return State(state[:STATE_DIGITS], is_settled(changed))
