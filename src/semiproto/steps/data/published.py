"""The rule `data` for a published set: downloaded and converted."""

from __future__ import annotations

from pathlib import Path

from semiproto.data.layout import FILES
from semiproto.data.published import catalog, conversion, download
from semiproto.params import DataConfig, PublishedSource
from semiproto.provenance.artifacts import atomic_directory
from semiproto.steps.data.prepared import written
from semiproto.steps.job import Job, Written, step


@step
def data(job: Job[DataConfig]) -> Written:
    """Writes the set to out/files, whole or not at all. The machine's settings say where downloads come from."""
    source, compute = job.config.dataset, job.compute
    assert isinstance(source, PublishedSource) and compute is not None
    access = download.Access(compute.mirror, compute.offline)
    with atomic_directory(job.out / FILES) as root:
        conversion.prepare(root, catalog.DATASETS[source.set], Path(compute.downloads), access)
    return written(job.out)
