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

    offline = download and _offline()
    if offline and _must_be_fetched(params.name):
        raise _not_here(params.name)
    try:
        return timm.create_model(params.name, pretrained=download, **options)
    except (RuntimeError, ValueError, TypeError, OSError, AssertionError) as error:
        if offline and isinstance(error, OSError):
            raise _not_here(params.name) from None
        reason = " ".join(str(error).split())[:200]
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


def _must_be_fetched(name: str) -> bool:
    """Whether weights have only an address, outside the Hugging Face hub, and are not in torch.hub's cache."""
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(name)
    address: Any = None if config is None or config.hf_hub_id else config.url
    return bool(address) and not (Path(torch.hub.get_dir()) / "checkpoints" / Path(address).name).is_file()


def _not_here(name: str) -> UserError:
    return UserError(
        f"model.encoder.weights: timm's {name} is not in this machine's caches, and nothing is downloaded"
        " (compute.offline, or HF_HUB_OFFLINE); name a file of weights, set it to null for random weights, or run once"
        " with compute.offline: false"
    )
