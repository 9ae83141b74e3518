"""The encoder of the embedded experiment."""

import pytest
import torch

from semiproto.errors import UserError
from semiproto.model import encoders
from semiproto.params import EncoderParams


def params(name="small", weights=None, output_stride=8, multi_grid=None, **others):
    return EncoderParams(name=name, weights=weights, output_stride=output_stride, multi_grid=multi_grid, **others)


@pytest.mark.parametrize(("side", "low", "high"), [(64, 16, 8), (32, 8, 4), (65, 17, 9)])
def test_small_has_maps_at_strides_4_8_and_8(side, low, high):
    body = encoders.build(params(), pretrained=True).eval()
    maps = body(torch.rand(2, 3, side, side))
    assert [tuple(m.shape) for m in maps] == [(2, 16, low, low), (2, 32, high, high), (2, 64, high, high)]
    assert body.channels == (16, 32, 64)


def test_it_has_no_multi_grid(one_line):
    with pytest.raises(UserError) as error:
        encoders.build(params(multi_grid=[4, 8]), pretrained=False)
    one_line(error, "model.encoder.multi_grid", [4, 8], "small")


@pytest.mark.parametrize(("change", "remedy"), [({"output_stride": 32}, "8"), ({"weights": "timm"}, "null")])
def test_it_has_one_stride_and_no_published_weights(one_line, change, remedy):
    with pytest.raises(UserError) as error:
        encoders.build(params(**change), pretrained=True)
    (key, value) = next(iter(change.items()))
    one_line(error, f"model.encoder.{key}", value, "small", f"set it to {remedy}")


def test_it_has_no_patches(one_line):
    with pytest.raises(UserError) as error:
        encoders.build(params(patch_size=8), pretrained=False)
    one_line(error, "model.encoder.patch_size", 8, "small")


@pytest.mark.parametrize("bands", [1, 4, 6])
def test_it_takes_any_number_of_bands(bands):
    encoder = encoders.build(params(), pretrained=True, bands=bands).eval()
    assert encoder(torch.rand(1, bands, 32, 32))[-1].shape == (1, 64, 4, 4)
