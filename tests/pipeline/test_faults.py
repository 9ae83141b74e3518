"""Some of the faults of `python tests/faults.py`, at each step one."""

from __future__ import annotations

import random

import faults
from preloaded import commands

FAULTS = ("power cut", "step killed", "SIGTERM", "Ctrl-C", "file limit")
"""Those that need neither root nor commands of their own."""


def test_a_fault_at_every_step_changes_no_result(tmp_path):
    rng = random.Random(1)
    drawn = [(step, rng.choice(FAULTS)) for step in faults.STEPS]
    with commands() as folder:
        right, writes = faults.undisturbed(tmp_path / "undisturbed", [folder])
        checkout = faults.Disturbed(tmp_path / "disturbed", faults.COMMANDS["snakemake"], [folder], writes)
        checkout.path.mkdir()
        met = faults.disturbed(checkout, right, drawn, rng)
    assert not [str(one) for one in met if one.wrong]
