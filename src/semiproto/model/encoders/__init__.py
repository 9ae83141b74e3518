"""Encoders. A new family is one file here that fulfils encoder.py's Family, and its name in FAMILIES."""

from __future__ import annotations

from pathlib import Path

from semiproto.model.encoders import cnn, small
from semiproto.model.encoders.encoder import Encoder, Family
from semiproto.model.weights import load_what_fits
from semiproto.params import EncoderParams

FAMILIES: tuple[Family, ...] = (small, cnn)
"""The first that knows a name builds it; cnn comes last, because it tries every name with timm."""


def build(params: EncoderParams, *, pretrained: bool, bands: int = 3) -> Encoder:
    """The encoder named in `params`; its weights are loaded only where `pretrained` (not when a model is restored)."""
    family = next(family for family in FAMILIES if family.knows(params.name))
    encoder = family.build(params, download=pretrained and params.weights == "timm", bands=bands)
    if pretrained and params.weights not in (None, "timm"):
        load_what_fits(encoder.net, Path(str(params.weights)))
    return encoder
