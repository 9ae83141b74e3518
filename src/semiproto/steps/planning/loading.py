"""How long one process takes to load the images of a step: some real views of them, where the set is there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from semiproto import paths
from semiproto.data import layout, loaders
from semiproto.data.dataset import Images
from semiproto.params import Params
from semiproto.steps.planning.trainings import Training, lists_of, schedule_of

TRIED = 24
"""Images of each list that are read."""


def seconds_of_loading(params: Params, training: Training) -> float | None:
    """Of the processor, for the images of one step of all lists; None where the set was not made yet.

    UserError where an image cannot be read.
    """
    name = params.dataset.name
    root, split = Path(paths.DATA(dataset=name)) / layout.FILES, Path(paths.SPLIT(dataset=name, split=training.split))
    names = ("labeled", "unlabeled")[: lists_of(params, training.name)]
    if not root.is_dir() or not all((split / f"{name}.txt").is_file() for name in names):
        return None
    batch = schedule_of(params, training.name).batch
    lists = {name: layout.read_list(split / f"{name}.txt") for name in names}
    views = batch * training.steps
    return batch * sum(_of_a_view(params, root, ids, views, labeled=name == "labeled") for name, ids in lists.items())


def _of_a_view(params: Params, root: Path, ids: Sequence[str], views: int, *, labeled: bool) -> float:
    """Mean seconds of the `views` views that a training takes of a list; those of images that are kept need no file."""
    tried = ids[:: max(1, len(ids) // TRIED)][:TRIED]
    colour = (0,) * layout.read_pixels(root).format.bands
    own = loaders.WeakViews(root, tried, params.augment, colour, labeled=labeled)
    read, again = (_seconds(own, turn) for turn in range(2))
    pixels = sum(image[..., 0].size for image in map(Images(root, tried).image, range(len(tried))))
    kept = min(1.0, loaders.CACHE_BYTES / ((len(colour) + 1) * pixels * len(ids) / len(tried)))
    return again + max(0.0, read - again) * (1 - kept + kept * min(1.0, len(ids) / views))


def _seconds(views: loaders.WeakViews, turn: int) -> float:
    began = time.process_time()
    for position in range(len(views)):
        views[position, 0, turn, position]
    return (time.process_time() - began) / len(views)
