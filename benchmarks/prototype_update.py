"""One update of 21 x 4 prototypes from 4 x 1024 features of 512 channels.

Reference form (README.md): a loop over classes and prototypes, each asking whether it has members and taking their
mean. Ours: PrototypeBank.update.

    python benchmarks/prototype_update.py [--rounds N]
"""

from __future__ import annotations

import torch
from measure import record, require, start, take_turns
from torch import Tensor

from semiproto.model.prototypes import PrototypeBank

PIXELS, CLASSES, PER_CLASS, DIM = 4 * 1024, 21, 4, 512


def reference(prototypes: Tensor, features: Tensor, targets: Tensor, nearest: Tensor, keep: Tensor) -> None:
    for c in range(CLASSES):
        of_class = keep & (targets == c)
        for k in range(PER_CLASS):
            members = of_class & (nearest[:, c] == k)
            if members.any():
                prototypes[c, k] = 0.99 * prototypes[c, k] + 0.01 * features[members].mean(dim=0)


def main() -> None:
    options = start(__doc__, rounds=15)
    draw = torch.Generator().manual_seed(0)
    bank = PrototypeBank(CLASSES, PER_CLASS, DIM)
    bank.prototypes.copy_(torch.rand(bank.prototypes.shape, generator=draw))
    features = torch.rand(PIXELS, DIM, generator=draw)
    targets = torch.randint(CLASSES, (PIXELS,), generator=draw)
    keep = torch.rand(PIXELS, generator=draw) < 0.7
    _, nearest = bank.logits(features)
    theirs = bank.prototypes.clone()

    reference(theirs, features, targets, nearest, keep)
    bank.update(features, targets, nearest, keep)
    require(torch.allclose(theirs, bank.prototypes, rtol=1e-5), "the prototypes")
    samples = take_turns(
        lambda: reference(theirs, features, targets, nearest, keep),
        lambda: bank.update(features, targets, nearest, keep),
        options.rounds,
    )
    record("prototype_update", "time", samples, goal=5)


if __name__ == "__main__":
    main()
