"""The step of what was measured of the machine: its files are records, which no equal run repeats."""

from made_up import write_receipt
from results_folder import ResultsFolder

from semiproto.provenance.receipts import read_receipt
from semiproto.steps.job import Inputs, Job, NoConfig
from semiproto.steps.results.machine import machine


def test_its_files_are_records(tmp_path):
    folders = ResultsFolder(tmp_path).grid({"supervised": [50.0], "prototype": [60.0]})
    for seconds, folder in enumerate(folders):
        write_receipt(folder, "evaluate", seed=0, facts={"training_seconds": seconds})
    machine(Job(NoConfig(), Inputs(evaluation=folders), tmp_path / "machine"))
    receipt = read_receipt(tmp_path / "machine")
    assert receipt["outputs"] == {} and set(receipt["records"]) == {"runs.csv", "history.csv"}
    assert set(receipt["inputs"]) == {folder.as_posix() for folder in folders}
    assert receipt["made"]["seconds"] >= 0
