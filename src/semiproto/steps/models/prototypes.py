"""The rule `prototypes`: k-means of the features of each class."""

from __future__ import annotations

from semiproto.data import layout
from semiproto.data.layout import FILES
from semiproto.measure.clusters import cluster
from semiproto.model import weights
from semiproto.params import PrototypesConfig
from semiproto.steps.job import Job, Written, step


@step
def prototypes(job: Job[PrototypesConfig]) -> Written:
    """Writes `prototypes` [classes, per_class, dim]."""
    features = job.inputs.one("features")
    tensors = weights.read_tensors(features / weights.FEATURES)
    names = layout.read_classes(job.inputs.one("data") / FILES)
    found = cluster(tensors["features"], tensors["classes"], names, job.config.prototypes)
    weights.save_tensors(job.out / weights.PROTOTYPES, {"prototypes": found})
    return Written([weights.PROTOTYPES], facts={"shape": list(found.shape)})
