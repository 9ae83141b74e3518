"""timm's models by name, with their published weights where those are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any

from semiproto.errors import UserError
from semiproto.params import EncoderParams
from semiproto.provenance.artifacts import sha256_file
from semiproto.provenance.hub import HubFile

SAFE = {"pytorch_model.bin": "model.safetensors", "open_clip_pytorch_model.bin": "open_clip_model.safetensors"}
"""What timm reads in place of a pickled file, where the name alone does not say it."""


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

    _require_tag(params.name)
    offline = download and _offline()
    if offline and _must_be_fetched(params.name):
        raise _not_here(params.name)
    try:
        return timm.create_model(params.name, pretrained=download, **options)
    except (RuntimeError, ValueError, TypeError, OSError, AssertionError) as error:
        if offline and isinstance(error, OSError):
            raise _not_here(params.name) from None
        reason = " ".join(str(error).split())[:200]
        if isinstance(error, TypeError) and "output_stride" in reason:
            raise UserError(
                f"model.encoder.name: {params.name!r} is neither a CNN whose output stride timm can set nor a ViT of"
                " docs/encoders.md, and others are not read here; take one of these"
            ) from None
        if isinstance(error, AssertionError) and not reason:  # as `assert output_stride == 32` has it
            reason = "it has another output stride alone, mostly 32"
        raise UserError(
            f"model.encoder: timm cannot make {params.name!r} at output stride {params.output_stride} with weights"
            f" {params.weights!r} ({reason}); try another name or stride, or give a weights file or null"
        ) from None


def nearest(name: str) -> str:
    """A hint ` (did you mean x?)` where timm lists a model of a similar name; empty otherwise."""
    import timm

    close = get_close_matches(name.split(".")[0], timm.list_models(), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _require_tag(name: str) -> None:
    """UserError where what follows the dot in a name is none of the tags of weights that timm lists for the model."""
    import timm
    from timm.models import get_pretrained_cfg

    try:
        get_pretrained_cfg(name)
    except RuntimeError:
        model, _, tag = name.partition(".")
        known = ", or ".join([model, *timm.list_pretrained(f"{model}.*")])
        raise UserError(f"model.encoder.name: timm has no weights {tag!r} of {model}; write {known}") from None


def published_file(name: str) -> HubFile | None:
    """The file in this machine's caches that timm reads a model's published weights from, with its digest; None where
    it is not there, as before a download."""
    for file in _published_files(name):
        if (path := file.path()) is not None:
            return replace(file, sha256=sha256_file(path))
    return None


def _published_files(name: str) -> Iterator[HubFile]:
    """The files that may hold a model's published weights, in the order in which timm tries them
    (timm.models._hub.load_state_dict_from_hf)."""
    from timm.models import get_pretrained_cfg

    config: Any = get_pretrained_cfg(name)
    if config is not None and config.hf_hub_id:
        repository, _, revision = config.hf_hub_id.partition("@")
        given = config.hf_hub_filename or "pytorch_model.bin"
        if given.endswith(".bin"):
            yield HubFile(SAFE.get(given, f"{given[:-4]}.safetensors"), repository, revision or None)
        yield HubFile(given, repository, revision or None)
    elif config is not None and config.url:
        yield HubFile(PurePosixPath(config.url).name)


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
    return any(file.repository is None and file.path() is None for file in _published_files(name))


def _not_here(name: str) -> UserError:
    return UserError(
        f"model.encoder.weights: timm's {name} is not in this machine's caches, and nothing is downloaded"
        " (compute.offline, or HF_HUB_OFFLINE); name a file of weights, set it to null for random weights, or run once"
        " with compute.offline: false"
    )
