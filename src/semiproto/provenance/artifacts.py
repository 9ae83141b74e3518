"""Files that steps hand on: atomic writes and checksums."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from semiproto.errors import UserError
from semiproto.provenance.reading import MOST_JSON, contents, regular

if TYPE_CHECKING:
    import pandas as pd

HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:4]
"""In the names of unfinished files: several machines may write into one folder, and know each other's processes not."""
RECEIPT = "receipt.json"
"""Beside what a step wrote; receipts.py writes it, and no digest includes it."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` and moves it into place when the block ends without an error."""
    temporary = _temporary(path)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _naming(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file; ValueError where it is none, or not to be read whole."""
    data = contents(path, MOST_JSON)
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("too deeply nested") from None


def write_csv(path: Path, table: pd.DataFrame, number: str = "%.6g") -> None:
    """Writes a table as CSV without its index; `number` formats floats."""
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False, float_format=number)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yields an empty temporary directory that takes the place of `path` when the block ends without an error."""
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    except OSError as error:
        raise _naming(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(path: Path) -> Path:
    """A name beside `path` that is this process's; what killed writers of `path` on this machine left is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = path.with_name(f".{path.name}.{HOST}-{os.getpid()}.tmp")
    for left in path.parent.glob(f".{glob.escape(path.name)}.{HOST}-*.tmp"):
        pid = left.name.removesuffix(".tmp").rpartition("-")[2]
        if left == mine or (pid.isdigit() and not _is_alive(int(pid))):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    return mine


def _naming(path: Path, error: OSError) -> OSError:
    """The error with the name of its file, which the system leaves out where the disk is full."""
    error.filename = error.filename or path
    return error


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_inside(name: str) -> bool:
    """Whether a name that others wrote, with `/` between its parts, stays inside the folder that it is looked up in."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def sha256_file(path: Path) -> str:
    """UserError where it is a pipe or a device, which might never end."""
    try:
        with regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except ValueError as error:
        raise UserError(f"{path}: {error}; remove it, or put the right one in its place") from None


def sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_tree(root: Path) -> str:
    """One digest of all files below `root`: their relative paths and contents.

    Receipts are left out, and hidden files, which file managers and Snakemake put there after the step has ended.
    """
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.is_file() and path.name != RECEIPT and not any(part.startswith(".") for part in inside.parts):
            digest.update(f"{inside.as_posix()}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def digests(folder: Path, names: Iterable[str] | None = None) -> dict[str, str]:
    """sha256 by name, of files in `folder` and of the trees below its folders; by default of all but the receipt."""
    everything = sorted(path.name for path in folder.glob("[!.]*") if path.name != RECEIPT)
    paths = {name: folder / name for name in (everything if names is None else names)}
    return {name: sha256_tree(path) if path.is_dir() else sha256_file(path) for name, path in paths.items()}
