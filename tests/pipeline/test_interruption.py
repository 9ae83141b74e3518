"""A training that is killed goes on with the same command and ends with the same weights, bit for bit."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny
from gates import PATIENCE, Gate

from semiproto import params
from semiproto.provenance.artifacts import sha256_file
from semiproto.train import checkpoint

STEPS = 20


def at_checkpoints() -> Gate:
    """A gate before a checkpoint takes the place of another: a command that waits there cannot end by itself."""
    return Gate(checkpoint.PREVIOUS)


class Training:
    """The command of a prototype run with many checkpoints, in a folder of its own."""

    def __init__(self, checkout, folder: Path, processes: int, python: Path) -> None:
        tree = tiny.params()
        tree["semi"] |= {"steps": STEPS, "checkpoint_every": 2, "validations": 3}
        config = params.canonical(params.train_config(params.validate(tree, "test"), "prototype"))
        self.folder, self.processes = folder, processes
        self.command = [
            *(str(python), "-m", "semiproto", "train", "--config", config, "--seed", "0"),
            *("--data", str(checkout.path / "data/raw/tiny"), "--split-dir", str(checkout.path / "data/splits/tiny/8")),
            *("--pretrained", str(checkout.path / "models/pretrain/tiny/8/seed0")),
            *("--prototypes", str(checkout.path / "models/prototypes/tiny/8/seed0")),
            *("--out", str(folder / "model"), "--checkpoints", str(folder / "checkpoints")),
        ]

    def start(self, workers: int = 0, gate: Gate | None = None) -> subprocess.Popen[str]:
        """Starts the command, in a process group of its own. gate: where it waits."""
        compute = tiny.params()["compute"] | {"processes": self.processes, "workers": workers}
        command = [*self.command, "--compute", json.dumps(compute)]
        return subprocess.Popen(
            command,
            env=gate.environment() if gate else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    def finish(self) -> str:
        """Runs to the end; what it printed."""
        process = self.start()
        output = process.communicate()[0]
        assert process.returncode == 0, output
        return output

    def saved_step(self) -> int:
        return int(checkpoint._read(self.folder / "checkpoints/latest.pt")["step"])

    def weights(self) -> tuple[str, str]:
        return tuple(sha256_file(self.folder / f"model/{name}.safetensors") for name in ("model", "student"))


@pytest.fixture(scope="module")
def training(finished, quick, tmp_path_factory):
    """A training of its own; one of several processes is started as users do, as it starts processes itself."""
    python = {True: Path(sys.executable), False: quick / "python"}
    return lambda processes: Training(finished, tmp_path_factory.mktemp("training"), processes, python[processes > 1])


@pytest.fixture(scope="module")
def undisturbed(training):
    """The weights of whole runs, by number of processes."""
    found = {}
    for processes in (1, 2):
        run = training(processes)
        run.finish()
        found[processes] = run.weights()
    return found


def ranks(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a launcher started."""
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


@pytest.mark.parametrize("processes", [1, 2])
def test_kills_at_random_moments(training, undisturbed, processes):
    """With two processes the launcher and each of its two, once; the number of loader workers changes each time."""
    run = training(processes)
    for attempt in range(3):
        with at_checkpoints() as gate:
            process = run.start(workers=attempt % 3, gate=gate)
            gate.let_pass(process)  # a checkpoint of this attempt,
            gate.let_pass(process)  # and somewhere between the next two
            time.sleep(random.uniform(0, 0.3))
            victims = [process.pid, *(ranks(process) if processes > 1 else [])]
            others = [pid for pid in ranks(process) if pid not in victims]
            os.kill(victims[attempt % len(victims)], signal.SIGKILL)
            # Within the gate, or what still lives of the command would meanwhile run to its end.
            output = process.communicate(timeout=PATIENCE)[0]
        assert process.returncode in (-signal.SIGKILL, 1), output
        if process.returncode == 1:
            assert output.splitlines()[-1].startswith("semiproto: process ") and "SIGKILL" in output.splitlines()[-1]
            assert "Traceback" not in output
        assert attempt == 0 or "goes on at step" in output
        assert not (run.folder / "model/receipt.json").exists()
        wait_until_gone([*victims, *others])
    assert "goes on at step" in run.finish()
    assert run.weights() == undisturbed[processes]
    assert not (run.folder / "checkpoints").exists()


