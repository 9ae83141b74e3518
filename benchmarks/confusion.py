"""The counts behind intersection over union, of a 513 x 513 prediction of 21 classes.

Reference form (README.md): three histograms by NumPy, of the intersection, the prediction and the truth. Ours:
ConfusionMatrix.update, from which the same three follow.

    python benchmarks/confusion.py [--rounds N]
"""

from __future__ import annotations

import numpy as np
import torch
from measure import record, require, start, take_turns

from semiproto.measure.confusion import ConfusionMatrix

SIZE, CLASSES, VOID = 513, 21, 255


def reference(prediction: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Areas of intersection, prediction and truth, int64 [CLASSES] each."""
    prediction = np.where(target == VOID, VOID, prediction)
    agreed = prediction[prediction == target]
    intersection, predicted, true = (
        np.histogram(values, bins=np.arange(CLASSES + 1))[0] for values in (agreed, prediction, target)
    )
    return intersection, predicted, true


def main() -> None:
    options = start(__doc__, rounds=15)
    draw = torch.Generator().manual_seed(0)
    small = torch.randint(CLASSES, (1, 1, 17, 17), generator=draw).float()
    target = torch.nn.functional.interpolate(small, size=(SIZE, SIZE))[0, 0].to(torch.uint8)
    target[torch.rand(target.shape, generator=draw) < 0.05] = VOID
    wrong = torch.rand(target.shape, generator=draw) < 0.3
    prediction = torch.where(wrong, torch.randint(CLASSES, target.shape, generator=draw), target.long() % CLASSES)
    arrays = prediction.numpy(), target.long().numpy()

    confusion = ConfusionMatrix(CLASSES)
    confusion.update(prediction, target)
    counts = confusion.counts.numpy()
    expected = counts.diagonal(), counts.sum(axis=0), counts.sum(axis=1)
    require(all(map(np.array_equal, reference(*arrays), expected)), "the counts")
    samples = take_turns(lambda: reference(*arrays), lambda: confusion.update(prediction, target), options.rounds)
    record("confusion", "time", samples, goal=12)


if __name__ == "__main__":
    main()
