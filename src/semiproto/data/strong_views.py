"""Strong views: the student sees these in place of the weak views of unlabelled images (method section 7).

A strong view is a function of a pseudo-labelled batch and a generator, the same in all processes, that returns the
changed batch. To add one, write it here, with a section of the parameters, and name it in `strong_views`.

Random numbers are drawn for the whole batch, of which several processes take their parts: so they do what one does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from semiproto.data.augment import cutmix, cutmix_boxes, fitting_boxes
from semiproto.params import BlurParams, CutMixParams, JitterParams, SemiParams
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
    asked, views = params.strong_view, list[StrongView]()
    if asked.jitter is not None:
        views.append(partial(jittered, params=asked.jitter))
    if asked.grey_probability > 0:
        views.append(partial(greyed, probability=asked.grey_probability))
    if asked.blur is not None:
        views.append(partial(blurred, params=asked.blur))
    if asked.cutmix is None:
        return [*views, partial(mixed, probability=params.cutmix_probability)]
    return [*views, partial(mixed_each, params=asked.cutmix, probability=params.cutmix_probability)]


# --------------------------------------------------------------------------------------------------- colours


def jittered(batch: PseudoLabeled, draw: torch.Generator, params: JitterParams) -> PseudoLabeled:
    """Brightness, contrast, saturation and hue of some images, each in an order of its own."""
    from torchvision.transforms.v2 import functional as T  # here and below, because it takes seconds to import

    spans = params.brightness, params.contrast, params.saturation, params.hue
    changes: list[Callable[[Tensor, float], Tensor]] = [
        lambda image, amount: T.adjust_brightness(image, 1 + amount),
        lambda image, amount: T.adjust_contrast(image, 1 + amount),
        lambda image, amount: T.adjust_saturation(image, 1 + amount),
        T.adjust_hue,
    ]

    def change(image: Tensor, *numbers: float) -> Tensor:
        for n in sorted(range(4), key=lambda n: numbers[4 + n]):
            image = changes[n](image, spans[n] * (2 * numbers[n] - 1))
        return image

    return _some_changed(batch, draw, params.probability, change, numbers=8)


def greyed(batch: PseudoLabeled, draw: torch.Generator, probability: float) -> PseudoLabeled:
    """Some images in grey."""
    from torchvision.transforms.v2 import functional as T

    return _some_changed(batch, draw, probability, lambda image: T.rgb_to_grayscale(image, num_output_channels=3))


def blurred(batch: PseudoLabeled, draw: torch.Generator, params: BlurParams) -> PseudoLabeled:
    """Some images with a Gaussian blur, each of a width of its own."""
    from torchvision.transforms.v2 import functional as T

    low, high = params.sigma

    def change(image: Tensor, number: float) -> Tensor:
        sigma = low + number * (high - low)
        reach = min(math.ceil(3 * sigma), image.shape[-1] - 1)  # 0.3 % of the Gaussian lie beyond
        soft: Tensor = T.gaussian_blur(image, [2 * reach + 1] * 2, [sigma] * 2)
        return soft

    return _some_changed(batch, draw, params.probability, change, numbers=1)


def _some_changed(
    batch: PseudoLabeled, draw: torch.Generator, probability: float, change: Callable[..., Tensor], numbers: int = 0
) -> PseudoLabeled:
    """Each image with a probability: change(image, *draws), of so many uniform random numbers of its own."""
    count = len(batch.images) * distributed.world()
    draws = torch.rand(count, 1 + numbers, generator=draw)[distributed.share(count)].tolist()
    changed = [
        change(image, *own) if coin < probability else image
        for image, (coin, *own) in zip(batch.images, draws, strict=True)
    ]
    return batch._replace(images=torch.stack(changed))


# --------------------------------------------------------------------------------------------------- CutMix


def mixed(batch: PseudoLabeled, draw: torch.Generator, probability: float) -> PseudoLabeled:
    """CutMix of images, pseudo-labels and confidences alike, of all images of a step or of none."""
    if float(torch.rand(1, generator=draw)) >= probability:
        return batch
    # Of the whole batch, which several processes share: the image to mix in may be another process's.
    count = len(batch.images) * distributed.world()
    boxes = cutmix_boxes(count, batch.images.shape[-1], draw).to(batch.images.device, non_blocking=True)
    mine = distributed.share(count)
    return PseudoLabeled(*(cutmix(distributed.gather(x), boxes)[mine] for x in batch))


PARTNERS: dict[str, Callable[[Tensor], tuple[Tensor, Tensor]]] = {
    "next": lambda x: (x, x.roll(-1, dims=0)),
    "reversed": lambda x: (x, x.flip(0)),
    "another": lambda x: (x[::2], x[1::2]),
}
"""By semi.strong_view.cutmix.partner: what is learned from in a batch `x` [B, ...], and what is mixed into it."""


def mixed_each(batch: PseudoLabeled, draw: torch.Generator, params: CutMixParams, probability: float) -> PseudoLabeled:
    """CutMix of each image with a probability: a box of its own, filled from its partner."""
    whole = [PARTNERS[params.partner](distributed.gather(x)) for x in batch]
    count, size = len(whole[0][0]), batch.images.shape[-1]
    wanted = torch.rand(count, generator=draw) < probability
    boxes = fitting_boxes(count, size, params, draw) & wanted.view(-1, 1, 1)
    mine, boxes = distributed.share(count), boxes.to(batch.images.device, non_blocking=True)
    return PseudoLabeled(*(cutmix(x, boxes, partner)[mine] for x, partner in whole))


def own_images(batch: PseudoLabeled, params: SemiParams) -> PseudoLabeled:
    """The batch without the images that are only there to be mixed into the others."""
    cutmix = params.strong_view.cutmix
    return batch if cutmix is None else PseudoLabeled(*(PARTNERS[cutmix.partner](x)[0] for x in batch))


def unlabeled_batch(params: SemiParams) -> int:
    """Unlabelled images that a step loads over all processes: the batch, and partners from another one."""
    cutmix = params.strong_view.cutmix
    return params.batch * (2 if cutmix is not None and cutmix.partner == "another" else 1)
