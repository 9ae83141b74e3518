"""The rule `patches`: what each prototype of a run stands for."""

from __future__ import annotations

import pandas as pd
from PIL import Image

from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.layout import FILES
from semiproto.errors import UserError
from semiproto.measure.features import draw_images
from semiproto.measure.patches import LISTS, look, shares, sheet, table
from semiproto.model import folder as model_folder
from semiproto.params import PatchesConfig
from semiproto.process.distributed import device_of
from semiproto.provenance.artifacts import atomic_write, write_csv
from semiproto.steps.job import Job, Written, step


@step
def patches(job: Job[PatchesConfig]) -> Written:
    """Writes prototypes.csv, patches.csv, and for each list a sheet of patches, labeled.png and unlabeled.png.

    A sheet has a row for each prototype and config.patches.per_prototype patches in it, the nearest first. UserError
    when the run has no prototypes.
    """
    params, root, model = job.config.patches, job.inputs.one("data") / FILES, job.inputs.one("model")
    names, device = layout.read_classes(root), device_of(job.machine)
    student, bank = model_folder.load_student(model)
    if bank is None:
        raise UserError(f"{model}: a run without prototypes; name one of the method prototype")
    rows, places = [], []
    for name in LISTS:
        ids = draw_images(layout.read_list(job.inputs.one("split") / f"{name}.txt"), params.images, params.seed)
        images = Images(root, ids)
        found = look(student, bank, images, name, device)
        nearest = [sorted(own, reverse=True)[: params.per_prototype] for own in found.places]
        with atomic_write(job.out / f"{name}.png") as temporary:
            Image.fromarray(sheet(images, nearest, params)).save(temporary, format="PNG")
        rows.append(shares(found, names).assign(list=name))
        places.append(table(nearest, ids, names).assign(list=name))
    write_csv(job.out / "prototypes.csv", pd.concat(rows))
    write_csv(job.out / "patches.csv", pd.concat(places))
    return Written(["prototypes.csv", "patches.csv", *(f"{name}.png" for name in LISTS)], device=str(device))
