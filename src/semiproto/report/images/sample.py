"""One validation image with its true mask and what runs predict on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from semiproto.data import layout, references
from semiproto.data.images.pixels import shown
from semiproto.data.references import ImageFile
from semiproto.errors import UserError
from semiproto.report.evaluations import Evaluation

Array = np.ndarray

NAMED = 0.02
"""A region is named if it covers at least this share of the image."""
RIGHT, WRONG, VOID = range(3)
"""Values of an error map."""


@dataclass(frozen=True)
class Sample:
    """All arrays have the same height and width."""

    picture: Array
    """RGB uint8 [height, width, 3]."""
    truth: Array
    """Class indices uint8 [height, width], 255 void."""
    predictions: list[Array]
    """Of each run, class indices like the truth's."""

    def errors(self, run: int) -> Array:
        """RIGHT, WRONG or VOID uint8 [height, width] of the prediction of a run."""
        found = np.where(self.predictions[run] == self.truth, RIGHT, WRONG)
        return np.where(self.truth == layout.IGNORE_INDEX, VOID, found).astype(np.uint8)

    def small(self, side: int) -> Sample:
        """At most `side` pixels a side, reduced by a whole number: colours are averaged, of classes one pixel stays."""
        step = -(-max(self.truth.shape) // side)
        every = np.s_[step // 2 :: step, step // 2 :: step]
        height, width = self.truth[every].shape
        # The last row and column of averages may be of a part that has no class of its own.
        picture = np.asarray(Image.fromarray(self.picture).reduce(step))[:height, :width]
        return Sample(picture, self.truth[every], [one[every] for one in self.predictions])


@dataclass(frozen=True)
class PreparedSet:
    """A prepared set in the layout of data/layout.py."""

    root: Path

    @cached_property
    def _files(self) -> dict[str, ImageFile]:
        return references.image_files(self.root)

    def sample(self, image_id: str, runs: list[Evaluation]) -> Sample:
        """UserError names an image, mask or prediction that is missing, cannot be read, or has another size."""
        truth = layout.read_mask(self.root / layout.MASKS / f"{image_id}.png")
        files = [run.folder / "predictions" / f"{image_id}.png" for run in runs]
        predictions = [layout.read_mask(file) for file in files]
        for file, prediction in zip(files, predictions, strict=True):
            if prediction.shape != truth.shape:
                raise UserError(f"{file}: not as large as its mask; evaluate the run again")
        image = self._files.get(image_id, ImageFile(self.root / layout.IMAGES / f"{image_id}.png"))
        picture = image.read(layout.read_pixels(self.root).format)
        if picture.shape[:2] != truth.shape:
            raise UserError(f"{image.path}: not as large as its mask; prepare the set again")
        return Sample(shown(picture), truth, predictions)


def regions(mask: Array, classes: int) -> list[tuple[int, int, int]]:
    """(class, row, column) of each region that covers at least NAMED of the image: its pixel farthest from the border.

    The first class is left out: it is usually the background, and the legend names it.
    """
    found = []
    for index in (int(value) for value in np.unique(mask) if 0 < value < classes):
        parts, _ = ndimage.label(mask == index)
        large = np.bincount(parts.ravel()) >= NAMED * mask.size
        for part, box in enumerate(ndimage.find_objects(parts), start=1):
            if large[part]:
                depth = ndimage.distance_transform_edt(np.pad(parts[box] == part, 1))[1:-1, 1:-1]
                row, column = np.unravel_index(int(depth.argmax()), depth.shape)
                found.append((index, box[0].start + int(row), box[1].start + int(column)))
    return found
