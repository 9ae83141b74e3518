"""What was measured of the machine has tables of its own, and the report shows the seconds of them."""

import csv

import pytest
from made_up import write_receipt

from semiproto.errors import UserError
from semiproto.report import machine, tables
from semiproto.report.page import PageSources, write_page


@pytest.fixture
def folders(results):
    """Two variants of two seeds, whose receipts say how long their training took."""
    found = results.grid({"supervised": [50.0, 52.0], "prototype": [60.0, 61.0]})
    for seconds, folder in enumerate(found, start=100):
        facts = {"training_seconds": seconds}
        write_receipt(folder, "evaluate", outputs={}, config={}, inputs=[], seed=0, seconds=1, facts=facts)
    return found


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_seconds_and_memory_by_run(results, folders):
    assert machine.tables(folders, results.root / "machine") == ["runs.csv", "history.csv"]
    assert rows(results.root / "machine/runs.csv") == [
        ["dataset", "labels", "variant", "seed", "seconds"],
        ["digits", "30", "supervised", "0", "100.0"],
        ["digits", "30", "supervised", "1", "101.0"],
        ["digits", "30", "prototype", "0", "102.0"],
        ["digits", "30", "prototype", "1", "103.0"],
    ]
    head, *history = rows(results.root / "machine/history.csv")
    assert head == ["dataset", "labels", "variant", "seed", "step", "seconds", "memory_mib"]
    assert len(history) == 8 and history[1] == ["digits", "30", "supervised", "0", "20", "2", "600"]


def test_a_run_that_is_not_finished_is_passed_over(results, folders):
    (folders[0] / "metrics.json").unlink()
    machine.tables(folders, results.root / "machine")
    assert len(rows(results.root / "machine/runs.csv")) == 4


def test_a_receipt_without_seconds_is_named(results):
    folder = results.run("prototype", 0, 60.0)
    write_receipt(folder, "evaluate", outputs={}, config={}, inputs=[], seed=0, seconds=1)
    with pytest.raises(UserError, match=r"prototype/seed0/receipt\.json: has no training_seconds; delete "):
        machine.tables([folder], results.root / "machine")


def test_the_report_shows_the_seconds_of_each_run_and_their_mean(results, folders, paper):
    tables.tables(folders, results.tables)
    machine.tables(folders, results.root / "machine")
    page = results.root / "report.html"
    write_page(PageSources(results.tables, results.root / "figures", [], paper, results.root / "machine"), page)
    shown = page.read_text(encoding="utf-8")
    assert ">102<" in shown and ">103.0<" in shown and "wall-clock seconds" in shown
    write_page(PageSources(results.tables, results.root / "figures", [], paper), page)
    assert "seconds" not in page.read_text(encoding="utf-8").partition('<h2 id="receipts">')[0]
