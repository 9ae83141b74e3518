from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from checkouts import Checkout
from fault_points import run_without_faults
from filelock import FileLock
from forked_commands import commands

from semiproto import cli


@pytest.fixture(scope="session")
def quick() -> Iterator[Path]:
    """A folder of commands that start without their seconds of imports."""
    with commands() as folder:
        yield folder


@pytest.fixture(scope="session")
def finished(quick: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which the whole tiny experiment was run, once for all test processes: to be read only."""
    return _once(tmp_path_factory, "finished", quick, _finish)


@pytest.fixture(scope="session")
def versioned(finished: Checkout, quick: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A finished checkout of which DVC has the outputs and git the rest: to be read only."""
    return _once(tmp_path_factory, "versioned", quick, partial(_version, finished))


@pytest.fixture(scope="session")
def without_faults(quick: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the small experiment was run while its writes and modules were noted: to be read only."""

    def make(checkout: Checkout) -> None:
        checkout.path.mkdir()
        run_without_faults(checkout.path, [quick])

    return _once(tmp_path_factory, "without-faults", quick, make).path


def _once(factory: pytest.TempPathFactory, name: str, quick: Path, make: Callable[[Checkout], None]) -> Checkout:
    """The checkout that `make` fills, made by the first test process that needs it."""
    base = factory.getbasetemp()
    path = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    made = path.with_suffix(".made")
    with FileLock(path.with_suffix(".lock")):
        if not made.exists():
            shutil.rmtree(path, ignore_errors=True)  # what another process could not finish
            make(Checkout(path, quick))
            made.touch()
    return Checkout(path, quick)


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
def empty(quick: Path, tmp_path: Path) -> Checkout:
    """A checkout of the test's own in which nothing was run yet."""
    checkout = Checkout(tmp_path / "empty", quick)
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
