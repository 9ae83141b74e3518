"""The rule `prototypes`: k-means of the features of each class."""

from __future__ import annotations

from semiproto.data import layout
from semiproto.data.layout import FILES
from semiproto.measure.clusters import cluster
from semiproto.model import folder as model_folder
from semiproto.params import PrototypesConfig
from semiproto.steps.job import Job, Written, step


@step
def prototypes(job: Job[PrototypesConfig]) -> Written:
    """Writes `prototypes` [classes, per_class, dim]."""
    features = job.inputs.one("features")
    tensors = model_folder.read_tensors(features / model_folder.FEATURES)
    names = layout.read_classes(job.inputs.one("data") / FILES)
    found = cluster(tensors["features"], tensors["classes"], names, job.config.prototypes)
    model_folder.save_tensors(job.out / model_folder.PROTOTYPES, {"prototypes": found})
    return Written([model_folder.PROTOTYPES], facts={"shape": list(found.shape)})
