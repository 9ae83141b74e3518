"""Whole images and masks by id, and weak views by key."""

import numpy as np
import pytest
import torch
from PIL import Image

from semiproto.data import loaders
from semiproto.data.dataset import Images
from semiproto.data.layout import IMAGES, MASKS
from semiproto.data.loaders import WeakViews
from semiproto.errors import UserError


def test_images_are_given_as_they_are(digits_root, ids):
    images = Images(digits_root, ids["val"])
    assert len(images) == 3
    for position, image_id in enumerate(ids["val"]):
        image, mask = images[position]
        expected = np.asarray(Image.open(digits_root / IMAGES / f"{image_id}.png"))
        np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), expected)
        np.testing.assert_array_equal(mask.numpy(), np.asarray(Image.open(digits_root / MASKS / f"{image_id}.png")))
        assert image.dtype == mask.dtype == torch.uint8


def test_a_missing_image_is_named(digits_root, ids, one_line):
    with pytest.raises(UserError) as error:
        Images(digits_root, [*ids["val"], "absent_1", "absent_2"])
    one_line(error, "absent_1", "2 such ids")


def test_a_view_is_a_function_of_its_key(digits_root, ids, tiny):
    views = WeakViews(digits_root, ids["train"], tiny.augment, (0, 0, 0), labeled=True)
    fresh = WeakViews(digits_root, ids["train"], tiny.augment, (0, 0, 0), labeled=True)
    first = views[2, 0, 5, 1]
    views[1, 0, 6, 0]
    assert all(torch.equal(a, b) for a, b in zip(first, views[2, 0, 5, 1], strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first, fresh[2, 0, 5, 1], strict=True))
    for other in ((2, 1, 5, 1), (2, 0, 6, 1), (2, 0, 5, 2)):
        assert not torch.equal(first[0], views[other][0])


def test_labelled_and_unlabelled_views_are_drawn_apart(digits_root, ids, tiny):
    labeled, unlabeled = (
        WeakViews(digits_root, ids["train"], tiny.augment, (0, 0, 0), labeled=flag) for flag in (True, False)
    )
    assert not torch.equal(labeled[0, 0, 0, 0][0], unlabeled[0, 0, 0, 0][0])


def test_the_cache_changes_nothing(digits_root, ids, tiny, monkeypatch):
    cached = WeakViews(digits_root, ids["train"], tiny.augment, (0, 0, 0), labeled=True)
    before = [cached[n, 0, n, 0] for n in range(4)]
    assert len(cached._cache) == 4
    monkeypatch.setattr(loaders, "CACHE_BYTES", 2 * 4 * 64 * 64)
    small = WeakViews(digits_root, ids["train"], tiny.augment, (0, 0, 0), labeled=True)
    for _ in range(2):
        after = [small[n, 0, n, 0] for n in range(4)]
        assert all(
            torch.equal(a, b) for one, two in zip(before, after, strict=True) for a, b in zip(one, two, strict=True)
        )
    assert len(small._cache) == 2
