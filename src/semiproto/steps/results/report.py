"""The rule `report`: one HTML file with the verdict, the tables, the figures and the receipts."""

from __future__ import annotations

from semiproto.provenance.receipts import receipt_file
from semiproto.report import page
from semiproto.steps.job import Job, NoConfig, Written, step


@step
def report(job: Job[NoConfig]) -> Written:
    """Writes the file `out`.

    Inputs: tables, figures; machine, none for a report without seconds; outcome, where forecasts were made; made, the
    folders whose receipts are shown; paper, the parameter file with the paper's values.
    """
    given = job.inputs
    tables, figures, paper = (given.one(name) for name in ("tables", "figures", "paper"))
    receipts = [receipt_file(folder) for folder in given["made"]]
    page.write_page(tables, figures, receipts, paper, job.out, given.maybe("machine"))
    return Written([job.out.name])
