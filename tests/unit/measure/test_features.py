"""Sampled pixels, their features, and k-means per class (method section 3)."""

import numpy as np
import pytest
import reference
import torch
from PIL import Image

from semiproto.data.dataset import Images
from semiproto.data.layout import read_mask
from semiproto.errors import UserError
from semiproto.measure.features import draw_images, draw_pixels, sample_features


def made_up_masks(seed=0):
    """Masks of different sizes; class 3 is in one image alone, class 4 in none, void in all."""
    rng = np.random.default_rng(seed)
    masks = [rng.choice([0, 0, 0, 0, 1, 2, 255], size).astype(np.uint8) for size in ((20, 30), (8, 8), (40, 25))]
    masks[1][:2] = 3
    return masks


@pytest.mark.parametrize("per_class", [1, 7, 30, 200, 10_000])
def test_pixels_are_of_their_class_and_at_most_so_many(per_class):
    masks = made_up_masks()
    drawn = draw_pixels(masks, 5, per_class, 0)
    assert len(drawn) == len(masks)
    for c in range(5):
        total = 0
        for mask, by_class in zip(masks, drawn, strict=True):
            flat = by_class.get(c, np.zeros(0, dtype=int))
            assert (mask.ravel()[flat] == c).all() and len(set(flat.tolist())) == len(flat)
            total += len(flat)
        assert total == min(per_class, sum((mask == c).sum() for mask in masks))


def test_pixels_are_spread_over_the_images():
    """What small regions leave over goes to the images with more."""
    masks = [np.full((1, n), 0, dtype=np.uint8) for n in (100, 4, 100, 30)]
    shares = [len(by_class[0]) for by_class in draw_pixels(masks, 1, 80, 0)]
    assert shares[1] == 4 and sum(shares) == 80
    assert max(shares) - min(shares[0], shares[2], shares[3]) <= 1


def test_the_draw_is_a_function_of_the_seed():
    first, again, other = (draw_pixels(made_up_masks(), 5, 20, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a[c], b[c]) for a, b in zip(first, again, strict=True) for c in a)
    assert not all(np.array_equal(a[c], b[c]) for a, b in zip(first, other, strict=True) for c in a)


def test_features_are_those_of_z_at_label_resolution(make_net, digits_root, ids):
    net, images = make_net(), Images(digits_root, ids["train"][:3])
    features, classes = sample_features(net.train(), images, 12, 3, torch.device("cpu"), "test")
    drawn = draw_pixels([read_mask(digits_root / "SegmentationClass" / f"{i}.png") for i in images.ids], 7, 12, 3)
    expected, expected_classes = [], []
    for n, by_class in enumerate(drawn):
        with torch.no_grad():
            z = net.eval()(images[n][0][None]).representation[0].double().numpy()
        whole = reference.upsampled(z, 64, 64).reshape(8, -1)
        for c, flat in by_class.items():
            expected.append(whole[:, flat].T)
            expected_classes += [c] * len(flat)
    np.testing.assert_allclose(features.numpy(), np.concatenate(expected), rtol=1e-4, atol=1e-5)
    assert classes.tolist() == expected_classes
    assert features.dtype == torch.float32 and classes.dtype == torch.uint8
    assert np.bincount(expected_classes).max() == 12


def test_no_labelled_pixel_is_an_error(make_net, digits_root, ids, tmp_path, one_line):
    (tmp_path / "JPEGImages").symlink_to(digits_root / "JPEGImages")
    (tmp_path / "SegmentationClass").mkdir()
    Image.new("L", (64, 64), 255).save(tmp_path / "SegmentationClass" / f"{ids['train'][0]}.png")
    with pytest.raises(UserError) as error:
        sample_features(make_net(), Images(tmp_path, ids["train"][:1]), 5, 0, torch.device("cpu"), "test")
    one_line(error, tmp_path, "no labelled pixel")


def test_images_are_drawn_in_the_lists_order():
    ids = [f"i{n:02}" for n in range(50)]
    drawn = draw_images(ids, 10, seed=1)
    assert len(set(drawn)) == 10 and drawn == sorted(drawn)
    assert drawn == draw_images(ids, 10, seed=1) != draw_images(ids, 10, seed=2)
    assert draw_images(ids, 100, seed=1) == ids
