"""The rule `data` for a folder of the user's own: checked, and copied, linked or referred to."""

from __future__ import annotations

from semiproto import paths
from semiproto.data import references
from semiproto.data.layout import FILES
from semiproto.data.own import prepare
from semiproto.data.own.contents import contents
from semiproto.params import DataConfig, FolderSource
from semiproto.provenance.artifacts import atomic_directory
from semiproto.provenance.integrity import Digests, Kept
from semiproto.steps.data.fingerprint import DIGESTS, fingerprint_of
from semiproto.steps.data.prepared import written
from semiproto.steps.job import Job, Written, step


@step
def data(job: Job[DataConfig]) -> Written:
    """Writes the set to out/files, whole or not at all."""
    source = job.config.dataset
    assert isinstance(source, FolderSource)
    found = contents.read(source)
    # Before the files are read: what changes meanwhile then makes the set look old.
    made_of = _made_of(source, found)
    with atomic_directory(job.out / FILES) as root:
        prepare.prepare(root, source, found, Kept(paths.CHECKED))
    if source.storage == "reference":
        references.write_places(job.out, {item.id: item.image for item in found.items})
    return written(job.out, {"fingerprint": made_of})


def _made_of(source: FolderSource, found: contents.Contents) -> str:
    digests = Digests(paths.OWN / DIGESTS)
    made_of = fingerprint_of(source, found, digests.of)
    digests.keep()
    return made_of
