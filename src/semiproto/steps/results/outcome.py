"""The rule `outcome`: what was forecast beside what then happened."""

from __future__ import annotations

from semiproto.report import forecast
from semiproto.steps.job import Job, NoConfig, Written, step


@step
def outcome(job: Job[NoConfig]) -> Written:
    """Writes the CSV file `out`. Inputs: tables; forecast, the folders of the forecast step."""
    forecast.outcome(job.inputs.one("tables"), job.inputs["forecast"], job.out)
    return Written([job.out.name])
