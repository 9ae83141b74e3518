"""Class and confidence of every pixel, from the logits [4, 21, 129, 129] of 513-pixel images.

Reference form (README.md): the upsampled logits' softmax, its largest value, and the logits' argmax, each apart. Ours:
Teacher.pseudo_labels, around a network that returns the given logits, so that all but the network is timed. Each form
gets the logits in the memory format of its own network: NCHW, and channels_last.

    python benchmarks/pseudo_labels.py [--rounds N]
"""

from __future__ import annotations

from typing import cast

import torch
from measure import record, require, start, take_turns
from torch import Tensor, nn
from torch.nn import functional as F

from semiproto.model.network import Output, SegmentationNetwork
from semiproto.model.teacher import Teacher

SIZE, CLASSES = 513, 21


class Given(nn.Module):
    """A network that has its answer."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.register_buffer("logits", logits)

    def forward(self, images: Tensor) -> Output:
        logits = cast(Tensor, self.logits)
        return Output(logits, {"linear": logits})


@torch.no_grad()
def reference(logits: Tensor, size: int) -> tuple[Tensor, Tensor]:
    upsampled = F.interpolate(logits, size=(size, size), mode="bilinear", align_corners=True)
    confidence = F.softmax(upsampled, dim=1).max(dim=1).values
    return upsampled.argmax(dim=1), confidence


def main() -> None:
    options = start(__doc__, rounds=9)
    logits = 5 * torch.randn(4, CLASSES, 129, 129, generator=torch.Generator().manual_seed(0))
    network = Given(logits.contiguous(memory_format=torch.channels_last))
    teacher = Teacher(cast(SegmentationNetwork, network), decay=0.99)
    images = torch.zeros(4, 3, SIZE, SIZE, dtype=torch.uint8)

    (labels, confidence), (mine, my_confidence) = reference(logits, SIZE), teacher.pseudo_labels(images)
    require(float((labels != mine).float().mean()) < 1e-5, "the labels")  # but for ties in the last digit
    require(torch.allclose(confidence, my_confidence, rtol=1e-4), "the confidence")
    samples = take_turns(lambda: reference(logits, SIZE), lambda: teacher.pseudo_labels(images), options.rounds)
    record("pseudo_labels", "time", samples, goal=2.4)


if __name__ == "__main__":
    main()
