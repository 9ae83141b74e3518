"""Tries that DVC remembers: in the workspace, in temporary checkouts, in its queue; each runs just its own jobs."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from pathlib import Path

import pytest
import summary
from checkouts import HANGS, Checkout

PATCHES = {"patches": 1, "figures": 1, "report": 1}
SEED = {"pretrain": 1, "features": 1, "prototypes": 1, "train": 3, "evaluate": 3, "tsne": 1}
TABLES = {"tables": 1, "machine": 1, "outcome": 1, "figures": 1, "report": 1}


@pytest.fixture
def checkout(versioned: Checkout, tmp_path: Path) -> Checkout:
    return versioned.copy(tmp_path / "checkout")


def shown(checkout: Checkout) -> dict[str, dict[str, str]]:
    """The rows of `dvc exp show`, by name of the experiment."""
    table = checkout.run("dvc", "exp", "show", "--csv").stdout
    return {row["Experiment"] or row["rev"]: row for row in csv.DictReader(io.StringIO(table))}


def assert_clean(checkout: Checkout) -> None:
    assert checkout.planned() == {}
    assert "up to date" in checkout.run("dvc", "status").stdout


def patch_size(checkout: Checkout) -> int:
    receipt = checkout.path / "results/patches/tiny/8/prototype/seed0/receipt.json"
    return json.loads(receipt.read_text())["config"]["patches"]["size"]


def test_one_more_seed_costs_one_seed_and_every_table_of_dvc_shows_it(checkout):
    output = checkout.run("dvc", "exp", "run", "--name", "more", "-S", "experiments.0.seeds=[0,1,2]").stdout
    assert summary.finished(output) == SEED | TABLES
    assert_clean(checkout)
    metric, rows = "tiny.8.prototype.miou", shown(checkout)
    old, new = (float(rows[name][metric]) for name in ("master", "more"))
    table = json.loads((checkout.path / "results/tables/metrics.json").read_text())
    assert new == table["tiny"]["8"]["prototype"]["miou"] != old
    (differences,) = json.loads(checkout.run("dvc", "metrics", "diff", "--json").stdout).values()
    assert differences[metric] == {"old": old, "new": new, "diff": new - old}
    params = json.loads(checkout.run("dvc", "params", "diff", "--json").stdout)
    assert list(params["params.yaml"]) == ["experiments"]
    checkout.run("dvc", "plots", "show", "--out", "plots")
    page = (checkout.path / "plots/index.html").read_text()
    assert all(title in page for title in ("Score on the validation images", "Share of unlabelled pixels", "vega"))


def test_a_try_in_a_temporary_checkout_leaves_the_workspace_alone_until_it_is_applied(checkout):
    output = checkout.run("dvc", "exp", "run", "--temp", "--name", "elsewhere", "-S", "patches.size=12").stdout
    assert summary.finished(output) == PATCHES
    assert patch_size(checkout) == 16 and checkout.run("git", "status", "--porcelain").stdout == ""
    assert_clean(checkout)
    checkout.run("dvc", "exp", "apply", "elsewhere")
    assert patch_size(checkout) == 12
    assert_clean(checkout)


def test_the_queue(checkout):
    """Of two that a worker takes in the background, one cannot run: it says why, and the other is not disturbed."""
    queue(checkout, "smaller", "patches.size=12")
    queue(checkout, "impossible", "patches.size=0")
    dvc = str(Path(sys.executable).with_name("dvc"))  # a stand-in ends with its caller, which a worker must not
    checkout.run(dvc, "queue", "start")
    try:
        assert finished(checkout) == {"smaller": "Success", "impossible": "Failed"}
    finally:
        checkout.run(dvc, "queue", "stop", "--kill")
    assert summary.finished(checkout.run("dvc", "queue", "logs", "smaller").stdout) == PATCHES
    assert "params.yaml: patches.size: 0 is not allowed" in checkout.run("dvc", "queue", "logs", "impossible").stdout
    assert patch_size(checkout) == 16
    assert shown(checkout)["smaller"]["patches.size"] == "12"

    queue(checkout, "waited-for", "patches.size=10")
    output = checkout.run(dvc, "exp", "run", "--run-all").stdout
    assert shown(checkout)["waited-for"]["patches.size"] == "10", output
    assert_clean(checkout)


def queue(checkout: Checkout, name: str, setting: str) -> None:
    checkout.run("dvc", "exp", "run", "--queue", "--name", name, "-S", setting)


def finished(checkout: Checkout) -> dict[str, str]:
    """What became of the queue's tasks, once all have ended."""
    deadline = time.monotonic() + HANGS
    while time.monotonic() < deadline:
        lines = checkout.run("dvc", "queue", "status").stdout.splitlines()
        tasks = {line.split()[1]: line.split()[-1] for line in lines[1:] if len(line.split()) > 3}
        tasks.pop("status:", None)
        if set(tasks.values()) <= {"Success", "Failed"}:
            return tasks
        time.sleep(1)
    raise AssertionError(lines)
