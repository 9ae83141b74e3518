"""The rule `tables`: from the evaluations of single runs to the tables."""

from __future__ import annotations

from semiproto.report import tables as report
from semiproto.steps.job import Job, NoConfig, Written, step


@step
def tables(job: Job[NoConfig]) -> Written:
    """Inputs: evaluation, the runs that are finished; unfinished, the others, which are named and are in no number."""
    return Written(report.tables(job.inputs["evaluation"] + job.inputs["unfinished"], job.out))
