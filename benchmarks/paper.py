"""The paper's network and losses, with random weights, around any encoder."""

from __future__ import annotations

from pathlib import Path

import torch

from semiproto import params as parameters
from semiproto.model.network import SegmentationNetwork
from semiproto.params import Params

CLASSES = 21


def paper_params(encoder: str) -> Params:
    """The shipped parameters with the paper's network and losses around `encoder`, CutMix in every step.

    tau is so low that a network with random weights has confident pixels.
    """
    changes = parameters.load(Path(__file__).parents[1] / "params.yaml").model_dump()
    changes["model"]["encoder"] |= {"name": encoder, "output_stride": 8, "multi_grid": [4, 8, 16]}
    changes["model"]["decoder"] |= {"planes": 256, "rates": [12, 24, 36], "dropout": 0.1}
    changes["optimizer"] |= {"lr": 1e-3, "head_lr_factor": 10}
    changes["semi"] |= {"tau": 0.05, "cutmix_probability": 1.0}
    changes["semi"]["labeled_loss"] |= {"kind": "ohem"}
    return Params.model_validate(changes)


def paper_network(params: Params) -> SegmentationNetwork:
    torch.manual_seed(0)
    return SegmentationNetwork(params.model, CLASSES, pretrained=False)
