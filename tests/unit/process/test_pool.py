"""Work on many files: the same results, in order, alone and by processes."""

import math

import pytest

from semiproto.process import pool
from semiproto.process.pool import cores, mapped
from semiproto.process.progress import Progress


@pytest.mark.parametrize("worth", [1, 1000])
def test_results_come_in_order_however_many_processes(monkeypatch, worth):
    monkeypatch.setattr(pool, "WORTH_PROCESSES", worth)
    items = list(range(70))
    assert list(mapped(math.sqrt, items, Progress("test", len(items), "numbers"))) == [math.sqrt(n) for n in items]


def test_there_is_a_core():
    assert cores() >= 1
