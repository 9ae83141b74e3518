"""The step of the figures: all of them, or the former ones."""

import pytest
from made_up import write_receipt
from results_folder import ResultsFolder

from semiproto.errors import UserError
from semiproto.provenance.receipts import read_receipt
from semiproto.report.tables import tables
from semiproto.steps.job import Inputs, Job, NoConfig
from semiproto.steps.results.figures import figures


@pytest.fixture
def job(tmp_path):
    results = ResultsFolder(tmp_path)
    folders = results.grid({"supervised": [50.0], "prototype": [60.0]})
    tables(folders, results.tables)
    results.data().rename(tmp_path / "files")
    (tmp_path / "set").mkdir()
    (tmp_path / "files").rename(tmp_path / "set/files")
    for folder in (*folders, results.tables, tmp_path / "set"):
        write_receipt(folder, config={}, seed=None, facts={})
    inputs = Inputs(
        tables=results.tables,
        data=tmp_path / "set",
        evaluation=folders,
        health=None,
        tsne=None,
        patches=None,
        forecast=None,
    )
    return Job(NoConfig(), inputs, tmp_path / "figures")


def test_every_file_is_an_output(job):
    figures(job)
    written = {path.name for path in job.out.iterdir()} - {"receipt.json"}
    assert set(read_receipt(job.out)["outputs"]) == written
    assert any(name.endswith(".png") for name in written)


def test_figures_that_cannot_be_drawn_leave_the_former_ones(job):
    figures(job)
    before = {path.name: path.read_bytes() for path in job.out.iterdir()}
    (job.inputs["evaluation"][1] / "metrics.json").write_text("{")
    (job.inputs.one("tables") / "runs.csv").write_text("")
    with pytest.raises(UserError):
        figures(job)
    assert {path.name: path.read_bytes() for path in job.out.iterdir()} == before


def test_a_folder_that_holds_something_else_is_not_replaced(job):
    job.out.mkdir()
    (job.out / "holiday.png").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"holiday\.png: not a figure, and figures take the place of"):
        figures(job)
    assert [path.name for path in job.out.iterdir()] == ["holiday.png"]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("health", "models/semi/digits/60/prototype/seed0/health.csv"),
        ("tsne", "results/tsne/digits/60/seed0"),
        ("patches", "results/patches/digits/60/prototype/seed0"),
        ("forecast", "results/forecast/digits/60/seed0"),
    ],
)
def test_what_belongs_to_no_evaluation_is_named(job, name, path):
    given = job.out.parent / path
    if name == "health":
        given.parent.mkdir(parents=True)
        given.write_text("step,measure,name,value\n")
    else:
        write_receipt(given, config={}, seed=None, facts={})
    job.inputs[name] = [given]
    with pytest.raises(UserError, match=f"{given}: belongs to none of the evaluations"):
        figures(job)
