"""Some of the faults of `python tests/faults/fault_points.py`, at each step one."""

from __future__ import annotations

import random

from fault_points import COMMANDS, STEPS, FaultyCheckout, with_faults, without_faults

FAULTS = ("power cut", "step killed", "SIGTERM", "Ctrl-C", "file limit")
"""Those that need neither root nor commands of their own."""


def test_a_fault_at_every_step_changes_no_result(tmp_path, quick):
    rng = random.Random(1)
    drawn = [(step, rng.choice(FAULTS)) for step in STEPS]
    right, writes = without_faults(tmp_path / "without-faults", [quick])
    checkout = FaultyCheckout(tmp_path / "with-faults", COMMANDS["snakemake"], [quick], writes)
    checkout.path.mkdir()
    met = with_faults(checkout, right, drawn, rng)
    assert not [str(one) for one in met if one.wrong]
