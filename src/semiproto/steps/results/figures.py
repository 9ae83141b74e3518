"""The rule `figures`: from tables and small images alone."""

from __future__ import annotations

from semiproto.data.layout import FILES
from semiproto.errors import UserError
from semiproto.provenance.artifacts import RECEIPT, atomic_directory
from semiproto.report.drawing.results import Sources
from semiproto.report.figures import registry
from semiproto.steps.job import Job, NoConfig, Written, step


@step
def figures(job: Job[NoConfig]) -> Written:
    """Takes the place of the folder `out`; UserError where that holds anything but figures.

    Inputs: tables, data, evaluation; health, files of the train step; tsne, patches and forecast, folders.
    """
    given = job.inputs
    for path in job.out.glob("[!.]*"):
        if path.name != RECEIPT and not registry.is_figure(path):
            raise UserError(
                f"{path}: not a figure, and figures take the place of {job.out}; name a folder for them alone"
            )
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
