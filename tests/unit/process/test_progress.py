"""Progress in plain lines: not too many, with the time that is left."""

import pytest

from semiproto.process import progress
from semiproto.process.progress import Progress, clock


@pytest.fixture
def passes(monkeypatch):
    """Lets seconds pass on the clock."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def passes(seconds):
        now[0] += seconds

    return passes


@pytest.fixture
def said(capsys):
    return lambda: capsys.readouterr().err.splitlines()


def test_a_line_comes_every_few_seconds_and_at_the_end(passes, said):
    found = Progress("train", 10, "steps")
    for _ in range(10):
        passes(2)
        found.update()
    assert said() == [
        "train: 3/10 steps (30 %), ETA 0:14",
        "train: 6/10 steps (60 %), ETA 0:08",
        "train: 9/10 steps (90 %), ETA 0:02",
        "train: 10/10 steps (100 %), 0:20",
    ]


def test_what_was_there_before_does_not_make_it_look_fast(passes, said):
    found = Progress("predict", 100, "images", done=90)
    passes(6)
    found.update(extra="3 skipped")
    assert said() == ["predict: 91/100 images (91 %), ETA 0:54, 3 skipped"]


def test_updates_that_come_at_once_are_one_line(passes, said):
    found = Progress("data", 1000, "images")
    for _ in range(999):
        found.update()
    assert said() == []
    found.update()
    assert said() == ["data: 1000/1000 images (100 %), 0:00"]


def test_nothing_to_do_and_more_than_all(passes, said):
    Progress("data", 0, "images").update(0)
    found = Progress("data", 2, "images")
    found.update(3)
    assert said() == ["data: 0/0 images (0 %), 0:00", "data: 3/2 images (150 %), 0:00"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00"),
        (0.4, "0:00"),
        (59.6, "1:00"),
        (61, "1:01"),
        (3599.4, "59:59"),
        (3600, "1:00:00"),
        (90061, "25:01:01"),
    ],
)
def test_a_clock(seconds, shown):
    assert clock(seconds) == shown
