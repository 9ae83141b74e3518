"""Strong views: the student sees these in place of the weak views of unlabelled images (method section 7).

A strong view is a function of a pseudo-labelled batch and a generator, the same in all processes, that returns the
changed batch. To add one, write it here, with a section of the parameters, and name it in `strong_views`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from semiproto.data.augment import cutmix, cutmix_boxes
from semiproto.params import SemiParams
from semiproto.process import distributed


class PseudoLabeled(NamedTuple):
    """This process's unlabelled images, labelled by the teacher."""

    images: Tensor
    """uint8 [B, bands, S, S]."""
    labels: Tensor
    """The pseudo-label of each pixel, int64 [B, S, S]."""
    confidence: Tensor
    """Its probability, float [B, S, S]; 0 outside the image."""


StrongView = Callable[[PseudoLabeled, torch.Generator], PseudoLabeled]


def strong_views(params: SemiParams) -> list[StrongView]:
    """The strong views that the parameters ask for, in the order in which a step applies them."""
    return [partial(mixed, probability=params.cutmix_probability)]


def mixed(batch: PseudoLabeled, draw: torch.Generator, probability: float) -> PseudoLabeled:
    """CutMix of images, pseudo-labels and confidences alike, of all images of a step or of none."""
    if float(torch.rand(1, generator=draw)) >= probability:
        return batch
    # Of the whole batch, which several processes share: the image to mix in may be another process's.
    count = len(batch.images) * distributed.world()
    boxes = cutmix_boxes(count, batch.images.shape[-1], draw).to(batch.images.device)
    mine = distributed.share(count)
    return PseudoLabeled(*(cutmix(distributed.gather(x), boxes)[mine] for x in batch))
