"""Receipts: what an output is, and what it was made from.

A receipt (receipt.json, beside every big output) has the sha256 of the output's files, the configuration, the digests
of the inputs and of the sources, the seed, and how the output was made. Rules take receipts as inputs because Snakemake
compares the checksums of small files only; `semiproto explain` follows them from a number back to the data.
"""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import asdict, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from semiproto import __version__, paths
from semiproto.errors import UserError
from semiproto.provenance.artifacts import RECEIPT, is_inside, read_json, sha256_file, write_json

FIELDS = ("step", "outputs", "inputs", "config", "seed", "facts", "made")

TRAININGS = ("pretrain", "train")
"""Steps whose seed is the one in the path; those of others come from params.yaml."""

PACKAGE = Path(__file__).parents[1]


def _inside(name: str) -> str:
    if not is_inside(name):
        raise ValueError("leads out of its folder")
    return name


Digests = dict[Annotated[str, AfterValidator(_inside)], str]
"""sha256 by the name of a file or folder."""


@dataclass(frozen=True, config=ConfigDict(strict=True))
class Receipt:
    """What is recorded of one output; checked, because files come from storages and people edit them."""

    step: str
    outputs: Digests
    """sha256 by file name, or by the name of a folder."""
    inputs: dict[str, Digests] = field(default_factory=dict)
    """By path, what `input_digests` said of the folders of other steps and of single files such as weights."""
    modules: Digests = field(default_factory=dict)
    """sha256 of the sources that the result depends on (sources.py)."""
    config: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    """What the step wants to be known of its result: counts, scores."""
    records: Digests = field(default_factory=dict)
    """sha256 of files that hold times, which differ between two equal runs; no step depends on them."""
    made: dict[str, str | int | float | dict[str, str]] = field(default_factory=dict)
    """How it was made (`made_here`)."""


def made_here(seconds: float, device: str) -> dict[str, Any]:
    """How an output was made on this machine, in `seconds`."""
    return {
        "version": __version__,
        "code": _code_version(),
        "seconds": round(seconds, 2),
        "device": device,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "python": platform.python_version(),
        "packages": _package_versions(),
    }


def folder_of(artefact: Path) -> Path:
    """The folder that the names in an artefact's receipt are below: its own, or that of a single file."""
    return artefact.parent if artefact.is_file() else artefact


def receipt_file(artefact: Path) -> Path:
    """Where an artefact's receipt is: in its folder, or beside a single file (report.html: report.receipt.json).

    Those of the tables, which are in git, are beside their folder (results/tables.receipt.json), since a receipt says
    when, where and by which commit something was made, which two equal runs do not have in common.
    """
    tables = Path(paths.TABLES)
    if artefact == tables:
        return tables.with_suffix(f".{RECEIPT}")
    if artefact.parent == tables:
        return tables.with_suffix(f".{artefact.stem}.{RECEIPT}")
    return artefact.with_suffix(f".{RECEIPT}") if artefact.is_file() else artefact / RECEIPT


def write_receipt(artefact: Path, receipt: Receipt) -> None:
    """Writes the receipt of a folder, or of a single file."""
    write_json(receipt_file(artefact), {"artefact": artefact.as_posix(), **asdict(receipt)})


def read_receipt(artefact: Path) -> dict[str, Any]:
    """The fields of an artefact's receipt; UserError when there is none or it is damaged."""
    path = receipt_file(artefact)
    try:
        receipt: dict[str, Any] = read_json(path)
        if missing := [name for name in FIELDS if name not in dict(receipt)]:
            raise ValueError(f"no {missing[0]}")
        Receipt(**{name: receipt[name] for name in Receipt.__dataclass_fields__ if name in receipt})
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; run the step that makes {artefact}, or `snakemake --cores all`"
        ) from None
    except (IsADirectoryError, TypeError, ValueError) as error:
        why = _first(error) if isinstance(error, ValidationError) else " ".join(str(error).split())[:120]
        raise UserError(f"{path}: not a receipt ({why}); delete it and run `snakemake --cores all`") from None
    return receipt


def _first(error: ValidationError) -> str:
    """The first fault: its field, and what pydantic says of it."""
    fault = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in fault['loc'] if part != '[key]')}: {fault['msg']}"


def of_another(artefact: Path, receipt: dict[str, Any]) -> str | None:
    """In what a receipt is not that of the folder in which it lies, as after two folders were swapped; None where it
    is."""
    owner = receipt.get("artefact", artefact.as_posix())  # receipts of earlier versions do not say
    if Path(owner).absolute() != artefact.absolute():
        return f"{receipt_file(artefact)}: the receipt of {owner}, not of {artefact}"
    names = paths.names_of(artefact)
    if receipt["step"] in TRAININGS and str(receipt["seed"]) != names.get("seed", str(receipt["seed"])):
        return f"{receipt_file(artefact)}: trained with seed {receipt['seed']}"
    for source in receipt["inputs"]:
        theirs = paths.names_of(source)
        if differing := [name for name in theirs.keys() & names.keys() if theirs[name] != names[name]]:
            return f"{receipt_file(artefact)}: made from {source}, which is of another {min(differing)}"
    return None


def input_digests(path: Path) -> dict[str, str]:
    """sha256 by name of what a step reads of an input: another step's outputs by their receipt, or a single file."""
    if path.is_file():
        return {path.name: sha256_file(path)}
    outputs: dict[str, str] = read_receipt(path)["outputs"]
    return outputs


def _code_version() -> str:
    """Commit of the checkout the code runs from, `-dirty` where a source was changed, or `unknown` where git does not
    have the sources: a tarball of them may lie in the repository of something else."""
    commit, changed = _git("rev-parse", "--short=12", "HEAD"), _git("status", "--porcelain", "--", ".")
    return commit + ("-dirty" if changed else "") if commit and _git("ls-files") else "unknown"


def _git(*arguments: str) -> str:
    """What git says of the folder of the sources; empty without git."""
    try:
        result = subprocess.run(["git", "-C", str(PACKAGE), *arguments], capture_output=True, text=True, timeout=600)
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
