"""The rule `split`: which images are labelled."""

from __future__ import annotations

from semiproto.data import splits
from semiproto.data.layout import FILES
from semiproto.params import SplitConfig
from semiproto.steps.data.lists import write_lists
from semiproto.steps.job import Job, Written, step


@step
def split(job: Job[SplitConfig]) -> Written:
    """Writes the lists labeled.txt, unlabeled.txt and val.txt of the split that `out` is named after."""
    lists = splits.make_split(job.inputs.one("data") / FILES, job.out.name, job.config.splits)
    return write_lists(job.out, lists)
