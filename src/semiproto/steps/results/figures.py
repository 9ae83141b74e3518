"""The rule `figures`: from tables and small images alone."""

from __future__ import annotations

from semiproto.data.layout import FILES
from semiproto.provenance.artifacts import RECEIPT, atomic_directory
from semiproto.report.drawing.results import Sources
from semiproto.report.figures import registry
from semiproto.steps.job import Job, NoConfig, Written, step


@step
def figures(job: Job[NoConfig]) -> Written:
    """Inputs: tables, data, evaluation; health, files of the train step; tsne, patches and forecast, folders."""
    given = job.inputs
    sources = Sources(
        tables=given.one("tables"),
        evaluations=given["evaluation"],
        data=given.one("data") / FILES,
        health=given["health"],
        tsne=given["tsne"],
        patches=given["patches"],
        forecasts=given["forecast"],
    )
    with atomic_directory(job.out) as drawn:
        registry.draw_all(sources, drawn)
    return Written(sorted(path.name for path in job.out.glob("[!.]*") if path.name != RECEIPT))
