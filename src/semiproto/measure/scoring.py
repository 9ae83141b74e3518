"""Scores of a run over the validation images: one pass for the teacher and one for the student with all its heads.

Only counts are kept: 40 bytes for each image and class. They are integers, so the scores are the same to the last digit
however many processes share the images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.measure.boundary import COUNTS, image_counts
from semiproto.measure.calibration import Calibration, expected_error
from semiproto.measure.confusion import ConfusionMatrix
from semiproto.measure.inference import batches, classify, head_names, head_scores, linear_scores, own_part, predict
from semiproto.model import folder as model_folder
from semiproto.params import WindowParams
from semiproto.process import distributed
from semiproto.process.progress import Progress
from semiproto.provenance.artifacts import atomic_write


class TeacherScores:
    """All measures of the teacher's linear head. Its mIoU is the headline of the tables."""

    def __init__(self, classes: list[str], ids: list[str]) -> None:
        self.classes, self.ids = classes, ids
        self.confusion, self.calibration = ConfusionMatrix(len(classes)), Calibration()
        self.images = torch.zeros(len(ids), len(classes), len(COUNTS), dtype=torch.int64)
        """COUNTS of each image and class."""

    def update(self, position: int, prediction: torch.Tensor, confidence: torch.Tensor, mask: torch.Tensor) -> None:
        """Adds the image at `position` of the list: class and its probability, and the truth, [H, W] each."""
        self.confusion.update(prediction, mask)
        self.calibration.update(prediction, confidence, mask)
        counts = image_counts(prediction.numpy().astype(np.uint8), mask.numpy(), len(self.classes))
        self.images[position] = torch.from_numpy(counts)

    def gather(self, device: torch.device) -> None:
        """Adds what the other processes counted."""
        for owner, name in ((self.confusion, "counts"), (self.calibration, "counts"), (self, "images")):
            setattr(owner, name, distributed.total(getattr(owner, name).to(device)).cpu())

    def numbers(self) -> dict[str, Any]:
        """Scores in percent; nan where there is nothing to score."""
        boundary = self.images.sum(dim=0)[:, 3:].double()
        boundary_iou = boundary[:, 0] / boundary[:, 1]
        return {
            "miou": 100 * self.confusion.mean_iou(),
            "iou": (100 * self.confusion.iou()).tolist(),
            "accuracy": 100 * float(self.confusion.counts.diag().sum().double() / self.confusion.counts.sum()),
            "boundary_iou": 100 * float(boundary_iou.nanmean()),
            "boundary_iou_per_class": (100 * boundary_iou).tolist(),
            "ece": 100 * expected_error(self.calibration.table()),
        }

    def per_image(self) -> pd.DataFrame:
        """A row for each image and class that the image shows, in truth or prediction."""
        image, class_ = np.nonzero(self.images[:, :, COUNTS.index("union")].numpy())
        names = {"image": np.array(self.ids)[image], "class": np.array(self.classes)[class_]}
        counts = self.images.numpy()[image, class_]
        return pd.DataFrame(names | dict(zip(COUNTS, counts.T, strict=True)))


def score_teacher(
    folder: Path, images: Images, window: WindowParams | None, device: torch.device, what: str, predictions: Path
) -> TeacherScores:
    """Scores the model to predict with; writes predictions/ID.png for all images, and removes those of others."""
    network = model_folder.load_model(folder).to(device)
    found = TeacherScores(model_folder.read_card(folder).classes, images.ids)
    predictions.mkdir(parents=True, exist_ok=True)
    progress = _progress(what, images)
    for positions, batch, masks in batches(images, device, readers=torch.get_num_threads()):
        classes, confidences = classify(linear_scores(network), batch, window)
        for position, one, confidence, mask in zip(positions, classes.cpu(), confidences.cpu(), masks, strict=True):
            found.update(position, one, confidence, mask)
            with atomic_write(predictions / f"{images.ids[position]}.png") as temporary:
                layout.write_mask(temporary, one.numpy().astype(np.uint8))
        progress.update(len(positions))
    found.gather(device)
    if distributed.rank() == 0:
        for stale in {path.stem: path for path in predictions.iterdir()}.keys() - set(images.ids):
            (predictions / f"{stale}.png").unlink()
    return found


def score_student(
    folder: Path, images: Images, window: WindowParams | None, device: torch.device, what: str
) -> dict[str, ConfusionMatrix]:
    """By head of the student, its confusion matrix."""
    network, bank = model_folder.load_student(folder)
    scores = head_scores(network.to(device), None if bank is None else bank.to(device))
    heads = {name: ConfusionMatrix(network.num_classes) for name in head_names(network, bank)}
    progress = _progress(f"{what} (student)", images)
    for positions, batch, masks in batches(images, device, readers=torch.get_num_threads()):
        for name, predicted in predict(scores, batch, window).items():
            for one, mask in zip(predicted.cpu(), masks, strict=True):
                heads[name].update(one, mask)
        progress.update(len(positions))
    for head in heads.values():
        head.counts = distributed.total(head.counts.to(device)).cpu()
    return heads


def _progress(what: str, images: Images) -> Progress:
    return Progress(what, len(range(len(images))[own_part(images)]), "images")
