"""The forecast: before the long run, how many pseudo-labels will be confident, and how many of those will be right.

Measured on images with masks that the measured model did not train on, whole and un-augmented: the pseudo-labels that
training uses are of weak views of unlabelled images, which is why this is a forecast. report/forecast.py says what the
numbers mean for the run.
"""

from __future__ import annotations

import torch

from semiproto.data.dataset import Images
from semiproto.measure.inference import batches
from semiproto.measure.pseudo_labels import PseudoLabels
from semiproto.model.network import SegmentationNetwork
from semiproto.model.teacher import Teacher
from semiproto.process.progress import Progress

TAUS = [round(0.5 + 0.01 * n, 2) for n in range(50)]
"""Thresholds that are looked at: 0.5 to 0.99. The one in use is added."""


def count(found: PseudoLabels, model: SegmentationNetwork, images: Images, device: torch.device, what: str) -> None:
    """Adds the labelled pixels of `images`, as the model labels them."""
    teacher = Teacher(model, decay=0).to(device)
    progress = Progress(what, len(images), "images")
    for _, batch, masks in batches(images, device):
        for label, sure, mask in zip(*(x.cpu() for x in teacher.pseudo_labels(batch)), masks, strict=True):
            found.update(label, sure, mask)
        progress.update(len(batch))
