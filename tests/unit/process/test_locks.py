"""Locks and leftovers of dead processes are removed, those of live ones are not."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import psutil
import pytest

from semiproto.errors import UserError
from semiproto.process import locks
from semiproto.provenance import artifacts


@pytest.fixture
def locked(tmp_path):
    """A checkout in which Snakemake, DVC and a step were killed."""
    pid = dead_pid()
    for name, text in {
        ".snakemake/locks/0.output.lock": "results/a\nresults/b\n",
        ".snakemake/holder.json": json.dumps({"pid": pid, "host": locks.socket.gethostname(), "since": "2026-01-01"}),
        ".dvc/tmp/rwlock": json.dumps({"write": {"data": {"pid": pid, "cmd": "dvc repro"}}, "read": {}}),
        f"models/semi/.model.safetensors.{pid}.tmp": "half",
        f"results/.figures.{os.getpid()}.tmp": "of a live process",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path, pid


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_dead_owners_are_named_and_their_locks_removed(locked):
    folder, pid = locked
    assert "gone" in locks.hint(folder) and "semiproto unlock" in locks.hint(folder)
    lines = list(locks.unlock(folder))
    assert f"2 files were locked by pid {pid}" in lines[0] and "dead, since 2026-01-01" in lines[0]
    assert f"pid {pid} (dvc repro), dead" in lines[1]
    assert f".model.safetensors.{pid}.tmp: half-written by pid {pid}" in lines[2]
    assert "--rerun-incomplete" in lines[3] and len(lines) == 4
    assert locks.hint(folder) == ""
    assert [path.name for path in folder.rglob("*.tmp")] == [f".figures.{os.getpid()}.tmp"]
    assert list(locks.unlock(folder)) == ["nothing is locked, and nothing was left behind"]


def test_what_another_machine_writes_is_left_alone(tmp_path, monkeypatch):
    """Whose processes are not to be seen from here, such as that of a job of a cluster."""
    target, pid = tmp_path / "results/table.csv", dead_pid()
    theirs = target.with_name(f".table.csv.0000-{pid}.tmp")
    mine = target.with_name(f".table.csv.{artifacts.HOST}-{pid}.tmp")
    monkeypatch.setattr(artifacts, "HOST", "0000")
    with artifacts.atomic_write(target) as half:
        assert half.name == theirs.name.replace(str(pid), str(os.getpid()))
        half.write_text("whole")
    monkeypatch.undo()
    for path in (theirs, mine):
        path.write_text("half")
    (told,) = [line for line in locks.unlock(tmp_path) if "another machine" in line]
    assert told.startswith(f"{theirs}: ") and theirs.exists() and not mine.exists()
    mine.write_text("half")
    artifacts.write_text(target, "whole")
    assert sorted(path.name for path in target.parent.iterdir()) == [theirs.name, "table.csv"]


def test_a_live_process_is_named_and_nothing_removed(locked, one_line):
    folder, _ = locked
    (folder / "snakemake").write_text("import sys; print('ready', flush=True); sys.stdin.read()")
    command, pipe = [sys.executable, "snakemake", "--cores"], subprocess.PIPE
    process = subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe)
    try:
        assert process.stdout.read(5) == b"ready"
        assert f"at work: pid {process.pid}" in locks.hint(folder)
        with pytest.raises(UserError) as error:
            list(locks.unlock(folder))
        one_line(error, folder, f"pid {process.pid} since", "snakemake --cores", f"kill {process.pid}")
        assert (folder / ".snakemake/locks/0.output.lock").exists() and (folder / ".dvc/tmp/rwlock").exists()
    finally:
        process.kill()
        process.communicate()


def test_a_lock_of_another_machine_stays(locked, one_line):
    folder, _ = locked
    (folder / locks.HOLDER).write_text(json.dumps({"pid": 1, "host": "elsewhere", "since": "2026-01-01"}))
    with pytest.raises(UserError) as error:
        list(locks.unlock(folder))
    one_line(error, "elsewhere", "semiproto unlock", "snakemake --unlock")
    assert (folder / ".snakemake/locks/0.output.lock").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"write": {"data": 3}}', '{"read": {"data": null}}'])
def test_a_damaged_lock_of_dvc_is_removed(tmp_path, text):
    path = tmp_path / locks.DVC_LOCKS
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert "damaged; removed" in next(iter(locks.unlock(tmp_path)))
    assert not path.exists()


@pytest.mark.parametrize("text", ["{}", '{"write": {}, "read": {}}', '{"read": {"data": []}}', '{"write": {}}'])
def test_locks_that_dvc_gave_back_are_nobodys(tmp_path, text):
    path = tmp_path / locks.DVC_LOCKS
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert list(locks.unlock(tmp_path)) == ["nothing is locked, and nothing was left behind"]
    assert path.exists()


def test_this_process_and_its_callers_are_not_in_the_way(tmp_path):
    assert not {os.getpid(), psutil.Process().ppid()} & {process.pid for process in locks.at_work(tmp_path)}


def test_the_holder_is_this_process(tmp_path):
    locks.record_holder(tmp_path)
    found = locks.holder(tmp_path)
    assert found is not None and found.pid == os.getpid() and found.host == locks.socket.gethostname()
