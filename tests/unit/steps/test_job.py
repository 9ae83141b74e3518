"""Every step: what it is handed, and the receipt that it leaves when it is done, and not before."""

from pathlib import Path

import pytest
from made_up import write_receipt

from semiproto.provenance.artifacts import RECEIPT, sha256_file, write_text
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.job import Inputs, Job, NoConfig, Written, step


@pytest.fixture
def job(tmp_path):
    """A job with one input, whose receipt says that its only output is `first`."""
    write_receipt(tmp_path / "in", outputs={"file": "first"}, config={}, seed=None, facts={})
    return Job(NoConfig(), Inputs(data=tmp_path / "in"), tmp_path / "out", seed=4)


@step
def count(job):
    write_text(job.out / "table.csv", "1")
    write_text(job.out / "times.csv", "2")
    return Written(["table.csv"], records=["times.csv"], facts={"rows": 1}, seconds=12.5)


def test_the_receipt_names_the_step_its_inputs_and_its_outputs(job):
    count(job)
    found = read_receipt(job.out)
    assert (found["step"], found["seed"], found["facts"]) == ("count", 4, {"rows": 1})
    assert found["inputs"] == {(job.inputs.one("data")).as_posix(): {"file": "first"}}
    assert found["outputs"] == {"table.csv": sha256_file(job.out / "table.csv")}
    assert found["records"] == {"times.csv": sha256_file(job.out / "times.csv")}
    assert found["made"]["seconds"] == 12.5


def test_a_step_that_fails_leaves_no_receipt(job):
    @step
    def broken(job):
        write_text(job.out / "table.csv", "half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        broken(job)
    assert not (job.out / RECEIPT).exists()


def test_an_output_that_was_not_written_leaves_no_receipt(job):
    @step
    def forgetful(job):
        job.out.mkdir()
        return Written(["table.csv"])

    with pytest.raises(OSError):
        forgetful(job)
    assert not (job.out / RECEIPT).exists()


def test_only_the_first_of_several_processes_writes_the_receipt(job):
    @step
    def second(job):
        job.out.mkdir()

    second(job)
    assert list(job.out.iterdir()) == []


def test_inputs_are_those_that_were_there_at_the_start(job):
    """They may be made again while the step works for hours on what it read."""

    @step
    def slow(job):
        write_receipt(job.inputs.one("data"), outputs={"file": "second"}, config={}, seed=None, facts={})
        job.out.mkdir()
        return Written([])

    slow(job)
    assert list(read_receipt(job.out)["inputs"].values()) == [{"file": "first"}]


def test_what_is_left_to_do_comes_after_the_receipt(job):
    seen = []

    @step
    def trained(job):
        job.out.mkdir()
        return Written([], afterwards=lambda: seen.append((job.out / RECEIPT).exists()))

    trained(job)
    assert seen == [True]


def test_the_receipt_of_a_file_lies_beside_it(job, tmp_path):
    @step
    def page(job):
        write_text(job.out, "<html>")
        return Written([job.out.name])

    target = tmp_path / "results/report.html"
    page(Job(NoConfig(), job.inputs, target))
    assert sorted(path.name for path in target.parent.iterdir()) == ["report.html", f"report.{RECEIPT}"]


# --------------------------------------------------------------------------------------------------- inputs


def test_inputs_by_name():
    inputs = Inputs(data=Path("d"), model=[Path("m1"), Path("m2")], prototypes=None, tsne=iter([Path("t")]))
    assert inputs.one("data") == Path("d") and inputs["model"] == [Path("m1"), Path("m2")]
    assert inputs.maybe("prototypes") is None and inputs.maybe("tsne") == Path("t")
    for name in ("model", "prototypes"):
        with pytest.raises(ValueError):
            inputs.one(name)


def test_each_input_is_named_once_and_runs_that_are_not_finished_are_not():
    inputs = Inputs(data=Path("d"), split=Path("s"), model=[Path("m"), Path("d")], unfinished=[Path("u")])
    assert inputs.paths() == [Path("d"), Path("s"), Path("m")]
