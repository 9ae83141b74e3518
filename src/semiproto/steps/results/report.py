"""The rule `report`: one HTML file with the verdict, the tables, the figures and the receipts."""

from __future__ import annotations

from semiproto.data.layout import FILES
from semiproto.errors import UserError
from semiproto.provenance.receipts import receipt_file
from semiproto.report import page
from semiproto.report.figures.registry import is_figure
from semiproto.steps.job import Job, NoConfig, Written, step


@step
def report(job: Job[NoConfig]) -> Written:
    """Writes the file `out`.

    Inputs: tables, figures; machine, none for a report without seconds; outcome, where forecasts were made; made, the
    folders whose receipts are shown; paper, the parameter file with the paper's values; evaluation and data, none for a
    report without images. UserError without a figure.
    """
    given = job.inputs
    tables, figures, paper = (given.one(name) for name in ("tables", "figures", "paper"))
    if not any(map(is_figure, figures.iterdir())):
        raise UserError(f"{figures}: no figure in it; run `snakemake --cores all figures`, or name their folder")
    receipts = [receipt_file(folder) for folder in given["made"]]
    data = given.maybe("data")
    sources = page.PageSources(
        tables=tables,
        figures=figures,
        receipts=receipts,
        paper=paper,
        machine=given.maybe("machine"),
        evaluations=given["evaluation"],
        data=None if data is None else data / FILES,
    )
    page.write_page(sources, job.out)
    return Written([job.out.name])
