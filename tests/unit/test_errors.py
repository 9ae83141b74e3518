from __future__ import annotations

import errno
import os

import pytest
import torch

from semiproto.errors import UserError, of_memory, of_system, printable
from semiproto.provenance.artifacts import write_text


@pytest.mark.parametrize(("number", "remedy"), [(errno.ENOSPC, "free some"), (errno.EFBIG, "ulimit -f")])
def test_a_write_that_fails_names_its_file(tmp_path, monkeypatch, number, remedy):
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))  # as the system does it: without the file's name

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError) as raised:
        write_text(tmp_path / "table.csv", "1")
    line = str(of_system(raised.value))
    assert line.startswith(f"{tmp_path}/table.csv: ") and remedy in line and "nothing was lost" in line
    assert list(tmp_path.iterdir()) == []


def test_of_a_folder_that_may_not_be_entered_the_folder_is_named(tmp_path, monkeypatch):
    closed = tmp_path / "masks"
    refused = PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(closed / "deep/classes.txt"))
    assert str(of_system(refused)).startswith(f"{closed}/deep/classes.txt: not allowed here")
    (closed / "deep").mkdir(parents=True)
    # As root the tests may enter everything.
    monkeypatch.setattr(os, "access", lambda path, mode: mode == os.X_OK and path != closed)
    assert str(of_system(refused)).startswith(f"{closed}: not allowed here (permission denied); change its permissions")


def test_memory_that_runs_out_is_one_line():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60)
    assert isinstance(of_memory(raised.value), UserError)
    with pytest.raises(RuntimeError, match="shape"):
        of_memory(RuntimeError("another shape"))


def test_memory_of_a_gpu_that_runs_out_names_what_to_change():
    text = "CUDA out of memory. Tried to allocate 2.25 GiB. GPU 0 has a total capacity of 23.64 GiB of which 1 GiB"
    line = str(of_memory(torch.OutOfMemoryError(text)))
    for words in ("2.25 GiB", "23.64 GiB", "compute.checkpointing", "bfloat16", "micro_batch", "compute.gpus", "plan"):
        assert words in line


@pytest.mark.parametrize(
    "text",
    [
        "DataLoader worker (pid 12) is killed by signal: Killed. ",
        "DataLoader worker (pid(s) 3, 4) exited unexpectedly",
        "unable to allocate shared memory(shm) for file </torch_1_2>: No space left on device (28)",
        "unable to write to file </torch_1_2>: No space left on device (28)",
        "A process in the process pool was terminated abruptly while the future was running or pending.",
    ],
)
def test_a_worker_that_was_killed_is_one_line_with_a_remedy(text):
    line = str(of_memory(RuntimeError(text)))
    assert "a worker process was killed" in line and "lower compute.workers" in line


def test_names_that_are_no_text_are_printed_on_one_line():
    assert printable("a\nb\x1b[31m\udcff") == "a\\nb\\x1b[31m\\udcff"
