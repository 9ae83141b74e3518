"""Resume checkpoints: tensors and plain values, written whole or not at all, the one before kept.

They live outside the results (checkpoints/) and are an output of no rule. Each carries a key: the hash of everything
that the run depends on, its code included. A checkpoint with a different key is not used, and the run starts from the
beginning. The last 32 bytes of a file are the SHA-256 of the bytes before them.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from semiproto.provenance.artifacts import atomic_write

LATEST, PREVIOUS = "latest.pt", "previous.pt"
FORMAT = 2
"""To be raised when the content of a state changes, so that states of older code are not used."""
DIGEST_BYTES = 32

State = dict[str, Any]


def save(folder: Path, key: str, state: State) -> None:
    """Writes `state` as the latest checkpoint; the one before becomes the previous one."""
    latest = folder / LATEST
    data = io.BytesIO()  # torch's own file writer does not say "disk full" as an OSError
    torch.save({"key": _stamp(key), **state}, data)
    with atomic_write(latest) as temporary:
        temporary.write_bytes(data.getvalue() + hashlib.sha256(data.getbuffer()).digest())
        if latest.exists():
            latest.replace(folder / PREVIOUS)


def load(folder: Path, key: str) -> State | None:
    """The newest usable checkpoint of the run `key`, or None; prints in one line why a newer one is not used."""
    for name in (LATEST, PREVIOUS):
        path = folder / name
        if not path.exists():
            continue
        try:
            state: State = _read(path)
            found = state["key"]
        except Exception as error:  # a truncated or foreign file raises many kinds, all meaning: not usable
            print(f"{path}: not a usable checkpoint ({' '.join(str(error).split())[:80]}); passed over", flush=True)
            continue
        if found == _stamp(key):
            return state
        print(f"{path}: from a run with other parameters, inputs or code; passed over", flush=True)
    return None


def _stamp(key: str) -> str:
    return f"{FORMAT}:{key}"


def _read(path: Path) -> State:
    data = path.read_bytes()
    content, digest = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError("damaged or cut short: its checksum does not fit")
    state: State = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return state


def remove(folder: Path) -> None:
    """Deletes the files of a finished run, and temporary files of a run that was killed while it wrote."""
    for path in (*folder.glob("*.pt"), *folder.glob("*.csv"), *folder.glob(".*.tmp")):
        path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
