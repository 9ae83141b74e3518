"""Rows, scores and tables of a training run."""

from dataclasses import asdict

import pytest

from semiproto.train.health import Health
from semiproto.train.history import Result

CLASSES = ["background", "cow"]


def test_a_row_is_the_mean_of_the_steps_that_measured_something():
    result = Result(seconds=1.234)
    result.add({"loss": [1.0]})
    result.add({"loss": [2.0], "coverage": [0.5]})
    result.end_row(2, 0.1, 10.4, CLASSES)
    assert result.history == [{"step": 2, "lr": 0.1, "loss": 1.5, "coverage": 0.5}]


def test_measures_of_the_machine_have_a_table_of_their_own():
    result = Result(seconds=1.234)
    speeds = ({"images_per_second": [5.0], "data_wait": [0.5], "step_seconds": [0.2]}, {"images_per_second": [7.0]})
    for speed in speeds:
        result.add({"loss": [1.0], **speed})
    result.end_row(2, 0.1, 10.4, CLASSES)
    assert result.history == [{"step": 2, "lr": 0.1, "loss": 1.0}]
    row = {"step": 2, "seconds": 1.23, "images_per_second": 6.0, "data_wait": 0.5, "step_seconds": 0.2}
    assert result.machine == [row | {"memory_mib": 10}]


def test_a_row_begins_where_the_one_before_ended():
    result = Result()
    for step, loss in enumerate((1.0, 5.0), start=1):
        result.add({"loss": [loss]})
        result.end_row(step, 0.1, 0, CLASSES)
    assert [row["loss"] for row in result.history] == [1.0, 5.0]


def test_what_has_a_value_for_each_class_goes_to_the_health_table():
    result = Result()
    result.add({"loss": [1.0], "pseudo_label_share": [0.25, 0.75]})
    result.end_row(1, 0.1, 0, CLASSES)
    result.validated(1, {"miou": [50.0], "validation_coverage": [0.5, 1.0]}, CLASSES)
    assert result.scores == [{"step": 1, "miou": 50.0}]
    tables = result.tables()
    assert (
        list(tables) == ["history.csv", "machine.csv", "health.csv"]
        and "pseudo_label_share" not in tables["history.csv"]
    )
    rows = [*tables["health.csv"].itertuples(index=False, name=None)]
    shares = [(1, "pseudo_label_share", "background", 0.25), (1, "pseudo_label_share", "cow", 0.75)]
    assert rows == [*shares, (1, "validation_coverage", "background", 0.5), (1, "validation_coverage", "cow", 1.0)]


def test_a_checkpoint_in_the_middle_of_a_row_loses_nothing():
    result = Result()
    result.add({"loss": [1.0]})
    found = asdict(result)
    resumed = Result(**found | {"health": Health(**found["health"])})
    resumed.add({"loss": [2.0]})
    resumed.end_row(2, 0.1, 0, CLASSES)
    assert resumed.history[0]["loss"] == pytest.approx(1.5)
