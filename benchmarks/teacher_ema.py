"""The teacher's average and the optimiser's step, for the parameters of the paper's ResNet-101 SegmentationNetwork.

Reference forms (README.md): a loop over the parameters that replaces each one's data by d t + (1 - d) s; SGD as torch
gives it by default, and with foreach=True. Ours: Teacher.update, which averages the batch-norm statistics too; SGD with
fused=True.

    python benchmarks/teacher_ema.py [--rounds N]
"""

from __future__ import annotations

import copy

import torch
from measure import record, require, start, take_turns
from paper import paper_network, paper_params

from semiproto.model.network import SegmentationNetwork
from semiproto.model.teacher import Teacher

DECAY = 0.99


def reference(teacher: SegmentationNetwork, student: SegmentationNetwork) -> None:
    for t, s in zip(teacher.parameters(), student.parameters(), strict=True):
        t.data = DECAY * t.data + (1 - DECAY) * s.data


def main() -> None:
    options = start(__doc__, rounds=9)
    student = paper_network(paper_params("resnet101s"))
    teacher = Teacher(student, DECAY)
    for parameter in student.parameters():
        parameter.data += 0.01 * torch.randn_like(parameter)
    theirs = copy.deepcopy(teacher.model)

    reference(theirs, student)
    teacher.update(student, 1000)
    pairs = zip(theirs.parameters(), teacher.model.parameters(), strict=True)
    require(all(torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in pairs), "the averaged weights")
    samples = take_turns(lambda: reference(theirs, student), lambda: teacher.update(student, 1000), options.rounds)
    record("teacher_ema", "time", samples, goal=4)

    for parameter in student.parameters():
        parameter.grad = torch.randn_like(parameter)
    for name, choice in (("SGD by default", {}), ("SGD foreach", {"foreach": True})):
        sgd, fused = (
            torch.optim.SGD(student.parameters(), lr=1e-6, momentum=0.9, weight_decay=1e-4, **how)
            for how in (choice, {"fused": True})
        )
        record("optimiser", f"{name} / fused, time", take_turns(sgd.step, fused.step, options.rounds), goal=None)


if __name__ == "__main__":
    main()
