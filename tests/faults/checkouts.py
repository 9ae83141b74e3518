"""Checkouts for tests: experiments of seconds, the commands run in them, and what a finished one comes to."""

from __future__ import annotations

import compileall
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

import pandas as pd
import summary
import tiny
import yaml

SOURCES = (
    "src",
    "workflow",
    "experiments",
    "Snakefile",
    "dvc.yaml",
    ".dvc/config",
    ".dvc/plots",
    ".dvcignore",
    ".gitignore",
)
TIMINGS = [
    "seconds",
    "training_seconds",
    "images_per_second",
    "data_wait",
    "step_seconds",
    "memory_mib",
]
"""Columns and keys that two equal runs do not have in common."""
OF_ONE_RUN = [*TIMINGS, "report.html", "records", "made", "modules"]
"""Keys of receipts that two equal runs do not have in common: the report shows seconds, and records hold them."""
HANGS = 3000
"""Seconds after which a command is taken to hang, however busy the machine is."""


class Checkout:
    """A copy of the working tree in an empty folder, with the tiny experiment as its params.yaml.

    stand_ins: a folder of commands to be used before those of the environment (forked_commands.py).
    """

    def __init__(self, path: Path, stand_ins: Path | None = None) -> None:
        self.path, self.stand_ins = path, stand_ins

    def copy_working_tree(self) -> None:
        """Fills the folder with the repository's files, results left out, and the tiny experiment."""
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=tiny.ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
        for name in filter(None, names):
            if (tiny.ROOT / name).is_file() and not name.startswith("results/"):
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(tiny.ROOT / name, self.path / name)
        (self.path / "params.yaml").write_text(yaml.safe_dump(tiny.params(), sort_keys=False))
        compile_sources(self.path)

    def environment(self) -> dict[str, str]:
        """This process's, with the commands of its Python and the checkout's own sources."""
        folders = filter(None, [self.stand_ins, Path(sys.executable).parent, os.environ["PATH"]])
        return os.environ | {"PYTHONPATH": str(self.path / "src"), "PATH": os.pathsep.join(map(str, folders))}

    def run(self, *command: str, check: bool = True, timeout: float = HANGS) -> subprocess.CompletedProcess[str]:
        """Runs a command of the environment in the checkout, on the checkout's own sources."""
        environment = self.environment()
        result = subprocess.run(
            [shutil.which(command[0], path=environment["PATH"]) or command[0], *command[1:]],
            cwd=self.path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
        )
        assert not check or result.returncode == 0, result.stdout[-4000:]
        return result

    def copy(self, path: Path) -> Checkout:
        """Another checkout of the same state; times of change are kept."""
        return Checkout(Path(shutil.copytree(self.path, path, symlinks=True)), self.stand_ins)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def snakemake(self, *options: str, check: bool = True) -> str:
        return self.run("snakemake", "--cores", "2", *options, check=check).stdout

    def planned(self, *options: str) -> dict[str, int]:
        """Jobs by rule that `snakemake -n` would run; empty when there is nothing to do."""
        output = self.snakemake("--dry-run", "--quiet", "rules", "reason", *options)
        if "Nothing to be done" in output:
            return {}
        lines = output[output.index("job ") :].splitlines()[2:]
        jobs = (line.split() for line in lines[: next(i for i, line in enumerate(lines) if line.startswith("total"))])
        return {name: int(count) for name, count in jobs if name != "all" and not name.startswith("stage_")}

    def asking(self) -> summary.Snakemake:
        """A process that says what Snakemake would run, as often as it is asked."""
        return summary.Snakemake(self.path, self.environment())

    def edit(self, change: Callable[[dict], None]) -> None:
        """Changes params.yaml."""
        file = self.path / "params.yaml"
        tree = yaml.safe_load(file.read_text())
        change(tree)
        file.write_text(yaml.safe_dump(tree, sort_keys=False))


def params() -> dict[str, Any]:
    """The tiny experiment with one seed of two variants, and little else."""
    tree = tiny.params()
    tree["dataset"] |= {"labeled": 6, "unlabeled": 6, "validation": 4}
    for phase in ("pretrain", "semi"):
        tree[phase] |= {"steps": 4, "checkpoint_every": 1, "validations": 1}
    tree["semi"]["tau"] = 0.1  # or four steps' confidence would leave half of the losses at zero
    tree["features"]["pixels_per_class"] = 50
    tree["experiments"] = [{"split": 6, "variants": ["supervised", "prototype"], "seeds": [0]}]
    tree["tsne"]["variants"] = ["supervised", "prototype"]
    return tree


def copy_sources(source: Path, target: Path) -> None:
    """The parts of a checkout that results come from, its parameters aside."""
    for name in SOURCES:
        found = source / name
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if found.is_dir():
            shutil.copytree(found, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy2(found, target / name)


def compile_sources(checkout: Path) -> None:
    """Spares commands the compilation. By content: code edited twice within a second must not pass for unchanged."""
    compileall.compile_dir(checkout / "src", quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)


def new_checkout(path: Path) -> None:
    """The repository's sources and the small experiment."""
    copy_sources(tiny.ROOT, path)
    compile_sources(path)
    (path / "params.yaml").write_text(yaml.safe_dump(params(), sort_keys=False))


def environment(checkout: Path, *first: Path) -> dict[str, str]:
    """To run commands on a checkout's own sources; `first` go first in PATH."""
    path = [*map(str, first), str(Path(sys.executable).parent), os.environ["PATH"]]
    name = {f"GIT_{who}_{what}": f"test@{who}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return (
        os.environ
        | name
        | {
            "PYTHONPATH": str(checkout / "src"),
            "PATH": os.pathsep.join(path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        }
    )


def start(checkout: Path, command: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Starts a command in a process group of its own."""
    return subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=checkout,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    )


def results(checkout: Path) -> dict[str, str]:
    """A digest of every file that the pipeline made, by its path; what only times it or names a machine is left out."""
    files = [path for top in ("data", "models", "results") for path in (checkout / top).rglob("*") if path.is_file()]
    return {
        path.relative_to(checkout).as_posix(): hashlib.sha256(_content(path)).hexdigest()[:16]
        for path in sorted(files)
        if path.name not in (".gitignore", ".snakemake_timestamp")  # the engines' own
    }


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".csv":
        table = pd.read_csv(io.BytesIO(data), dtype=str)
        return table.drop(columns=TIMINGS, errors="ignore").to_csv().encode()
    if path.suffix == ".json":
        return json.dumps(_lasting(json.loads(data)), sort_keys=True).encode()
    if path.suffix == ".pdf":
        return re.sub(rb"/CreationDate \(.*?\)", b"", data)
    if path.suffix == ".html":
        how = (
            r"\d+\.\d+ s on|<dt>(training_)?(seconds|versions|machine)</dt><dd>.*?</dd>|[0-9a-f]{64}"  # as in receipts
        )
        return re.sub("(?s)<table>.*?</table>", _without_seconds, re.sub(how, "", data.decode())).encode()
    return data


def _without_seconds(table: re.Match[str]) -> str:
    """The cells of a report's table, those of the column of seconds left out."""
    rows = [re.findall(r"<t[hd].*?</t[hd]>", row) for row in re.findall(r"(?s)<tr>.*?</tr>", table[0])]
    return str([[cell for cell, title in zip(row, rows[0], strict=True) if ">seconds<" not in title] for row in rows])


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(one) for key, one in value.items() if key not in OF_ONE_RUN}
    return value
