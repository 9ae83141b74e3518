"""Work on many files: the same results, in order, alone, by processes and by threads."""

import math
import subprocess
import sys
import threading

import pytest

from semiproto.process import pool
from semiproto.process.pool import Cores, cores, mapped
from semiproto.process.progress import Progress


@pytest.mark.parametrize("worth", [1, 1000])
def test_results_come_in_order_however_many_processes(monkeypatch, worth):
    monkeypatch.setattr(pool, "WORTH_PROCESSES", worth)
    items = list(range(70))
    assert list(mapped(math.sqrt, items, Progress("test", len(items), "numbers"))) == [math.sqrt(n) for n in items]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent ended")
def test_processes_end_with_the_one_that_started_them_however_it_ends():
    with subprocess.Popen([sys.executable, "-c", AT_WORK], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout.readline() == "at work\n"
        caller.kill()
        assert caller.stdout.read() == ""  # to the end: the workers, which have it too, have gone


AT_WORK = """
import math, threading
from semiproto.process import pool
from semiproto.process.progress import Progress
if __name__ == "__main__":
    pool.WORTH_PROCESSES = 1
    results = pool.mapped(math.sqrt, range(100), Progress("test", 100, "numbers"))
    next(results)
    print("at work", flush=True)
    threading.Event().wait()
"""


def test_there_is_a_core():
    assert cores() >= 1


def test_threads_give_results_in_order_and_no_more_has_begun_than_weighs_so_much():
    begun, taken, most = [], [], 0

    def items():
        nonlocal most
        for n in range(30):
            most = max(most, sum(1 + n % 3 for n in begun) - sum(1 + n % 3 for n in taken))
            yield n, 1 + n % 3
            begun.append(n)

    for n in Cores(3).mapped(lambda n: n, items(), most=4):
        taken.append(n)
    assert taken == list(range(30)) and most <= 4


def test_an_item_that_weighs_too_much_goes_alone():
    assert list(Cores(1).mapped(str, [(n, 9.0) for n in range(3)], most=1)) == ["0", "1", "2"]


def test_an_error_tells_what_has_begun_to_stop_and_drops_the_rest():
    many, done, waits = Cores(2), [], threading.Event()

    def work(n):
        if n == 0:
            assert waits.wait(600)
            raise ValueError("first")
        waits.set()
        assert many.stopped.wait(600)
        done.append(n)

    with pytest.raises(ValueError, match="first"):
        list(many.mapped(work, [(n, 1) for n in range(20)], most=20))
    assert 1 <= len(done) <= 3  # threads


def test_work_has_cores_of_its_own():
    many, held, lock = Cores(3), [0], threading.Lock()

    def work(count):
        with many.taken(count):
            with lock:
                held.append(held[-1] + count)
            with lock:
                held.append(held[-1] - count)

    list(many.mapped(work, [(1 + n % 3, 1) for n in range(60)], most=60))
    assert max(held) <= 3 and held[-1] == 0
