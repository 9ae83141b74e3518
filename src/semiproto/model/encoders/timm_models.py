"""timm's models by name, with their published weights where those are asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from semiproto.errors import UserError
from semiproto.params import EncoderParams


def knows(name: str, modules: str | Sequence[str] = "") -> bool:
    """Whether timm lists a model, whatever its weights' tag; of the given modules of timm.models only."""
    import timm  # here, because it takes longer to import than a small job to run

    return name.split(".")[0] in timm.list_models(module=modules)


def create(params: EncoderParams, *, download: bool, **options: Any) -> Any:
    """The model named in `params`, made with timm's `options`; its published weights where `download`.

    Weights come from the machine's cache, or from where timm's configuration says, unless `ask_nobody` was called.
    UserError names the parameter that does not fit, or says that the weights are not to be had.
    """
    import timm

    if download and _offline() and (missing := _only_at(params.name)):
        raise _not_here(params.name, missing)
    try:
        return timm.create_model(params.name, pretrained=download, **options)
    except (RuntimeError, ValueError, TypeError, OSError, AssertionError) as error:
        reason = " ".join(str(error).split())[:200]
        if download and _offline() and isinstance(error, OSError):
            raise _not_here(params.name, reason) from None
        raise UserError(
            f"model.encoder: timm cannot make {params.name!r} at output stride {params.output_stride} with weights"
            f" {params.weights!r} ({reason}); try another name or stride, or give a weights file or null"
        ) from None


def ask_nobody() -> None:
    """From now on, published weights come from this machine's caches and no connection is made for them."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported
    from huggingface_hub import constants

    constants.HF_HUB_OFFLINE = True  # where it had been imported before


def _offline() -> bool:
    from huggingface_hub import is_offline_mode

    return bool(is_offline_mode())


def _only_at(name: str) -> str | None:
    """The address of weights that are no repository of the Hugging Face hub and lie in no cache of torch.hub."""
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(name)
    address: Any = None if config is None or config.hf_hub_id else config.url
    if not address or (Path(torch.hub.get_dir()) / "checkpoints" / Path(address).name).is_file():
        return None
    return str(address)


def _not_here(name: str, reason: str) -> UserError:
    return UserError(
        f"model.encoder.weights: timm's {name} is not on this machine, and compute.offline is true ({reason[:160]});"
        " name a file of weights, set it to null for random weights, or run once with compute.offline: false"
    )
