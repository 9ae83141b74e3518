"""The optimiser: which weights it moves, at what rate, and with what decay. All rates are set here.

The encoder has the rate optimizer.lr; decoder and heads have that times optimizer.head_lr_factor. With layer_decay,
the rate of a ViT's blocks falls from the last one to the first. The schedule multiplies all of them alike.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import nn

from semiproto.errors import UserError
from semiproto.model.network import SegmentationNetwork
from semiproto.params import OptimizerParams

Group = dict[str, Any]
"""Weights, `params`, with their `lr` and `weight_decay`."""


def make_optimizer(network: SegmentationNetwork, params: OptimizerParams) -> torch.optim.Optimizer:
    groups = parameter_groups(network, params)
    if params.kind == "adamw":
        return torch.optim.AdamW(groups, betas=params.betas, fused=True)
    return torch.optim.SGD(groups, momentum=params.momentum, fused=True)


def parameter_groups(network: SegmentationNetwork, params: OptimizerParams) -> list[Group]:
    """The weights that train, each in one group; frozen ones are in none."""
    rest = nn.ModuleList([network.decoder, network.heads])
    parts = [(network.encoder.net, params.lr), (rest, params.lr * params.head_lr_factor)]
    divide = _by_decay if params.kind == "adamw" else _together
    return [
        {"params": group["params"], "lr": rate * group.get("lr_scale", 1), "weight_decay": group["weight_decay"]}
        for module, rate in parts
        for group in divide(module, params)
        if group["params"]
    ]


def _together(module: nn.Module, params: OptimizerParams) -> list[Group]:
    """One group: SGD's decay is an L2 penalty on every weight [config]."""
    trained = [weight for weight in module.parameters() if weight.requires_grad]
    return [{"params": trained, "weight_decay": params.weight_decay}]


def _by_decay(module: nn.Module, params: OptimizerParams) -> list[Group]:
    """Weights with and without decay; with layer_decay those of a ViT by block too, with their share lr_scale."""
    optim: Any = import_module("timm.optim")  # here, because it takes longer to import than a small job to run
    tokens_and_positions: Any = getattr(module, "no_weight_decay", tuple)
    options = {"weight_decay": params.weight_decay, "no_weight_decay_list": sorted(tokens_and_positions())}
    if params.layer_decay == 1 or isinstance(module, nn.ModuleList):
        found: list[Group] = optim.param_groups_weight_decay(module, **options)
    elif hasattr(module, "group_matcher"):
        found = optim.param_groups_layer_decay(module, layer_decay=params.layer_decay, **options)
    else:
        raise UserError(
            f"optimizer.layer_decay: {params.layer_decay} needs a ViT, whose blocks timm tells apart; set it to 1"
        )
    return found
