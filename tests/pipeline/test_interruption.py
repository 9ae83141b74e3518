"""A training that is killed goes on with the same command and ends with the same weights, bit for bit."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time

import pytest
import tiny

from semiproto import params
from semiproto.artifacts import sha256_file

STEPS = 200


@pytest.fixture(scope="module")
def training(finished, tmp_path_factory):
    """The command of a prototype run that is long enough to be killed, given where to write."""
    tree = tiny.params()
    tree["semi"] |= {"steps": STEPS, "checkpoint_every": 3, "validations": 3}
    config = params.canonical(params.train_config(params.validate(tree, "test"), "prototype"))
    base = tmp_path_factory.mktemp("training")

    def command(name: str) -> list[str]:
        return [
            *(sys.executable, "-m", "semiproto", "train", "--config", config, "--seed", "0"),
            *("--data", str(finished.path / "data/raw/tiny"), "--split", str(finished.path / "data/splits/tiny/8")),
            *("--pretrained", str(finished.path / "models/pretrain/tiny/8/seed0")),
            *("--prototypes", str(finished.path / "models/prototypes/tiny/8/seed0")),
            *("--out", str(base / name / "model"), "--checkpoints", str(base / name / "checkpoints")),
            *("--compute", json.dumps({"gpus": 0, "threads": 1, "workers": 0})),
        ]

    return base, command


@pytest.fixture(scope="module")
def undisturbed(training):
    base, command = training
    subprocess.run(command("whole"), check=True)
    return sha256_file(base / "whole/model/model.safetensors"), sha256_file(base / "whole/model/student.safetensors")


def weights(folder):
    return sha256_file(folder / "model/model.safetensors"), sha256_file(folder / "model/student.safetensors")


@pytest.mark.parametrize("attempt", range(3))
def test_kill_9_at_a_random_moment(training, undisturbed, attempt):
    base, command = training
    folder = base / f"killed{attempt}"
    process = subprocess.Popen(command(folder.name))
    wait_for(folder / "checkpoints/latest.pt", process)
    time.sleep(random.uniform(0, 1.5))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "model/receipt.json").exists()
    resumed = subprocess.run(command(folder.name), check=True, capture_output=True, text=True)
    assert "goes on at step" in resumed.stdout
    assert weights(folder) == undisturbed
    assert not (folder / "checkpoints").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_says_so(training, undisturbed, number):
    base, command = training
    folder = base / f"stopped{number}"
    process = subprocess.Popen(command(folder.name), stderr=subprocess.PIPE, text=True)
    wait_for(folder / "checkpoints/latest.pt", process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from there" in errors.splitlines()[-1]
    subprocess.run(command(folder.name), check=True)
    assert weights(folder) == undisturbed


def wait_for(path, process):
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
