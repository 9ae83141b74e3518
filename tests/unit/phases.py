"""Phases and images that the tests of a semi-supervised step share."""

import numpy as np
import torch
from torch.nn import functional as F

from semiproto.model.prototypes import PrototypeBank
from semiproto.train.semi import SemiPhase

SIZE = 32


def ramps(rng, count):
    """Half noise and half ramp, uint8 [count, 3, SIZE, SIZE]."""
    images = rng.integers(0, 256, (count, 3, SIZE, SIZE))
    images[:, :, :, : SIZE // 2] = np.linspace(0, 255, SIZE)[:, None].astype(int)
    return torch.from_numpy(images.astype(np.uint8))


def make_phase(make_net, params, with_bank, teacher_from=0):
    bank = None
    if with_bank:
        bank = PrototypeBank(7, 2, 8, 0.9, 0.1)
        bank.prototypes.copy_(torch.rand(bank.prototypes.shape, generator=torch.Generator().manual_seed(9)))
    student = make_net()
    with torch.no_grad():
        student.heads["linear"].layers[-1].weight.mul_(5)
    phase = SemiPhase(student, params, bank, teacher_from)
    with torch.no_grad():  # a teacher of its own, or its labels would be the student's
        for p in phase.teacher.parameters():
            p.mul_(1 + 0.2 * torch.rand(p.shape, generator=torch.Generator().manual_seed(p.numel())))
    return phase.train()


def up(x):
    return F.interpolate(x.double(), size=(SIZE, SIZE), mode="bilinear", align_corners=True)
