"""The rule `features`: pixel features of the labelled images, from which the prototypes come."""

from __future__ import annotations

import torch

from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.layout import FILES
from semiproto.measure.features import sample_features
from semiproto.model import folder as model_folder
from semiproto.model import weights
from semiproto.params import FeaturesConfig
from semiproto.process.distributed import device_of
from semiproto.steps.job import Job, Written, step


@step
def features(job: Job[FeaturesConfig]) -> Written:
    """Writes `features` [N, dim] and their `classes` [N]."""
    params, device = job.config.features, device_of(job.machine)
    images = Images(job.inputs.one("data") / FILES, layout.read_list(job.inputs.one("split") / "labeled.txt"))
    model = model_folder.load_model(job.inputs.one("pretrained"))
    vectors, classes = sample_features(model, images, params.pixels_per_class, params.seed, device, "features")
    weights.save_tensors(job.out / weights.FEATURES, {"features": vectors, "classes": classes})
    pixels = torch.bincount(classes.long(), minlength=model.num_classes).tolist()
    return Written([weights.FEATURES], facts={"pixels": pixels}, device=str(device))
