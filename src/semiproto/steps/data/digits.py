"""The rule `data` for the embedded set: made, without a download."""

from __future__ import annotations

from semiproto.data import digits
from semiproto.data.layout import FILES
from semiproto.params import DataConfig, DigitsSource
from semiproto.provenance.artifacts import atomic_directory
from semiproto.steps.data.prepared import written
from semiproto.steps.job import Job, Written, step


@step
def data(job: Job[DataConfig]) -> Written:
    """Writes the set to out/files, whole or not at all."""
    source = job.config.dataset
    assert isinstance(source, DigitsSource)
    with atomic_directory(job.out / FILES) as root:
        digits.make(root, source)
    return written(job.out)
