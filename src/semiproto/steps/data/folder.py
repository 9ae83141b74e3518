"""The rule `data` for a folder of the user's own: checked and copied."""

from __future__ import annotations

from semiproto.data.layout import FILES
from semiproto.data.own import prepare
from semiproto.params import DataConfig, FolderSource
from semiproto.provenance.artifacts import atomic_directory
from semiproto.steps.data.fingerprint import fingerprint
from semiproto.steps.data.prepared import written
from semiproto.steps.job import Job, Written, step


@step
def data(job: Job[DataConfig]) -> Written:
    """Writes the set to out/files, whole or not at all."""
    source = job.config.dataset
    assert isinstance(source, FolderSource)
    # Before the folder is read: what changes meanwhile then makes the set look old.
    made_of = fingerprint(source)
    with atomic_directory(job.out / FILES) as root:
        prepare.prepare(root, source)
    return written(job.out, {"fingerprint": made_of})
