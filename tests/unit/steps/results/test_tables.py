"""The step of the tables: runs that are not finished are named, and no input."""

from made_up import write_receipt
from results_folder import ResultsFolder

from semiproto.provenance.receipts import read_receipt
from semiproto.report.evaluations import read_table
from semiproto.steps.job import Inputs, Job, NoConfig
from semiproto.steps.results.tables import tables


def test_runs_that_are_finished_are_inputs_and_the_others_are_named(tmp_path):
    results = ResultsFolder(tmp_path)
    folders = results.grid({"supervised": [50.0, 52.0], "prototype": [60.0]})
    for folder in folders:
        write_receipt(folder, "evaluate", config={}, seed=0, facts={})
    missing = tmp_path / "eval/digits/30/prototype/seed1"
    tables(Job(NoConfig(), Inputs(evaluation=folders, unfinished=[missing]), tmp_path / "tables"))
    receipt = read_receipt(tmp_path / "tables")
    assert set(receipt["inputs"]) == {folder.as_posix() for folder in folders}
    assert {"runs.csv", "summary.csv", "summary.md", "unfinished.csv"} <= set(receipt["outputs"])
    assert len(read_table(tmp_path / "tables/runs.csv")) == 3
    assert read_table(tmp_path / "tables/unfinished.csv")["run"].str.endswith("prototype/seed1").all()
