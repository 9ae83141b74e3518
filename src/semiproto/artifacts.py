"""Files that steps hand on: atomic writes, checksums, and the receipt beside every big output.

A receipt (receipt.json) says what an output is: the sha256 of its files, the configuration, the inputs' digests, the
seed, and how it was made. Rules take receipts as inputs because Snakemake compares the checksums of small files only.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from semiproto import __version__
from semiproto.errors import UserError

RECEIPT = "receipt.json"


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` and moves it into place when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
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


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yields an empty temporary directory that takes the place of `path` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_tree(root: Path) -> str:
    """One digest of all files below `root`: their relative paths and contents, the receipt left out."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.name != RECEIPT:
            digest.update(f"{path.relative_to(root).as_posix()}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


class Stopwatch:
    """Seconds since it was made, plus those of interrupted runs before."""

    def __init__(self, before: float = 0.0) -> None:
        self._start = time.monotonic() - before

    def seconds(self) -> float:
        return time.monotonic() - self._start


def write_receipt(
    folder: Path,
    step: str,
    *,
    outputs: dict[str, str],
    config: dict[str, Any],
    inputs: list[Path],
    seed: int | None,
    seconds: float,
    device: str = "cpu",
    facts: dict[str, Any] | None = None,
) -> None:
    """Writes folder/receipt.json.

    outputs: sha256 by file name (or tree). inputs: folders whose receipts this step read; their outputs are recorded.
    facts: what else the step wants to be known of its result (counts, scores).
    """
    write_json(
        folder / RECEIPT,
        {
            "step": step,
            "outputs": outputs,
            "inputs": {path.as_posix(): read_receipt(path)["outputs"] for path in inputs},
            "config": config,
            "seed": seed,
            "facts": facts or {},
            "made": {
                "version": __version__,
                "code": _code_version(),
                "seconds": round(seconds, 2),
                "device": device,
                "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
                "python": platform.python_version(),
                "packages": _package_versions(),
            },
        },
    )


def read_receipt(folder: Path) -> dict[str, Any]:
    """The receipt in `folder`; UserError when there is none or it is damaged."""
    path = folder / RECEIPT
    try:
        receipt: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the step that makes {folder}, or `snakemake --cores all`") from None
    except ValueError as error:
        raise UserError(f"{path}: not a receipt ({error}); delete {folder} and run `snakemake --cores all`") from None
    return receipt


def _code_version() -> str:
    """Commit of the checkout the code runs from, `-dirty` where it was changed, or `unknown` outside git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return result.stdout.strip() if result.returncode == 0 else "unknown"


def _package_versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for package in ("torch", "timm", "numpy", "scikit-learn", "pillow"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return versions
