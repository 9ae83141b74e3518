"""Pixel features at drawn pixels of each class: where prototypes come from (method section 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from semiproto.data.dataset import Images
from semiproto.data.layout import IGNORE_INDEX
from semiproto.errors import UserError
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import sample_at
from semiproto.process.progress import Progress


def draw_images(ids: Sequence[str], count: int, seed: int) -> list[str]:
    """At most `count` of the ids, drawn without replacement, in the list's order."""
    chosen = np.random.default_rng(seed).choice(len(ids), min(count, len(ids)), replace=False)
    return [ids[position] for position in sorted(chosen)]


def draw_pixels(
    masks: Sequence[np.ndarray], num_classes: int, per_class: int, seed: int
) -> list[dict[int, np.ndarray]]:
    """Per mask, the drawn pixels of each class as flat positions: at most `per_class` of a class over all masks.

    Spread over the images: every image may give an equal part of a class's number, and what small regions leave over
    goes to the images with more.
    """
    counts = np.array([np.bincount(m.ravel(), minlength=256)[:num_classes] for m in masks])
    rng = np.random.default_rng(seed)
    drawn: list[dict[int, np.ndarray]] = [{} for _ in masks]
    for c in range(num_classes):
        for index, quota in enumerate(_even_shares(counts[:, c], per_class)):
            if quota:
                drawn[index][c] = rng.choice(np.flatnonzero(masks[index].ravel() == c), quota, replace=False)
    return drawn


def _even_shares(available: np.ndarray, total: int) -> list[int]:
    """As even a division of `total` as `available` allows; the smallest are filled first."""
    shares = np.zeros(len(available), dtype=int)
    left = total
    for done, index in enumerate(np.argsort(available, kind="stable")):
        shares[index] = min(int(available[index]), left // (len(available) - done))
        left -= shares[index]
    return shares.tolist()


@torch.inference_mode()
def sample_features(
    model: SegmentationNetwork, images: Images, per_class: int, seed: int, device: torch.device, what: str
) -> tuple[Tensor, Tensor]:
    """Features of drawn pixels, z at label resolution: float32 [N, dim], and their classes, uint8 [N].

    In eval mode, on the whole un-augmented images. The same pixels for any model of the same classes.
    """
    model.to(device).eval()
    drawn = draw_pixels([images.mask(i) for i in range(len(images))], model.num_classes, per_class, seed)
    progress = Progress(what, len(images), "images")
    features, classes = [], []
    for position, by_class in enumerate(drawn):
        image = images[position][0]
        size = (image.shape[1], image.shape[2])
        z = model(image.unsqueeze(0).to(device)).representation
        for c, flat in by_class.items():
            points = torch.from_numpy(np.stack(np.divmod(flat, size[1]), axis=1))
            features.append(sample_at(z, points, size)[0].float().cpu())
            classes.append(torch.full((len(flat),), c, dtype=torch.uint8))
        progress.update()
    if not features:
        raise UserError(
            f"{images.root}: no labelled pixel in {len(images)} images (all void, {IGNORE_INDEX}); label some"
        )
    return torch.cat(features), torch.cat(classes)
