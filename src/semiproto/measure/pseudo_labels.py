"""How many pixels a network labels confidently, and how many of those labels are right, where masks are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
import torch
from torch import Tensor

from semiproto.data.layout import IGNORE_INDEX


class PseudoLabels:
    """Counts pixels by whether they are right, predicted class, and how many of `taus` their confidence exceeds.

    counts: int64 [2, classes, len(taus) + 1]; `taus` ascend. Void pixels are left out. Exceeding is strict, as in
    training.
    """

    def __init__(self, names: Sequence[str], taus: Sequence[float]) -> None:
        self.names, self.taus = names, taus
        self.counts = torch.zeros(2, len(names), len(taus) + 1, dtype=torch.int64)

    def update(self, prediction: Tensor, confidence: Tensor, target: Tensor) -> None:
        """Adds pixels: predicted classes, their probabilities 0..1, and the truth, all of one shape."""
        known = target != IGNORE_INDEX
        right, label = (prediction == target)[known].long(), prediction[known]
        passed = torch.bucketize(confidence[known], torch.tensor(self.taus))
        _, classes, levels = self.counts.shape
        index = (right * classes + label) * levels + passed
        self.counts += index.bincount(minlength=self.counts.numel()).view(self.counts.shape)

    def table(self) -> pd.DataFrame:
        """A row for each tau and for each class, the foreground and all pixels.

        pixels: predicted as the class, at any confidence; confident: those above tau; correct: confident and
        right; coverage = confident / pixels; precision = correct / confident. A share of no pixels is nan.
        """
        exceeding = self.counts.flip(2).cumsum(2).flip(2)[..., 1:]  # [2, classes, taus]
        rows = []
        for group, name, members in self._groups():
            pixels = int(self.counts[:, members].sum())
            wrong, right = exceeding[:, members].sum(dim=1).tolist()
            rows += [(t, group, name, pixels, w + r, r) for t, w, r in zip(self.taus, wrong, right, strict=True)]
        table = pd.DataFrame(rows, columns=["tau", "group", "class", "pixels", "confident", "correct"])
        table["coverage"] = table["confident"] / table["pixels"].where(table["pixels"] > 0)
        table["precision"] = table["correct"] / table["confident"].where(table["confident"] > 0)
        return table

    def _groups(self) -> Iterator[tuple[str, str, list[int]]]:
        """(group, class, indices): every class, all but one called background, and all of them."""
        for index, name in enumerate(self.names):
            yield "class", name, [index]
        yield "foreground", "", [index for index, name in enumerate(self.names) if name != "background"]
        yield "all", "", list(range(len(self.names)))
