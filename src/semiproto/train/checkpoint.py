"""Resume checkpoints: tensors and plain values, written whole or not at all, the one before kept.

They live outside the results (checkpoints/), are an output of no rule, and carry a key: the hash of all that a run
depends on. A checkpoint with another key is of another run and is not used.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from semiproto.artifacts import atomic_write

LATEST, PREVIOUS = "latest.pt", "previous.pt"

State = dict[str, Any]


def save(folder: Path, key: str, state: State) -> None:
    """Writes `state` as the latest checkpoint; the one before becomes the previous one."""
    latest = folder / LATEST
    data = io.BytesIO()  # torch's own file writer does not say "disk full" as an OSError
    torch.save({"key": key, **state}, data)
    with atomic_write(latest) as temporary:
        temporary.write_bytes(data.getbuffer())
        if latest.exists():
            latest.replace(folder / PREVIOUS)


def load(folder: Path, key: str) -> State | None:
    """The newest usable checkpoint of the run `key`, or None; says in one line why another is not used."""
    for name in (LATEST, PREVIOUS):
        path = folder / name
        if not path.exists():
            continue
        try:
            state: State = torch.load(path, map_location="cpu", weights_only=True)
            found = state["key"]
        except Exception as error:  # a truncated or foreign file raises many kinds, all meaning: not usable
            print(f"{path}: not a usable checkpoint ({' '.join(str(error).split())[:80]}); passed over", flush=True)
            continue
        if found == key:
            return state
        print(f"{path}: of a run with other parameters or inputs; passed over", flush=True)
    return None


def remove(folder: Path) -> None:
    """Deletes the checkpoints of a finished run, and what a kill in the middle of writing one left behind."""
    for path in (folder / LATEST, folder / PREVIOUS, *folder.glob(f".{LATEST}.*.tmp")):
        path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
