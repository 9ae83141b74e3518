"""A short search for wrong results, and that rules know the code they run.

The long search: `python tests/faults/wrong_results.py --sequences 30`.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import checkouts
import wrong_results

import semiproto
from semiproto import params
from semiproto.provenance.sources import NEUTRAL

SEQUENCES = int(os.environ.get("WRONG_RESULTS_SEQUENCES", "1"))


def test_results_are_those_of_a_clean_run_whatever_was_done(tmp_path, quick):
    wrong = wrong_results.wrong_results(SEQUENCES, 4, 7, quick, tmp_path, print)
    assert not wrong, wrong


def test_there_is_everything_that_the_search_changes():
    sources = Path(semiproto.__file__).parent
    for name, piece, other in wrong_results.CODE:
        assert piece in (text := (sources / name).read_text()) and other not in text, (name, piece, other)
    for where, values in wrong_results.PARAMS:
        for value in values:
            tree = section = checkouts.params()
            for key in where[:-1]:
                section = section[key]
            assert section[where[-1]] in values, where
            section[where[-1]] = value
            params.validate(tree, "params.yaml")


def test_a_rule_follows_every_module_that_its_step_runs(without_faults):
    followed: dict[str, set[str]] = {}
    for record in map(json.loads, (path.read_text() for path in (without_faults / ".snakemake/metadata").iterdir())):
        modules = set(re.findall(r"'([\w/-]+\.\w+) [0-9a-f]{12}'", str(record["params"])))
        step = re.search(r"-m semiproto (\S+)", record["shellcmd"])[1]  # two rules pretrain: both follow the same
        assert followed.setdefault(step, modules) == modules, record["rule"]
    ran = {tuple(line.split()) for line in without_faults.with_suffix(".modules").read_text().splitlines()}
    assert {step for step, _ in ran} == set(followed) and len(ran) > 40
    decides = {(step, name) for step, name in ran if not any(map(Path(name).is_relative_to, NEUTRAL))}
    missed = sorted(f"{step}: {name}" for step, name in decides if name not in followed[step])
    assert not missed, "\n".join(missed)
