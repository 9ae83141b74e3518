"""Copies of a picture hash alike, other pictures do not."""

import io

import numpy as np
import pytest
from PIL import Image

from semiproto.data.dataset import Images
from semiproto.measure.suggestions.duplicates import NEAR, nearest, picture_hash


@pytest.fixture(scope="module")
def pictures(digits_root, ids):
    images = Images(digits_root, ids["train"] + ids["unlabeled"])
    return [images.image(n) for n in range(len(images))]


def saved_again(image, scale=1.0, brightness=1.0, quality=75):
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    values = np.asarray(Image.fromarray(image).resize(size)) * brightness
    stream = io.BytesIO()
    Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


@pytest.mark.parametrize("change", [{"quality": 30}, {"scale": 0.5}, {"scale": 2}, {"brightness": 1.2}])
def test_a_copy_is_near_its_picture_and_no_other(pictures, change):
    hashes = np.array([picture_hash(image) for image in pictures])
    copies = np.array([picture_hash(saved_again(image, **change)) for image in pictures])
    positions, bits = nearest(copies, hashes)
    assert positions.tolist() == list(range(len(pictures))) and bits.max() <= NEAR


def test_different_pictures_are_apart(pictures):
    hashes = np.array([picture_hash(image) for image in pictures])
    for n in range(len(hashes)):
        assert nearest(hashes[n : n + 1], np.delete(hashes, n))[1][0] > NEAR


def test_any_number_of_bands_and_any_size():
    rng = np.random.default_rng(0)
    for shape in ((1, 1, 1), (1, 70, 3), (50, 2, 4)):
        assert isinstance(picture_hash(rng.integers(0, 256, shape, dtype=np.uint8)), np.uint64)


def test_bits_are_counted():
    positions, bits = nearest(np.array([0b1011], dtype=np.uint64), np.array([0, 0b1010, 0b1111], dtype=np.uint64))
    assert (positions.tolist(), bits.tolist()) == ([1], [1])
    assert [found.shape for found in nearest(np.zeros(0, np.uint64), np.zeros(1, np.uint64))] == [(0,), (0,)]
