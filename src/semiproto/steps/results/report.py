"""The rule `report`: one HTML file with the verdict, the tables, the figures and the receipts."""

from __future__ import annotations

from semiproto.provenance.receipts import receipt_file
from semiproto.report import page
from semiproto.steps.job import Job, NoConfig, Written, step


@step
def report(job: Job[NoConfig]) -> Written:
    """Inputs: tables, figures; outcome, where forecasts were made; made, the folders whose receipts are shown; paper,
    the parameter file with the paper's values."""
    given = job.inputs
    receipts = [receipt_file(folder) for folder in given["made"]]
    page.write_page(given.one("tables"), given.one("figures"), receipts, given.one("paper"), job.out)
    return Written([job.out.name])
