"""How much a label of an image promises, by each of three scores. Formulas and sources: docs/suggest.md.

Each looks at an image once and keeps a few numbers of it, from which scores and reasons are made at the end: coverage
depends on all labelled images. It also keeps a descriptor of the image, the mean of z over its pixels.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from semiproto.data.images.pixels import Array
from semiproto.measure.inference import bands, head_scores, linear_scores
from semiproto.measure.patches import nearest_prototype
from semiproto.model.heads import LINEAR, PROTOTYPE
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import AcquisitionKind, WindowParams

BOUNDARY_WEIGHT = 2.0
"""How many times a pixel beside another predicted class counts (chosen)."""


class Promise(NamedTuple):
    """What a label of an image promises: a score, the higher the more and never below 0, and the reason in words."""

    score: float
    why: str


class Acquisition(ABC):
    """A score. `look` gives the numbers of one image; `judge` makes scores of the numbers of all."""

    with_prototypes: ClassVar[bool] = True
    """Whether it needs a student with a bank; the others take the network that predicts."""
    of_labelled: ClassVar[bool] = False
    """Whether `judge` needs the numbers of the labelled images."""

    def __init__(self, network: SegmentationNetwork, bank: PrototypeBank | None, names: list[str]) -> None:
        self.network, self.names = network, names
        self._total, self._cells = torch.zeros(network.dim, dtype=torch.float64), 0
        network.decoder.register_forward_hook(lambda module, maps, z: self._note(z[0].float().flatten(1).T))

    @torch.inference_mode()
    def look(self, image: Array, window: WindowParams | None) -> tuple[Array, Array]:
        """The numbers of an image, uint8 [H, W, bands], float32 [V], and its descriptor, float32 [dim].

        window: as for a prediction. Where windows overlap, the cells of z count once for each.
        """
        self._total.zero_()
        self._cells = 0
        tensor = torch.from_numpy(image).permute(2, 0, 1)[None].to(self.network.mean.device)
        numbers = self._numbers(tensor, window)
        return numbers.astype(np.float32), (self._total / self._cells).float().numpy()

    def _note(self, z: Tensor) -> None:
        """Takes note of the cells [N, dim] of what goes through the network."""
        self._total += z.double().sum(dim=0).cpu()
        self._cells += len(z)

    @abstractmethod
    def _numbers(self, image: Tensor, window: WindowParams | None) -> Array:
        """The V numbers of an image [1, bands, H, W], which goes through the network once."""

    @abstractmethod
    def judge(self, images: Array, labelled: Array) -> list[Promise]:
        """What each image promises. images, labelled: their numbers, [N, V] and [M, V]."""


class Uncertainty(Acquisition):
    """The entropy of the linear head, averaged over the pixels; those beside another predicted class count more."""

    with_prototypes = False

    def _numbers(self, image: Tensor, window: WindowParams | None) -> Array:
        """By predicted class, the weighted sum of entropies and the sum of weights."""
        sums = np.zeros((2, len(self.names)))
        for band in bands(linear_scores(self.network), image, window):
            scores = band[LINEAR][0]
            classes = scores.argmax(dim=0)
            weight = 1 + (BOUNDARY_WEIGHT - 1) * at_boundary(classes)
            for row, values in zip(sums, (weight * entropy(scores), weight), strict=True):
                row += _by(classes, values, len(self.names))
        return sums.ravel()

    def judge(self, images: Array, labelled: Array) -> list[Promise]:
        found = images.reshape(len(images), 2, -1).astype(np.float64)
        scores = found[:, 0].sum(axis=1) / found[:, 1].sum(axis=1)
        return [Promise(float(score), self._why(score, sums)) for score, (sums, _) in zip(scores, found, strict=True)]

    def _why(self, score: float, sums: Array) -> str:
        most = int(sums.argmax())
        share = sums[most] / max(sums.sum(), 1e-12)
        return f"entropy {score:.3f} of 1; {share:.0%} of it where {self.names[most]} is predicted"


class Disagreement(Acquisition):
    """The share of the pixels that the student's two heads give different classes."""

    def __init__(self, network: SegmentationNetwork, bank: PrototypeBank | None, names: list[str]) -> None:
        super().__init__(network, bank, names)
        self.scores = head_scores(network, bank)

    def _numbers(self, image: Tensor, window: WindowParams | None) -> Array:
        """The share of pixels, and the commonest pair of different classes (linear, prototypes) with its share."""
        count = len(self.names)
        pairs = np.zeros(count**2)
        for band in bands(self.scores, image, window):
            linear, prototype = (band[head].argmax(dim=1) for head in (LINEAR, PROTOTYPE))
            pairs += torch.bincount((linear * count + prototype).flatten(), minlength=count**2).cpu().numpy()
        pairs /= pairs.sum()
        different = pairs.reshape(count, count) * (1 - np.eye(count))
        first, second = divmod(int(different.argmax()), count)
        return np.array([different.sum(), first, second, different.max()])

    def judge(self, images: Array, labelled: Array) -> list[Promise]:
        return [Promise(float(share), self._why(share, *of_pair)) for share, *of_pair in images]

    def _why(self, share: float, linear: float, prototype: float, of_pair: float) -> str:
        if share == 0:
            return "the heads agree everywhere"
        names = self.names[int(linear)], self.names[int(prototype)]
        return f"the heads differ in {share:.1%} of the pixels; in {of_pair:.1%} {names[0]} against {names[1]}"


