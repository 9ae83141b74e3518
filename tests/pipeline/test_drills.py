"""Runs that must go wrong say so while they do."""

from __future__ import annotations

import json
import shutil

import pytest
import tiny

from semiproto import params
from semiproto.data import layout


@pytest.fixture
def train(finished, tmp_path, capfd, semiproto):
    """Trains a variant with a change of the parameters: (status, warnings, what came on stderr)."""

    def run(variant, change=lambda tree: None, data=finished.path / "data/raw/tiny"):
        tree = tiny.params()
        tree["semi"] |= {"steps": 80, "validations": 1, "warm_start": False}
        change(tree)
        config = params.canonical(params.train_config(params.validate(tree, "test"), variant))
        prototypes = ["--prototypes", finished.path / "models/prototypes/tiny/8/seed0"]
        status, errors = semiproto(
            *("train", "--config", config, "--seed", 0, "--data", data),
            *("--split-dir", finished.path / "data/splits/tiny/8", "--out", tmp_path / "model"),
            *("--checkpoints", tmp_path / "checkpoints", "--compute", json.dumps(tree["compute"])),
            *(prototypes if variant == "prototype" else []),
        )
        receipt = tmp_path / "model/receipt.json"
        return status, json.loads(receipt.read_text())["facts"]["warnings"] if receipt.exists() else [], errors

    return run


def test_tau_zero_takes_every_pixel_for_sure(train):
    status, warnings, _ = train("prototype", lambda tree: tree["semi"].update(tau=0))
    assert status == 0
    (line,) = [line for line in warnings if "full coverage" in line]
    assert "raise semi.tau" in line


def test_a_rate_that_makes_the_run_diverge_stops_it_with_one_line(train):
    rates = {"lr": 10, "head_lr_factor": 100, "warmup_steps": 0}
    status, _, errors = train("prototype", lambda tree: tree["optimizer"].update(rates))
    assert status == 1 and "Traceback" not in errors
    last = errors.splitlines()[-1]
    assert last.startswith("semiproto: ") and "lower optimizer.lr" in last


def test_a_class_that_only_unlabelled_images_show_has_no_pseudo_label(train, finished, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(finished.path / "data/raw/tiny", data)
    for image_id in layout.read_list(finished.path / "data/splits/tiny/8/labeled.txt"):
        file = data / f"files/SegmentationClass/{image_id}.png"
        mask = layout.read_mask(file)
        layout.write_mask(file, mask * (mask != 6))
    status, warnings, _ = train("consistency", lambda tree: tree["semi"].update(tau=0.1), data)
    five = layout.read_classes(data / "files")[6]
    assert status == 0
    assert any(five in line and "class without pseudo-label" in line for line in warnings), warnings
