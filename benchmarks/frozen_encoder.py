"""A training step with a frozen encoder against one that trains all of it: DINOv2-S with DPT, consistency, crop 518.

Both steps are those of the training loop, with AdamW, random weights, one labelled and one unlabelled image. The frozen
encoder runs forward only, keeps no activations, has no optimiser state, and is shared with the teacher. Time with one
thread, and peak memory of a process that takes one step.

    python benchmarks/frozen_encoder.py [--rounds N]
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from measure import peaks, print_peak, record, require, start, take_turns
from paper import CLASSES, paper_params
from steps import make_batches, stepping

from semiproto.model.network import SegmentationNetwork
from semiproto.params import Params
from semiproto.train.semi import SemiPhase

ENCODER, CROP = "vit_small_patch14_dinov2", 518
TIME, MEMORY = 1.67, 2
"""Goals: at most 0.6 of the time and 0.5 of the memory."""


def vit_params(trainable: str) -> Params:
    """The paper's losses around a ViT with DPT, trained with UniMatch V2's optimiser."""
    tree = paper_params(ENCODER).model_dump()
    tree["model"]["encoder"] |= {"multi_grid": None, "trainable": trainable}
    tree["model"]["decoder"] |= {"kind": "dpt"}
    tree["optimizer"] |= {"kind": "adamw", "lr": 5e-6, "head_lr_factor": 40, "weight_decay": 0.01}
    return Params.model_validate(tree)


def step_of(params: Params) -> Callable[[], float]:
    """A function that takes one step and returns its loss."""
    torch.manual_seed(0)
    student, batches = SegmentationNetwork(params.model, CLASSES, pretrained=False), make_batches(CROP)
    return stepping(SemiPhase(student, params.semi, bank=None), batches, params)


def main() -> None:
    options = start(__doc__, rounds=3)
    if options.peak_of == "inputs":
        make_batches(CROP)
    elif options.peak_of:
        step_of(vit_params("all" if options.peak_of == "reference" else "none"))()
    if options.peak_of:
        print_peak()
        return
    theirs, mine = step_of(vit_params("all")), step_of(vit_params("none"))
    require(abs(theirs() - mine()) < 1e-4, "the first loss")
    record("frozen_encoder", "time", take_turns(theirs, mine, options.rounds), goal=TIME)
    record("frozen_encoder", "memory", peaks(__file__, options.rounds), goal=MEMORY, unit="bytes")


if __name__ == "__main__":
    main()
