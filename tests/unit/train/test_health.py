"""What is measured of a run, and when it is called wrong."""

import copy

import pytest
import torch

from semiproto.train import health
from semiproto.train.health import PATIENCE, REMEDIES, Health

CLASSES = ["background", "cow", "sheep"]


def healthy(**changes):
    """Means of a row of a run in which nothing is wrong."""
    means = {
        "loss": [0.7],
        "coverage": [0.6],
        "agreement": [0.9],
        "pseudo_label_share": [0.7, 0.2, 0.1],
        "confidence": [0.1] * 10,
        "prototype_use": [0.4, 0.3, 0.1, 0.1, 0.05, 0.05],
        "prototype_movement": [0.01] * 6,
    }
    return means | changes


def warned(*rows):
    """The warnings of these rows, by row."""
    state = Health()
    return [state.add(20 * (n + 1), row, CLASSES) for n, row in enumerate(rows)]


def test_rows_of_few_steps_are_not_enough():
    state = Health()
    found = [state.add(step, healthy(coverage=[1.0]), CLASSES) for step in range(1, 60)]
    assert [bool(lines) for lines in found] == [False] * 50 + [True] + [False] * 8


def test_nothing_is_said_of_a_healthy_run():
    assert warned(*[healthy()] * 20) == [[]] * 20


@pytest.mark.parametrize(
    ("change", "kind", "item"),
    [
        ({"coverage": [0.009]}, "low coverage", ""),
        ({"coverage": [0.996]}, "full coverage", ""),
        ({"pseudo_label_share": [0.7, 0.3, 0.0]}, "class without pseudo-label", "sheep"),
        ({"pseudo_label_share": [0.7, 1e-7, 0.3]}, "class without pseudo-label", "cow"),
        ({"prototype_use": [0.5, 0.3, 0.1, 0.0, 0.05, 0.05]}, "dead prototype", "cow/1"),
    ],
)
def test_each_fault_is_said_once_after_some_patience(change, kind, item):
    bad = healthy(**change)
    found = warned(*[bad] * (PATIENCE - 1), healthy(), *[bad] * (2 * PATIENCE), healthy(), *[bad] * PATIENCE)
    (row,) = [row for row, lines in enumerate(found) if lines]
    assert row == 2 * PATIENCE - 1
    (line,) = found[row]
    assert "\n" not in line
    assert line.startswith(f"step {20 * (row + 1)}: {kind}" + (f" ({item}): " if item else ": "))
    assert line.endswith(REMEDIES[kind])


@pytest.mark.parametrize("coverage", [0.011, 0.994])
def test_coverage_within_the_bounds_is_fine(coverage):
    assert not any(warned(*[healthy(coverage=[coverage])] * PATIENCE))


def test_several_items_share_a_line():
    bad = healthy(prototype_use=[0.0, 0.5, 0.5, 0.0, 0.0, 0.0])
    assert warned(*[bad] * PATIENCE)[-1] == [
        f"step {20 * PATIENCE}: dead prototype (background/0, cow/1, sheep/0, sheep/1): {REMEDIES['dead prototype']}"
    ]


def test_without_confident_pixels_classes_are_not_blamed():
    bad = healthy(coverage=[0.0], pseudo_label_share=[0.0] * 3)
    assert [line.split(": ")[1] for line in warned(*[bad] * PATIENCE)[-1]] == ["low coverage"]


def test_prototypes_and_heads_are_looked_at_when_coverage_is_low():
    bad = healthy(coverage=[0.0], pseudo_label_share=[0.0] * 3, prototype_use=[0.5, 0.5, 0, 0, 0, 0])
    assert "dead prototype (cow/0, cow/1, sheep/0, sheep/1)" in " ".join(warned(*[bad] * PATIENCE)[-1])


def test_heads_that_agree_less_and_less():
    rows = [healthy(agreement=[value]) for value in (0.6, 0.8, 0.9, 0.85, 0.81, 0.79, 0.75, 0.72, 0.7, 0.65)]
    assert [bool(lines) for lines in warned(*rows)] == [False] * 9 + [True]
    assert "heads disagree" in warned(*rows)[-1][0]
    assert not any(warned(*reversed(rows)))


def test_measures_of_several_values_are_kept_in_long_form():
    state = Health()
    state.add(10, healthy(), CLASSES)
    assert {row["measure"] for row in state.rows} == {
        *("pseudo_label_share", "confidence", "prototype_use", "prototype_movement")
    }
    assert {"step": 10, "measure": "pseudo_label_share", "name": "cow", "value": 0.2} in state.rows
    assert {"step": 10, "measure": "prototype_use", "name": "sheep/1", "value": 0.05} in state.rows
    assert {"step": 10, "measure": "confidence", "name": "0.9-1.0", "value": 0.1} in state.rows


def test_an_interrupted_state_goes_on(tmp_path):
    """The streaks survive a checkpoint: plain values, read with weights_only."""
    bad, state = healthy(coverage=[1.0]), Health()
    for n in range(PATIENCE - 1):
        assert not state.add(100 * n, bad, CLASSES)
    torch.save(vars(copy.deepcopy(state)), tmp_path / "state.pt")
    restored = Health(**torch.load(tmp_path / "state.pt", weights_only=True))
    assert restored.add(999, bad, CLASSES) == state.add(999, bad, CLASSES) != []


def test_peak_memory_is_that_of_this_process():
    before = health.peak_memory(torch.device("cpu"))
    kept = torch.ones(64 * 2**20)
    assert health.peak_memory(torch.device("cpu")) - before > 0.5 * 256 or before > 1000
    assert kept.sum() > 0
