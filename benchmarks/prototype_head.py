"""The prototype head's loss, forward and backward, at crop 513: z is [4, 512, 129, 129], 1024 points of each image.

Reference form (README.md): all 512 channels upsampled to the crop, then the 1024 pixels picked, and the cosine to
normalised prototypes. Ours: model.prototypes.sample_at and PrototypeBank.logits. Also the peak memory of both, each in
a process of its own. Each form gets z in the memory format of its own network: NCHW, and channels_last.

    python benchmarks/prototype_head.py [--rounds N]
"""

from __future__ import annotations

import torch
from measure import peaks, print_peak, record, require, start, take_turns
from torch import Tensor
from torch.nn import functional as F

from semiproto.model.prototypes import PrototypeBank, sample_at, stratified_points

SIZE, CLASSES = 513, 21


class Case:
    """What both forms are given; z in the format of one of them."""

    def __init__(self, memory_format: torch.memory_format) -> None:
        draw = torch.Generator().manual_seed(0)
        z = torch.rand(4, 512, 129, 129, generator=draw).contiguous(memory_format=memory_format)
        self.z = z.requires_grad_()
        self.points = stratified_points(SIZE, 32, draw)
        self.targets = torch.randint(CLASSES, (4 * len(self.points),), generator=draw)
        self.bank = PrototypeBank(CLASSES, 4, 512)
        self.bank.prototypes.copy_(torch.rand(CLASSES, 4, 512, generator=draw))

    def step(self, loss: Tensor) -> Tensor:
        self.z.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()


def reference(case: Case) -> Tensor:
    upsampled = F.interpolate(case.z, size=(SIZE, SIZE), mode="bilinear", align_corners=True)
    row, column = case.points.unbind(1)
    features = F.normalize(upsampled[:, :, row, column].permute(0, 2, 1).flatten(0, 1), dim=1)
    cosine = torch.einsum("nd,ckd->nck", features, F.normalize(case.bank.prototypes, dim=2))
    return case.step(F.cross_entropy(cosine.amax(dim=2) / 0.1, case.targets))


def ours(case: Case) -> Tensor:
    features = sample_at(case.z, case.points, SIZE).flatten(0, 1)
    logits, _ = case.bank.logits(features)
    return case.step(F.cross_entropy(logits, case.targets))


def main() -> None:
    options = start(__doc__, rounds=5)
    if options.peak_of:
        form = {"reference": reference, "ours": ours, "inputs": None}[options.peak_of]
        case = Case(torch.channels_last if form is ours else torch.contiguous_format)
        if form is not None:
            form(case)
        print_peak()
        return
    record("prototype_head", "memory", peaks(__file__, min(options.rounds, 3)), goal=12, unit="bytes")
    theirs, mine = Case(torch.contiguous_format), Case(torch.channels_last)
    require(torch.allclose(reference(theirs), ours(mine), rtol=1e-5), "the loss")
    assert theirs.z.grad is not None and mine.z.grad is not None
    error = (theirs.z.grad - mine.z.grad).norm() / theirs.z.grad.norm()
    require(float(error) < 1e-5, f"the gradient, by {error:.1e}")
    record("prototype_head", "time", take_turns(lambda: reference(theirs), lambda: ours(mine), options.rounds), 15)


if __name__ == "__main__":
    main()