class Coverage(Acquisition):
    """How far the pixels are from every prototype, those of a prototype that labelled images rarely show more."""

    of_labelled = True

    def __init__(self, network: SegmentationNetwork, bank: PrototypeBank | None, names: list[str]) -> None:
        super().__init__(network, bank, names)
        assert bank is not None
        self.bank = bank
        self._sums = np.zeros((2, bank.prototypes.shape[0] * bank.prototypes.shape[1]))

    def _note(self, z: Tensor) -> None:
        super()._note(z)
        nearest, cosine = nearest_prototype(self.bank, z)
        for row, values in zip(self._sums, (np.ones_like(cosine), 1 - cosine), strict=True):
            row += np.bincount(nearest, weights=values, minlength=len(row))

    def _numbers(self, image: Tensor, window: WindowParams | None) -> Array:
        """By nearest prototype, the number of cells and the sum of their distances, 1 - cosine."""
        self._sums[:] = 0
        for _ in bands(lambda part: (self.network(part), {})[1], image, window):
            pass
        return self._sums.ravel().copy()

    def judge(self, images: Array, labelled: Array) -> list[Promise]:
        found = images.reshape(len(images), 2, -1).astype(np.float64)
        seen = labelled.reshape(len(labelled), 2, self._sums.shape[1])[:, 0].astype(np.float64).sum(axis=0)
        weights = rarity(seen)
        return [self._promise(cells, distances, weights, seen) for cells, distances in found]

    def _promise(self, cells: Array, distances: Array, weights: Array, seen: Array) -> Promise:
        weighted = weights * distances
        most, total = int(weighted.argmax()), cells.sum()
        of_class, number = divmod(most, self.bank.prototypes.shape[1])
        labelled = f", {seen[most] / seen.sum():.1%} in labelled images" if seen.any() else ""
        why = (
            f"distance {distances.sum() / total:.3f} from the nearest prototypes; most of the score at prototype"
            f" {number} of {self.names[of_class]}: {cells[most] / total:.1%} of the pixels here{labelled}"
        )
        return Promise(max(0.0, float(weighted.sum() / total)), why)


ACQUISITIONS: dict[AcquisitionKind, type[Acquisition]] = {
    "uncertainty": Uncertainty,
    "disagreement": Disagreement,
    "coverage": Coverage,
}


def entropy(scores: Tensor) -> Tensor:
    """Of class scores [C, H, W], the entropy of each pixel's softmax, 0 to 1: divided by that of C equal classes."""
    logs = F.log_softmax(scores, dim=0)
    return -(logs.exp() * logs).sum(dim=0) / math.log(max(2, len(scores)))


def at_boundary(classes: Tensor) -> Tensor:
    """Which pixels of [H, W] have a pixel of another class above, below, left or right of them: bool [H, W]."""
    found = torch.zeros_like(classes, dtype=torch.bool)
    down, right = classes[1:] != classes[:-1], classes[:, 1:] != classes[:, :-1]
    found[1:] |= down
    found[:-1] |= down
    found[:, 1:] |= right
    found[:, :-1] |= right
    return found


def rarity(seen: Array) -> Array:
    """The weight of each of P prototypes, which labelled images show in `seen` cells, [P].

    Its surprisal over that of one of P equally common: log((n + P) / (seen + 1)) / log P, with n cells in all. One cell
    more for each keeps it finite, and makes all weights 1 where nothing is known.
    """
    weights: Array = np.log((seen.sum() + len(seen)) / (seen + 1)) / math.log(max(2, len(seen)))
    return weights


def _by(classes: Tensor, values: Tensor, count: int) -> Array:
    """The sum of values [H, W] of the pixels of each class, [count]."""
    sums: Array = torch.bincount(classes.flatten(), weights=values.double().flatten(), minlength=count).cpu().numpy()
    return sums
