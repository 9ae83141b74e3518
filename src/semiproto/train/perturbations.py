"""Perturbations of the encoder's maps before the decoder reads them (UniMatch V1 and V2, method section 7).

Each gives factors [N, channels] of the last N images of a batch, one tensor for each of the encoder's maps. Random
numbers are drawn for the whole batch, of which several processes take their parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from semiproto.params import PerturbationParams
from semiproto.process import distributed

Factors = list[Tensor]


class Perturbation(NamedTuple):
    factors: Callable[[Sequence[int], int, torch.Generator], Factors | None]
    """(channels of each map, images of this process, generator of all processes) -> factors; None: nothing is done."""
    of_weak_view: bool = False
    """The student reads the weak view too, perturbed. Otherwise the strong views are perturbed."""


def perturbation(params: PerturbationParams) -> Perturbation:
    """What the parameters ask for."""
    return {
        "none": Perturbation(lambda channels, images, draw: None),
        "dropout": Perturbation(partial(dropout, params.dropout), of_weak_view=True),
        "complementary": Perturbation(partial(complementary, params.exempt)),
    }[params.kind]


def dropout(probability: float, channels: Sequence[int], images: int, draw: torch.Generator) -> Factors:
    """Factors of the weak view, [B, channels]: 0 with a probability p, otherwise 1 / (1 - p), as Dropout2d has them."""
    kept = [torch.rand(_whole(images), c, generator=draw) >= probability for c in channels]
    return [one[_mine(images)] / (1 - probability) for one in kept]


def complementary(exempt: float, channels: Sequence[int], images: int, draw: torch.Generator) -> Factors:
    """Factors of the two strong views, [2 B, channels]: m and 2 - m with m 0 or 2; both 1 for the images exempt.

    Maps with equally many channels have the same factors, as all of a transformer's have.
    """
    spared = torch.randperm(_whole(images), generator=draw)[: int(_whole(images) * exempt)]
    first = {c: 2.0 * (torch.rand(_whole(images), c, generator=draw) < 0.5) for c in dict.fromkeys(channels)}
    for one in first.values():
        one[spared] = 1
    parts = {c: one[_mine(images)] for c, one in first.items()}
    return [torch.cat([parts[c], 2 - parts[c]]) for c in channels]


def _whole(images: int) -> int:
    return images * distributed.world()


def _mine(images: int) -> slice:
    return distributed.share(_whole(images))
