"""The range of a set, and mean and deviation of its bands."""

import numpy as np

from semiproto.data.images.measure import format_of, moments, set_pixels, span
from semiproto.data.images.pixels import PixelFormat, Samples, to_bytes

RNG = np.random.default_rng(0)


def deep(low, high, shape=(40, 50, 2)):
    return Samples(RNG.integers(low, high, shape, dtype=np.uint16))


def test_hot_and_dead_pixels_do_not_widen_the_range():
    samples = deep(100, 1000, (100, 100, 1))
    assert span(samples).low[0] < 105 and span(samples).high[0] > 994
    samples.values[0, :9] = 65535
    samples.values[1, :9] = 0
    found = span(samples)
    assert 100 <= found.low[0] < 105 and 994 < found.high[0] < 1000


def test_a_small_image_has_its_lowest_and_highest_value():
    values = np.array([[[5], [900], [70]]], np.uint16)
    assert span(Samples(values)) == ("integer", (5.0,), (900.0,))


def test_unknown_pixels_and_values_that_are_no_numbers_are_left_out():
    values = np.array([[[-9999.0, np.nan], [3.0, np.inf], [4.0, 1.0]]], np.float32)
    known = np.array([[False, True, True]])
    assert span(Samples(values, known)) == ("float", (3.0, 1.0), (4.0, 1.0))


def test_the_range_of_a_set_spans_all_its_images():
    form = format_of([span(deep(100, 200)), span(deep(500, 900))], 2)
    assert form.kind == "integer" and form.bands == 2
    assert all(low < 105 for low in form.low) and all(high > 890 for high in form.high)


def test_a_band_of_one_value_or_of_none_has_a_range_too():
    flat = span(Samples(np.full((4, 4, 1), 7, np.uint16)))
    assert format_of([flat], 1) == PixelFormat(bands=1, kind="integer", low=[7.0], high=[8.0])
    empty = span(Samples(np.full((4, 4, 1), np.nan, np.float32)))
    assert format_of([empty], 1) == PixelFormat(bands=1, kind="float", low=[0.0], high=[1.0])


def test_eight_bit_images_have_no_range():
    assert format_of([], 4) == PixelFormat(bands=4)


def test_mean_and_deviation_are_those_of_all_pixels(tmp_path):
    images = [RNG.integers(0, 200, (n, 9, 4), dtype=np.uint8) for n in (3, 7, 11)]
    found = set_pixels(PixelFormat(bands=4), map(moments, images))
    every = np.concatenate([image.reshape(-1, 4) for image in images]) / 255
    np.testing.assert_allclose(found.mean, every.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.std, every.std(axis=0), rtol=1e-12)


def test_a_constant_band_has_a_deviation_to_divide_by():
    found = set_pixels(PixelFormat(bands=1), [moments(np.full((4, 4, 1), 9, np.uint8))])
    assert found.std == [1 / 255]


def test_the_range_of_ten_bits_uses_all_grey_levels(tmp_path):
    samples = Samples(np.arange(1021, dtype=np.uint16).reshape(1, -1, 1))
    image = to_bytes(tmp_path, samples, format_of([span(samples)], 1))
    assert len(np.unique(image)) == 256
