"""Decoders, one a file. A decoder takes the channels of the encoder's maps and its parameters, has its own `channels`,
and turns the maps into the representation z [B, channels, h, w]."""

from __future__ import annotations

from semiproto.model.decoders.deeplab import DeepLabDecoder
from semiproto.model.decoders.dpt import DptDecoder

DECODERS: dict[str, type[DeepLabDecoder] | type[DptDecoder]] = {"deeplab": DeepLabDecoder, "dpt": DptDecoder}
"""By model.decoder.kind."""
