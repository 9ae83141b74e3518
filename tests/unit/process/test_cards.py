"""GPUs are handed out to real processes on a machine that pretends to have eight; they wait for states alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from semiproto.process import cards

RUN = """
import sys, time
from pathlib import Path
from semiproto.process import cards
name, folder = sys.argv[1], Path(sys.argv[2])
cards.SECONDS_BETWEEN_LOOKS = 0.05
cards.hold(int(sys.argv[3]), name)
(folder / f".{name}").write_text(cards.os.environ[cards.VISIBLE])
(folder / f".{name}").rename(folder / f"{name}.has")
while not (folder / f"{name}.ends").exists():
    time.sleep(0.05)
"""


class Runs:
    """Processes that hold GPUs until they are told to end."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, dict[str, subprocess.Popen[bytes]]()
        (folder / "tmp").mkdir()

    def start(self, name: str, gpus: int = 1) -> None:
        environment = os.environ | {"TMPDIR": str(self.folder / "tmp"), cards.VISIBLE: "0,1,2,3,4,5,6,7"}
        with (self.folder / f"{name}.err").open("wb") as err:
            command = [sys.executable, "-c", RUN, name, str(self.folder), str(gpus)]
            self.processes[name] = subprocess.Popen(command, env=environment, stderr=err)

    def held(self) -> dict[str, str]:
        """By run that has begun, its GPUs."""
        return {path.stem: path.read_text() for path in self.folder.glob("[!.]*.has")}

    def waiting(self) -> set[str]:
        return {path.stem for path in self.folder.glob("*.err") if "waits for" in path.read_text()}

    def until(self, reached) -> None:
        while not reached():
            assert all(one.poll() in (None, 0, -signal.SIGKILL) for one in self.processes.values())
            time.sleep(0.02)

    def end(self, name: str) -> None:
        (self.folder / f"{name}.ends").touch()
        assert self.processes[name].wait() == 0

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.delenv(cards.OWN, raising=False)
    found = Runs(tmp_path)
    yield found
    for name in found.processes:
        found.kill(name)


def test_twelve_runs_have_eight_gpus_each_its_own_and_none_idle(runs):
    names = [f"run{n}" for n in range(12)]
    for name in names:
        runs.start(name)
    runs.until(lambda: len(runs.held()) == 8 and len(runs.waiting() | set(runs.held())) == 12)
    first = runs.held()
    assert sorted(first.values()) == list("01234567")  # those that wait have looked, and took none
    killed, ended, *rest = sorted(first)
    runs.kill(killed)
    runs.end(ended)
    runs.until(lambda: len(runs.held()) == 10)
    later = {name: gpu for name, gpu in runs.held().items() if name not in first}
    assert sorted(later.values()) == sorted([first[killed], first[ended]])
    for name in rest[:2]:
        runs.end(name)
    runs.until(lambda: len(runs.held()) == 12)
    for name in [*rest[2:], *(set(names) - set(first))]:
        runs.end(name)


def test_a_run_that_needs_several_takes_none_until_it_has_all(runs):
    runs.start("six", 6)
    runs.until(lambda: "six" in runs.held())
    runs.start("three", 3)
    runs.until(lambda: "three" in runs.waiting())
    runs.start("two", 2)
    runs.until(lambda: "two" in runs.held())
    assert runs.held() == {"six": "0,1,2,3,4,5", "two": "6,7"}
    runs.kill("six")
    runs.until(lambda: "three" in runs.held())
    assert runs.held()["three"] == "0,1,2"


@pytest.mark.parametrize(
    ("environment", "seen"),
    [
        ({cards.VISIBLE: "2, GPU-ab"}, ["2", "GPU-ab"]),
        ({cards.VISIBLE: ""}, []),
        ({cards.VISIBLE: "-1"}, []),
        ({cards.VISIBLE: "0", "SLURM_JOB_ID": "7"}, []),
        ({}, ["GPU-abc", "GPU-def"]),
    ],
)
def test_which_gpus_a_process_may_use(environment, seen, monkeypatch):
    for name in (cards.VISIBLE, "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cards, "_uuids", lambda: ["GPU-abc", "GPU-def"])
    assert cards.visible() == seen


@pytest.mark.parametrize(
    ("name", "card"), [("1", "GPU-def"), ("GPU-ab", "GPU-abc"), ("GPU-def", "GPU-def"), ("5", "5"), ("MIG-1", "MIG-1")]
)
def test_a_gpu_has_one_lock_by_number_and_by_uuid(name, card):
    assert cards._card(name, ["GPU-abc", "GPU-def"]) == card


def test_nothing_is_held_where_there_are_not_so_many(monkeypatch):
    monkeypatch.delenv(cards.OWN, raising=False)
    monkeypatch.setattr(cards, "visible", lambda: ["0"])
    before = dict(os.environ)
    cards.hold(2, "run")
    cards.hold(0, "run")
    assert dict(os.environ) == before
