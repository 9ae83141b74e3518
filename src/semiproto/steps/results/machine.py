"""The rule `machine`: what the runs took of the machine that ran them, kept out of git."""

from __future__ import annotations

from semiproto.report import machine as report
from semiproto.steps.job import Job, NoConfig, Written, step


@step
def machine(job: Job[NoConfig]) -> Written:
    """Inputs: evaluation, the runs that are finished."""
    return Written([], records=report.tables(job.inputs["evaluation"], job.out))