@pytest.mark.parametrize(
    ("number", "processes", "workers"),
    [(signal.SIGINT, 1, 0), (signal.SIGTERM, 1, 2), (signal.SIGINT, 1, 1), (signal.SIGTERM, 2, 1)],
)
def test_a_stop_signal_saves_and_says_so(training, undisturbed, number, processes, workers):
    """Sent to the whole process group, as a terminal and schedulers do: loader workers get it too."""
    run = training(processes)
    with at_checkpoints() as gate:
        process = run.start(workers, gate)
        gate.let_pass(process)
        gate.wait(process)
        before = run.saved_step()
        os.killpg(process.pid, number)
        gate.open(process)
    output = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 130, output
    assert output.splitlines()[-1].startswith("semiproto: ") and "the same command goes on from" in output
    assert "Traceback" not in output
    assert run.saved_step() > before
    run.finish()
    assert run.weights() == undisturbed[processes]


@pytest.fixture
def small_shared_memory():
    """A command that runs another with so much /dev/shm, in bytes; skipped where that may not be mounted."""
    inside = 'mount -t tmpfs -o size="$0" tmpfs /dev/shm && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", inside]
    if sys.platform != "linux" or subprocess.run([*command, "64k", "true"], capture_output=True).returncode:
        pytest.skip("mounting needs root on Linux")
    return lambda size, *others: [*command, str(size), *others]


@pytest.mark.parametrize(
    ("pages", "processes", "said"),
    [(3, 1, "No space left"), (8, 2, "No space left"), (40, 1, "a worker process was killed")],
    ids=["no queue", "no queue of a process", "no batch"],
)
def test_full_shared_memory_is_one_line(training, small_shared_memory, pages, processes, said):
    """A queue to a worker takes three pages; batches come after."""
    run = training(processes)
    run.command = small_shared_memory(pages * os.sysconf("SC_PAGESIZE"), sys.executable, *run.command[1:])
    process = run.start(workers=1)
    output = process.communicate(timeout=PATIENCE)[0]
    (line,) = output.splitlines()
    assert process.returncode == 1 and line.startswith("semiproto: ") and said in line and "compute.workers" in line
    assert not subprocess.run(["pgrep", "--full", str(run.folder)], capture_output=True).stdout


def test_a_checkpoint_of_another_content_is_passed_over(training, undisturbed):
    run = training(1)
    with at_checkpoints() as gate:
        process = run.start(gate=gate)
        gate.let_pass(process)
        gate.wait(process)
        process.kill()
        process.communicate()  # here: the command behind a stand-in must not find the gate gone before it is killed
    latest = run.folder / "checkpoints/latest.pt"
    data = bytearray(latest.read_bytes())
    data[len(data) // 2] ^= 1
    latest.write_bytes(data)
    output = run.finish()
    assert f"{latest}: not a usable checkpoint" in output
    assert run.weights() == undisturbed[1]


def test_a_fault_in_several_processes_is_said_once(training, tmp_path):
    run = training(2)
    broken = run.command.index("--prototypes") + 1
    run.command[broken] = str(tmp_path / "nowhere")
    process = run.start()
    output = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 1
    assert "nowhere" in output and output.count("semiproto: ") == 1 and "Traceback" not in output


def wait_until_gone(pids: list[int]) -> None:
    """Until none of the processes is there: whatever outlives its launcher would disturb the run that resumes."""
    deadline = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{pid}").exists() and "Z" not in state_of(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2]
    except FileNotFoundError:
        return "Z"


def test_torchrun_with_a_number_that_does_not_divide_the_batch(training):
    run = training(1)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "3", "-m"]
    compute = ["--compute", json.dumps(tiny.params()["compute"])]
    result = subprocess.run([*launcher, *run.command[2:], *compute], capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode != 0
    assert result.stderr.count("semiproto: torchrun --nproc-per-node: 3 processes cannot share a batch of 2") == 1
