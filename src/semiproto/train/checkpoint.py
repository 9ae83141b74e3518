"""Resume checkpoints: tensors and plain values, written whole or not at all, the one before kept.

They live outside the results (checkpoints/) and are an output of no rule. Each carries a key: the hash of everything
that the run depends on, its code included. A checkpoint with a different key is not used, and the run starts from the
beginning. The last 32 bytes of a file are the SHA-256 of the bytes before them.
"""

from __future__ import annotations

import hashlib
import io
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import torch

from semiproto.provenance.artifacts import atomic_write
from semiproto.provenance.reading import contents

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
        with temporary.open("wb") as file:
            file.write(data.getbuffer())
            file.write(hashlib.sha256(data.getbuffer()).digest())
        if latest.exists():
            latest.replace(folder / PREVIOUS)


class Writer:
    """Saves states beside the training that goes on, one at a time: a state waits for the one before.

    A write that fails raises its error in the next call of any method, and at the end of a `with` block, which waits.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key = folder, key
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._last: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown()
        if kind is None:
            self.check()

    def save(self, state: State) -> None:
        """As the function `save`, of a copy: `state` may change once this returns."""
        self.wait()
        self._last = self._thread.submit(save, self._folder, self._key, _copied(state))

    def check(self) -> None:
        """Returns at once."""
        if self._last is not None and self._last.done():
            self.wait()

    def wait(self) -> None:
        """Returns when all is written."""
        if self._last is not None:
            self._last.result()


def _copied(value: Any) -> Any:
    """A copy of a state; its tensors are in main memory."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {name: _copied(one) for name, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


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
    data = contents(path, sys.maxsize)
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
