"""Which rules run again when a module changes: derived from what their steps import, and asked of the rule graph.

`python -m pytest -s tests/project/test_rules.py` prints the table.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from checkouts import Checkout

from semiproto.provenance.sources import PACKAGE, sources

ROOT = Path(__file__).parents[2]
RULE = re.compile(r"^(?:use rule \w+ as|rule) (\w+).*?(?=^(?:use rule|rule) |\Z)", re.DOTALL | re.MULTILINE)
LEAVES = {"suggest", "predict_shard", "predict_folder"}
"""Rules that hand on: no other depends on them."""
ABOVE_TABLES = {"data", "split", "pretrain", "features", "prototypes", "train", "evaluate"}


def rules():
    """(name, text) of every rule."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
    return [(match[1], match[0]) for match in RULE.finditer(text)]


@pytest.fixture(scope="module")
def own():
    """By rule, the sources of its step; those of each kind of set for the rule `data`."""
    found: dict[str, set[str]] = {}
    for name, text in rules():
        if match := re.search(r'\*code\(f?"([^"]+)"\)', text):
            kinds = ("digits", "folder", "published")
            modules = [f"data.{kind}" for kind in kinds] if "{" in match[1] else [match[1]]
            found[name] = {path.as_posix() for module in modules for path in sources(f"steps.{module}")}
    return found


@pytest.fixture(scope="module")
def reruns(own, tmp_path_factory):
    """By module, the rules that run again: those whose step imports it, and all that come after them."""
    checkout = Checkout(tmp_path_factory.mktemp("rules") / "checkout")
    checkout.path.mkdir()
    checkout.copy_working_tree()
    graph = checkout.snakemake("--rulegraph", "dot")
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', graph))
    edges = {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", graph)}
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        again = {rule for rule, files in own.items() if module in files}
        while more := {b for a, b in edges if a in again and b != "all"} - again:
            again |= more
        found[module] = again
    return found


def test_every_rule_with_a_step_has_its_sources(own):
    steps = {name for name, text in rules() if "{SEMIPROTO}" in text} | {"pretrain_fold"}
    assert set(own) == steps and all(own.values())


def test_a_change_reruns_what_depends_on_it_and_nothing_else(reruns):
    order = [name for name, _ in rules() if any(name in again for again in reruns.values())]
    print()
    for module, again in reruns.items():
        print(f"{module:36} {' '.join(name for name in order if name in again) or '-'}")
    of_report = set().union(*(again for module, again in reruns.items() if module.startswith("report/")))
    assert "tables" in of_report and not of_report & ABOVE_TABLES
    for room in ("deploy/", "cli/", "params/", "provenance/"):
        assert not any(again - LEAVES for module, again in reruns.items() if module.startswith(room)), room
    assert reruns["deploy/predict.py"] == LEAVES
    assert reruns["deploy/suggest.py"] == reruns["measure/suggestions/acquisition.py"] == {"suggest"}
    below = {"evaluate", "tables", "machine", "outcome", "figures", "report"}
    assert reruns["measure/scoring.py"] == reruns["steps/results/evaluate.py"] == below
    assert not reruns["report/page.py"] - {"report"}
    assert not reruns["measure/tsne.py"] - {"tsne", "figures", "report"}
    assert ABOVE_TABLES - {"data", "split"} <= reruns["model/network.py"]


def test_dvcs_stages_ask_for_the_rooms_that_their_rules_import(own):
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    texts = dict(rules())
    for name, stage in stages.items():
        needed = set().union(*(own[rule] for rule in re.findall(r"rules\.(\w+)\.output", texts[f"stage_{name}"])))
        rooms = [Path(dep).relative_to("src/semiproto") for dep in stage["deps"] if dep.startswith("src/")]
        assert all((PACKAGE / room).exists() for room in rooms), name
        asked = {file: [room for room in rooms if Path(file).is_relative_to(room)] for file in needed}
        assert not [file for file, found in asked.items() if not found], f"{name} does not ask for these"
        useless = set(rooms) - {room for found in asked.values() for room in found}
        assert not useless, f"{name} asks for rooms that it does not need"
