"""The rules `predict_shard` and `predict_folder`: masks for a folder of new images, in parts that run side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from semiproto.deploy import files
from semiproto.deploy.files import Options, Shard
from semiproto.deploy.predict import Outcome, predict_files
from semiproto.errors import UserError, printable
from semiproto.params import PredictConfig
from semiproto.process import cards
from semiproto.provenance.artifacts import write_csv
from semiproto.provenance.integrity import tree_state
from semiproto.steps.job import Job, Written, step

MASKS, TABLE = "masks", "images.csv"
FOLDER = "folder"
"""The fact of a shard's receipt that has the state of the folder of images."""
COLUMNS = ["image", "mask", "made_of", "fault"]
"""An image's file; its mask below MASKS and the text that this carries; or why it has none."""


@step
def predict_shard(job: Job[PredictConfig]) -> Written:
    """Writes masks beside `out`, which is called after the shard, and what became of each image of the shard.

    Masks that are there are kept, as `semiproto predict` does, whose masks these are.
    """
    params, shard = job.config.predict, Shard(_number(job.out), job.config.predict.shards)
    if job.machine.gpus != 0:
        cards.hold(1, "compute.gpus")
    folder, masks = Path(params.folder), job.out.parent / MASKS
    state = tree_state(folder)[0]  # before the images are read
    outcome = predict_files(job.inputs.one("model"), [folder], masks, Options(params.window, shard=shard))
    rows = _rows(shard.share(files.images([folder])), outcome)
    write_csv(job.out / TABLE, pd.DataFrame(rows, columns=COLUMNS))
    facts = {"masks": len(outcome.finished), "unreadable": len(outcome.unreadable), FOLDER: state}
    return Written([TABLE], facts=facts)


@step
def predict_folder(job: Job[PredictConfig]) -> Written:
    """Puts together what became of the images of all shards, and compares the masks with what the shards say.

    Masks of images that are gone are removed. UserError where an image has neither a mask nor a fault, as one that came
    while the shards ran.
    """
    tables = {shard: pd.read_csv(shard / TABLE, dtype=str) for shard in job.inputs["shard"]}
    for shard, table in tables.items():
        for name, made_of in table[["mask", "made_of"]].dropna().itertuples(index=False):
            if files.text_of(mask := job.out / MASKS / name) != made_of:
                remedy = f"delete {shard} and run the same command again"
                raise UserError(f"{mask}: not the mask that was predicted; {remedy}")
    table = pd.concat(tables.values()).sort_values("image")
    known = set(table["image"])
    for image in files.images([Path(job.config.predict.folder)]):
        if printable(str(image)) not in known:
            raise UserError(f"{image}: came while the others were predicted; run the same command again")
    for mask in files.left_over(job.out / MASKS, set(table["mask"].dropna())):
        mask.unlink()
    write_csv(job.out / TABLE, table.drop(columns="made_of"))
    counts = {"masks": int(table["mask"].count()), "unreadable": int(table["fault"].count())}
    return Written([MASKS, TABLE], facts=counts)


def _number(folder: Path) -> int:
    return int(folder.name.removeprefix("shard"))


def _rows(images: list[Path], outcome: Outcome) -> Iterator[tuple[str | None, ...]]:
    finished = {one.image: one for one in outcome.finished}
    for image, name in ((image, printable(str(image))) for image in images):
        if one := finished.get(image):
            yield name, one.mask.name, one.text, None
        else:
            yield name, None, None, _fault(name, outcome.unreadable)


def _fault(name: str, faults: list[str]) -> str:
    return next((fault.removeprefix(f"{name}: ") for fault in faults if fault.startswith(f"{name}: ")), "no mask")
