"""The rule `tsne`: the same pixels in the feature spaces of several variants."""

from __future__ import annotations

import pandas as pd

from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.layout import FILES
from semiproto.measure.features import draw_images, sample_features
from semiproto.measure.tsne import compactness_of, project
from semiproto.model import folder as model_folder
from semiproto.params import TsneConfig
from semiproto.process.distributed import device_of
from semiproto.provenance.artifacts import write_csv
from semiproto.steps.job import Job, Written, step


@step
def tsne(job: Job[TsneConfig]) -> Written:
    """Writes points.csv and compactness.csv: validation pixels of each variant.

    Inputs: data, split; model, the folder models/semi/{dataset}/{split}/{variant}/seed{seed} of each variant. The
    pixels depend on config.tsne.seed alone, so that each seed of the runs is looked at in the same places.
    """
    params, root, device = job.config.tsne, job.inputs.one("data") / FILES, device_of(job.machine)
    names = layout.read_classes(root)
    validation = layout.read_list(job.inputs.one("split") / "val.txt")
    images = Images(root, draw_images(validation, params.images, params.seed))
    points, numbers = [], []
    for folder in job.inputs["model"]:
        variant, (student, bank) = folder.parent.name, model_folder.load_student(folder)
        features, classes = sample_features(
            student, images, params.pixels_per_class, params.seed, device, f"t-SNE {variant}"
        )
        plane = project(features, classes, bank, names, params)
        points.append(plane.assign(variant=variant))
        numbers.append(compactness_of(features, classes, plane, names).assign(variant=variant))
    write_csv(job.out / "points.csv", pd.concat(points)[["variant", "kind", "class", "x", "y"]])
    columns = ["variant", "space", "class", "silhouette", "within_between"]
    write_csv(job.out / "compactness.csv", pd.concat(numbers)[columns])
    return Written(["points.csv", "compactness.csv"], device=str(device))
