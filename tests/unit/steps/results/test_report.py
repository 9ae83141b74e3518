"""The step of the report: one file, with the receipts that it was given."""

from pathlib import Path

import pytest
from made_up import write_receipt
from PIL import Image
from results_folder import ResultsFolder

from semiproto.errors import UserError
from semiproto.provenance.receipts import read_receipt
from semiproto.report.tables import tables
from semiproto.steps.job import Inputs, Job, NoConfig
from semiproto.steps.results.report import report

PAPER = Path(__file__).parents[4] / "experiments/voc-classic.yaml"


def inputs_of(tables, figures, **more):
    """What the rule hands to the step; `more` in place of nothing."""
    others = dict.fromkeys(("outcome", "machine", "made", "evaluation", "data")) | more
    return Inputs(tables=tables, figures=figures, paper=PAPER, **others)


def test_the_page_shows_the_receipts_of_what_it_is_made_of(tmp_path):
    results = ResultsFolder(tmp_path)
    folders = results.grid({"supervised": [50.0], "prototype": [60.0]})
    tables(folders, results.tables)
    (tmp_path / "figures").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "figures/gain.png")
    data = tmp_path / "data"
    data.mkdir()
    results.data().rename(data / "files")
    for folder in (*folders, results.tables, tmp_path / "figures", data):
        write_receipt(folder, "evaluate", config={"semi": {"tau": 0.123}}, seed=7, facts={})
    inputs = inputs_of(results.tables, tmp_path / "figures", made=folders, evaluation=folders, data=data)
    out = tmp_path / "results/report.html"
    report(Job(NoConfig(), inputs, out))
    page = out.read_text()
    assert "tau: 0.123" in page and all(folder.as_posix() in page for folder in folders)
    assert page.count("All 2 scored validation images") == 1
    receipt = read_receipt(out)
    assert data.as_posix() in receipt["inputs"]
    assert set(receipt["outputs"]) == {"report.html"} and PAPER.as_posix() in receipt["inputs"]


def test_a_folder_without_figures_is_named(tmp_path):
    write_receipt(tmp_path, config={}, seed=None, facts={})
    inputs = inputs_of(tmp_path, tmp_path)
    with pytest.raises(UserError, match=f"{tmp_path}: no figure in it; run `snakemake"):
        report(Job(NoConfig(), inputs, tmp_path / "report.html"))
