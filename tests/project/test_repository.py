"""The checks that keep the tree in order: style, types, the shipped experiments, the lock file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from semiproto import params

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "command", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy", "--cache-dir", "/dev/null")]
)
def test_style_and_types(command):
    result = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_shipped_parameters_are_the_embedded_experiment():
    assert params.load(ROOT / "params.yaml") == params.load(ROOT / "experiments/embedded.yaml")


@pytest.mark.parametrize("file", sorted((ROOT / "experiments").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_experiment_is_valid(file):
    assert params.load(file).experiments


def test_every_section_of_the_parameters_makes_some_stage_ask():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    asked = {key.partition(".")[0] for stage in stages for key in stage["params"]}
    # DVC demands a key that it asks for, and what is suggested or predicted is no result that it keeps.
    assert asked == set(params.Params.model_fields) - {"compute", "suggest", "predict"}


def test_the_lock_file_pins_every_version_and_names_no_address():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert all(re.match(r"[a-z0-9._-]+==\S+( ; .+)?$", line) for line in lines)
    assert "://" not in "".join(lines)
