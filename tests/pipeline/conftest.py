from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import summary
import tiny
import yaml
from filelock import FileLock

from semiproto import cli

ROOT = tiny.ROOT


class Checkout:
    """A copy of the working tree in an empty folder, with the tiny experiment as its params.yaml.

    stand_ins: a folder of commands to be used before those of the environment (preloaded.py).
    """

    def __init__(self, path: Path, stand_ins: Path | None = None) -> None:
        self.path, self.stand_ins = path, stand_ins

    def copy_working_tree(self) -> None:
        """Fills the folder with the repository's files, results left out, and the tiny experiment."""
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
        for name in filter(None, names):
            if (ROOT / name).is_file() and not name.startswith("results/"):
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.path / name)
        (self.path / "params.yaml").write_text(yaml.safe_dump(tiny.params(), sort_keys=False))

    def environment(self) -> dict[str, str]:
        """This process's, with the commands of its Python and the checkout's own sources."""
        folders = filter(None, [self.stand_ins, Path(sys.executable).parent, os.environ["PATH"]])
        return os.environ | {"PYTHONPATH": str(self.path / "src"), "PATH": os.pathsep.join(map(str, folders))}

    def run(self, *command: str, check: bool = True, timeout: float = 900) -> subprocess.CompletedProcess[str]:
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
        return Checkout(Path(shutil.copytree(self.path, path, symlinks=True)))

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


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which the whole tiny experiment was run, once for all test processes: to be read only."""
    return _once(tmp_path_factory, "finished", _finish)


@pytest.fixture(scope="session")
def versioned(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A finished checkout of which DVC has the outputs and git the rest: to be read only."""
    return _once(tmp_path_factory, "versioned", partial(_version, finished))


def _once(factory: pytest.TempPathFactory, name: str, make: Callable[[Checkout], None]) -> Checkout:
    """The checkout that `make` fills, made by the first test process that needs it."""
    base = factory.getbasetemp()
    path = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    made = path.with_suffix(".made")
    with FileLock(path.with_suffix(".lock")):
        if not made.exists():
            shutil.rmtree(path, ignore_errors=True)  # what another process could not finish
            make(Checkout(path))
            made.touch()
    return Checkout(path)


def _finish(checkout: Checkout) -> None:
    checkout.path.mkdir()
    checkout.copy_working_tree()
    checkout.run("git", "init", "--quiet")
    checkout.run("git", "config", "user.name", "test")
    checkout.run("git", "config", "user.email", "test@example.org")
    checkout.commit("tiny")
    checkout.snakemake("--quiet", "rules", "host", "reason")


def _version(finished: Checkout, checkout: Checkout) -> None:
    finished.copy(checkout.path)
    checkout.run("dvc", "repro")
    checkout.commit("results")


@pytest.fixture
def empty(tmp_path: Path) -> Checkout:
    """A checkout of the test's own in which nothing was run yet."""
    checkout = Checkout(tmp_path / "empty")
    checkout.path.mkdir()
    checkout.copy_working_tree()
    return checkout


@pytest.fixture
def checkout(finished: Checkout, tmp_path: Path) -> Checkout:
    """A finished checkout of the test's own, to do with as it likes; times of change are kept."""
    return finished.copy(tmp_path / "checkout")


@pytest.fixture
def semiproto(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs a command of the command line in this process: (exit status, what it printed to stderr)."""

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["semiproto", *map(str, arguments)])
        capfd.readouterr()
        try:
            cli.main()
        except SystemExit as end:
            return int(end.code or 0), capfd.readouterr().err
        return 0, capfd.readouterr().err

    return run
