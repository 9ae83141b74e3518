"""Encoders. A new family is one file here that fulfils encoder.py's Family, and its name in FAMILIES."""

from __future__ import annotations

from pathlib import Path

from semiproto.model.encoders import cnn, small, vit
from semiproto.model.encoders.encoder import IMAGENET, Encoder, Family
from semiproto.model.weights import load_what_fits
from semiproto.params import EncoderParams, NormalisationParams

FAMILIES: tuple[Family, ...] = (small, vit, cnn)
"""The first that knows a name builds it; cnn comes last, because it tries every name with timm."""


def build(params: EncoderParams, *, pretrained: bool, bands: int = 3) -> Encoder:
    """The encoder named in `params`; its weights are loaded only where `pretrained` (not when a model is restored)."""
    family = next(family for family in FAMILIES if family.knows(params.name))
    encoder = family.build(params, download=pretrained and params.weights == "timm", bands=bands)
    if pretrained and params.weights not in (None, "timm"):
        load_what_fits(encoder.net, Path(str(params.weights)), encoder.convert)
    if params.trainable != "all":
        encoder.limit(params.trainable)
    return encoder


def normalisation(params: EncoderParams) -> NormalisationParams:
    """How images are normalised for an encoder that `build` has built: as its weights were trained.

    timm states that for the weights that it publishes; ImageNet's where it knows none, and for random weights.
    """
    if params.normalisation is not None or params.weights is None:
        return params.normalisation or IMAGENET
    from timm import get_pretrained_cfg  # here, because it takes longer to import than a small job to run

    known = get_pretrained_cfg(params.name)
    return IMAGENET if known is None else NormalisationParams(mean=list(known.mean), std=list(known.std))
