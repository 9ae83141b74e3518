"""The step of what runs took of the machine: records, so that two equal runs have equal outputs."""

from made_up import write_receipt

from semiproto.provenance.receipts import read_receipt
from semiproto.steps.job import Inputs, Job, NoConfig
from semiproto.steps.results.machine import machine
from unit.report.conftest import ResultsFolder


def test_what_differs_between_equal_runs_is_no_output(tmp_path):
    folders = ResultsFolder(tmp_path).grid({"supervised": [50.0], "prototype": [60.0]})
    for folder in folders:
        write_receipt(folder, "evaluate", config={}, seed=0, facts={"training_seconds": 5.0})
    machine(Job(NoConfig(), Inputs(evaluation=folders), tmp_path / "machine"))
    receipt = read_receipt(tmp_path / "machine")
    written = {path.name for path in (tmp_path / "machine").iterdir()} - {"receipt.json"}
    assert receipt["outputs"] == {} and set(receipt["records"]) == written != set()
    assert set(receipt["inputs"]) == {folder.as_posix() for folder in folders}
