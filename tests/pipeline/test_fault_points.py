"""Some of the faults of `python tests/faults/fault_points.py`, at each step one."""

from __future__ import annotations

import random

import checkouts
from fault_points import COMMANDS, STEPS, FaultyCheckout, least_writes, with_faults

FAULTS = ("power cut", "step killed", "SIGTERM", "Ctrl-C", "file limit")
"""Those that need neither root nor commands of their own."""


def test_a_fault_at_every_step_changes_no_result(without_faults, tmp_path, quick):
    rng = random.Random(1)
    drawn = [(step, rng.choice(FAULTS)) for step in STEPS]
    right = checkouts.results(without_faults)
    checkout = FaultyCheckout(tmp_path / "with-faults", COMMANDS["snakemake"], [quick], least_writes(without_faults))
    checkout.path.mkdir()
    met = with_faults(checkout, right, drawn, rng)
    assert not [str(one) for one in met if one.wrong]
