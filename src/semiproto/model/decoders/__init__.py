"""Decoders, one a file. A decoder takes the channels of the encoder's maps and its parameters, has its own `channels`,
and turns the maps, from the finest to the last, into the representation z [B, channels, h, w]."""
