"""Files that steps hand on: atomic writes, checksums, and the receipt beside every big output.

A receipt (receipt.json) says what an output is: the sha256 of its files, the configuration, the inputs' digests, the
code, the seed, and how it was made. Rules take receipts as inputs because Snakemake compares the checksums of small
files only; `semiproto explain` follows them from a number back to the data.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from semiproto import __version__
from semiproto.errors import UserError

RECEIPT = "receipt.json"
RECEIPT_FIELDS = ("step", "outputs", "inputs", "config", "seed", "facts", "made")

PACKAGE = Path(__file__).parents[1]
SHARED = (
    *("provenance/artifacts.py", "cli.py", "errors.py", "process/parent.py", "process/progress.py"),
    *(f"params/{file.name}" for file in sorted((PACKAGE / "params").glob("*.py"))),
)
"""Modules that all steps share and that decide no result. No rule or checkpoint depends on them and no receipt records
them: a comment in one would make everything anew. The commit in the receipt has them."""

_STARTED = time.time()


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
    """A name beside `path` that is this process's; what killed writers of `path` left there is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        pid = left.suffixes[-2][1:]
        if left == mine or (pid.isdigit() and not _is_alive(int(pid))):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    return mine


def _naming(path: Path, error: OSError) -> OSError:
    """The error with the file that it is about: of a full disk, the system does not say."""
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


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_tree(root: Path) -> str:
    """One digest of all files below `root`: their relative paths and contents.

    Receipts are left out, and the stamps that Snakemake puts into folders after their step has ended.
    """
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.name not in (RECEIPT, ".snakemake_timestamp"):
            digest.update(f"{path.relative_to(root).as_posix()}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


class Stopwatch:
    """Seconds since it was made, plus those of interrupted runs before."""

    def __init__(self, before: float = 0.0) -> None:
        self._start = time.monotonic() - before

    def seconds(self) -> float:
        return time.monotonic() - self._start


def digests(folder: Path, names: Iterable[str] | None = None) -> dict[str, str]:
    """sha256 by name, of files in `folder` and of the trees below its folders; by default of all but the receipt."""
    everything = sorted(path.name for path in folder.glob("[!.]*") if path.name != RECEIPT)
    paths = {name: folder / name for name in (everything if names is None else names)}
    return {name: sha256_tree(path) if path.is_dir() else sha256_file(path) for name, path in paths.items()}


def receipt_file(artefact: Path) -> Path:
    """Where an artefact's receipt is: in its folder, or beside a single file (report.html: report.receipt.json)."""
    return artefact.with_suffix(f".{RECEIPT}") if artefact.is_file() else artefact / RECEIPT


def write_receipt(
    artefact: Path,
    step: str,
    *,
    outputs: dict[str, str],
    config: dict[str, Any],
    inputs: Iterable[Path],
    seed: int | None,
    seconds: float | None,
    device: str = "cpu",
    records: dict[str, str] | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Writes the receipt of a folder, or of a single file.

    outputs: sha256 by file name (or tree). inputs: folders of other steps, whose outputs are recorded, and single files
    such as weights. records: sha256 of files that hold times and so differ between two equal runs; no step depends on
    them. facts: what else the step wants to be known of its result (counts, scores).
    seconds: what the step took; None for results that are kept in git: the receipt leaves out duration, machine and
    commit, so that equal results are equal files.
    """
    made: dict[str, Any] = {"version": __version__}
    if seconds is not None:
        made |= {
            "code": _code_version(),
            "seconds": round(seconds, 2),
            "device": device,
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
            "python": platform.python_version(),
            "packages": _package_versions(),
        }
    write_json(
        receipt_file(artefact),
        {
            "artefact": artefact.as_posix(),
            "step": step,
            "outputs": outputs,
            "records": records or {},
            "inputs": {path.as_posix(): input_digests(path) for path in inputs},
            "modules": loaded_modules(),
            "config": config,
            "seed": seed,
            "facts": facts or {},
            "made": made,
        },
    )


def input_digests(path: Path) -> dict[str, str]:
    """sha256 by name of what a step reads of an input: another step's outputs by their receipt, or a single file."""
    if path.is_file():
        return {path.name: sha256_file(path)}
    outputs: dict[str, str] = read_receipt(path)["outputs"]
    return outputs


def checked_inputs(paths: Iterable[Path]) -> list[Path]:
    """Inputs for `write_receipt`; UserError for one without a receipt, while nothing has been written yet."""
    inputs = list(paths)
    for path in inputs:
        input_digests(path)
    return inputs


def read_receipt(artefact: Path) -> dict[str, Any]:
    """The receipt of an artefact; UserError when there is none or it is damaged."""
    path = receipt_file(artefact)
    try:
        receipt: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; run the step that makes {artefact}, or `snakemake --cores all`"
        ) from None
    except ValueError as error:
        raise UserError(f"{path}: not a receipt ({error}); delete {artefact} and run `snakemake --cores all`") from None
    if missing := [name for name in RECEIPT_FIELDS if not isinstance(receipt, dict) or name not in receipt]:
        raise UserError(f"{path}: not a receipt (no {missing[0]}); delete {artefact} and run `snakemake --cores all`")
    return receipt


def loaded_modules() -> dict[str, str]:
    """sha256 of this package's modules that the process has loaded, by their path in it; SHARED left out."""
    files = {module.__file__ for name, module in sys.modules.items() if name.startswith("semiproto.")}
    names = {Path(file).relative_to(PACKAGE).as_posix() for file in files if file}
    return {name: _source(PACKAGE / name) for name in sorted(names - {*SHARED}) if not name.endswith("__init__.py")}


def _source(file: Path) -> str:
    """sha256 of a module; a training runs for hours, and the file may no longer be what was loaded."""
    return "changed while the step ran" if file.stat().st_mtime > _STARTED else sha256_file(file)


def _code_version() -> str:
    """Commit of the checkout the code runs from, `-dirty` where a source was changed, or `unknown` where git does not
    have the sources: a tarball of them may lie in the repository of something else."""
    commit, changed = _git("rev-parse", "--short=12", "HEAD"), _git("status", "--porcelain", "--", ".")
    return commit + ("-dirty" if changed else "") if commit and _git("ls-files") else "unknown"


def _git(*arguments: str) -> str:
    """What git says of the folder of the sources; empty without git."""
    try:
        result = subprocess.run(["git", "-C", str(PACKAGE), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def _package_versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for package in ("torch", "timm", "numpy", "scikit-learn", "pillow"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return versions
