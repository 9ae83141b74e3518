"""The weak view and CutMix of method section 7."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import binary_dilation, maximum_filter, minimum_filter

from semiproto.data.augment import Padding, _draw_window, cutmix, cutmix_boxes, fitting_boxes, mean_colour, weak_view
from semiproto.params import AugmentParams, CutMixParams, NormalisationParams

CROP = 48
PADDING = Padding((124, 116, 104))


def augment(crop=CROP, scale=(1.0, 1.0), shift=0, rotation=0.0, flip=0.0, padding_label=255):
    return AugmentParams(crop=crop, scale=scale, shift=shift, rotation=rotation, flip=flip, padding_label=padding_label)


def blocks(width, height, side=12, classes=6):
    """An image of plain blocks whose red value is 30 times their class, and its label."""
    row, column = np.mgrid[0:height, 0:width]
    label = ((row // side * 5 + column // side * 3) % classes).astype(np.uint8)
    colours = np.stack([label * 30, 255 - label * 30, np.full_like(label, 200)], axis=2)
    return colours, label


def grey(label):
    """The image whose three colours are the label."""
    return np.repeat(label[..., None], 3, axis=2)


def views(params, image, label, number=40, padding=PADDING):
    return [weak_view(image, label, params, np.random.default_rng([7, n]), padding) for n in range(number)]


def test_nothing_to_do_reproduces_the_image():
    image = np.random.default_rng(0).integers(0, 256, (CROP, CROP, 3), dtype=np.uint8)
    label = np.random.default_rng(1).integers(0, 21, (CROP, CROP), dtype=np.uint8)
    for view, target in views(augment(), image, label, 5):
        np.testing.assert_array_equal(view, image)
        np.testing.assert_array_equal(target, label)
        assert view.dtype == target.dtype == np.uint8


def test_flip_one_mirrors():
    image = np.random.default_rng(0).integers(0, 256, (CROP, CROP, 3), dtype=np.uint8)
    label = np.random.default_rng(1).integers(0, 21, (CROP, CROP), dtype=np.uint8)
    view, target = weak_view(image, label, augment(flip=1.0), np.random.default_rng(0), PADDING)
    np.testing.assert_array_equal(view, image[:, ::-1])
    np.testing.assert_array_equal(target, label[:, ::-1])
    assert torch.from_numpy(view).shape == view.shape  # negative strides would be refused


def test_flip_half_flips_half():
    label = np.repeat(np.arange(CROP, dtype=np.uint8)[None], CROP, axis=0)
    found = [target[0, 0] == CROP - 1 for _, target in views(augment(flip=0.5), grey(label), label, 200)]
    assert 70 < sum(found) < 130


def test_a_crop_is_a_part_of_the_image():
    label = np.random.default_rng(0).integers(0, 250, (70, 90), dtype=np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(label, (CROP, CROP))
    corners = set()
    for _, target in views(augment(), grey(label), label):
        places = np.argwhere((windows == target).all(axis=(2, 3)))
        assert len(places) == 1
        corners.add(tuple(places[0]))
    rows, columns = np.array(sorted(corners)).T
    assert rows.min() < 3 and rows.max() > 19 and columns.min() < 5 and columns.max() > 37


@pytest.mark.parametrize(("width", "height"), [(64, 64), (100, 40), (30, 30), (33, 90), (48, 48)])
@pytest.mark.parametrize(("scale", "rotation"), [((1.0, 1.0), 0.0), ((0.5, 2.0), 0.0), ((0.7, 1.4), 12.0)])
def test_image_and_label_stay_aligned(width, height, scale, rotation):
    """Inside a plain block the colour says the class; only the pixels next to an edge may mix two."""
    image, label = blocks(width, height)
    checked = 0
    for view, target in views(augment(scale=scale, rotation=rotation, flip=0.5), image, label):
        inside = plain_pixels(target, 3)
        colour = np.round(view[..., 0][inside] / 30)
        np.testing.assert_array_equal(colour, target[inside])
        checked += inside.sum()
    assert checked > 300


def plain_pixels(target, distance):
    """Pixels whose neighbourhood is of one class, not padding."""
    side = 2 * distance + 1
    low, high = (extreme(target, side, mode="constant", cval=255) for extreme in (minimum_filter, maximum_filter))
    return (low == high) & (low != 255)


@pytest.mark.parametrize("rotation", [0.0, 30.0])
@pytest.mark.parametrize("padding", [Padding((124, 116, 104)), Padding((128, 128, 128), 0)])
def test_outside_the_image_are_the_colour_and_label_of_the_padding(rotation, padding):
    """A white image of class 3, smaller than the crop."""
    image, label = np.full((20, 30, 3), 255, np.uint8), np.full((20, 30), 3, np.uint8)
    params = augment(scale=(0.8, 1.3), rotation=rotation)
    for view, target in views(params, image, label, padding=padding):
        assert set(np.unique(target)) == {3, padding.label}
        outside = target == padding.label
        is_mean = (view == padding.colour).all(axis=2)
        if rotation == 0:
            np.testing.assert_array_equal(is_mean, outside)
            assert (view[~outside] == 255).all()
        else:  # turned edges are antialiased
            far = outside & ~grown(~outside, 2)
            assert is_mean[far].all() and far.sum() > 100
            assert not is_mean[~outside & ~grown(outside, 2)].any()


def grown(mask, distance):
    """`mask` and the pixels up to `distance` from it."""
    return binary_dilation(mask, np.ones((3, 3)), iterations=distance)


@pytest.mark.parametrize(
    ("mean", "std", "colour"),
    [([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], (124, 116, 104)), ([0.5] * 3, [0.5] * 3, (128, 128, 128))],
)
def test_the_mean_colour_is_zero_after_normalisation(mean, std, colour):
    assert mean_colour(NormalisationParams(mean=mean, std=std)) == colour
    assert np.abs((np.array(colour) / 255 - mean) / std).max() < 0.01


def test_a_small_image_lies_anywhere_in_the_crop():
    label = np.ones((16, 16), np.uint8)
    found = [np.argwhere(target == 1) for _, target in views(augment(), grey(label), label, 100)]
    corners = np.array([places.min(0) for places in found])
    sizes = {tuple(places.max(0) - places.min(0) + 1) for places in found}
    assert sizes == {(16, 16)}
    assert corners.min(0).max() < 4 and corners.max(0).min() > CROP - 16 - 4


def test_zoom_is_low_to_one_or_one_to_high_with_equal_odds():
    """The label counts columns; its slope across the view is 1 / zoom."""
    label = np.repeat(np.arange(240, dtype=np.uint8)[None], 240, axis=0)
    found = views(augment(scale=(0.5, 2.0)), grey(label), label, 400)
    zooms = np.array([1 / np.polyfit(np.arange(CROP), target[CROP // 2].astype(float), 1)[0] for _, target in found])
    assert zooms.min() > 0.49 and zooms.max() < 2.03
    assert 160 < (zooms < 1).sum() < 240
    assert np.mean(zooms[zooms < 1]) == pytest.approx(0.75, abs=0.04)
    assert np.mean(zooms[zooms >= 1]) == pytest.approx(1.5, abs=0.07)


def test_rotation_goes_both_ways_up_to_its_bound():
    """A line through the centre, left half class 1 and right half class 2."""
    columns = np.mgrid[0:CROP, 0:CROP][1]
    label = np.where(columns < CROP // 2, 1, 2).astype(np.uint8)
    angles = []
    for _, target in views(augment(rotation=20.0), grey(label), label, 60):
        borders = [(target[row] == 1).nonzero()[0].max() for row in range(8, 40)]
        angles.append(np.degrees(np.arctan(np.polyfit(np.arange(8, 40), borders, 1)[0])))
    assert max(angles) < 21.5 and min(angles) > -21.5
    assert max(angles) > 14 and min(angles) < -14


def test_a_view_is_a_function_of_the_generator():
    image, label = blocks(64, 64)
    params = augment(scale=(0.5, 2.0), rotation=8.0, flip=0.5)
    first, again, other = (weak_view(image, label, params, np.random.default_rng(seed), PADDING) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize(
    ("scale", "shift", "flip"), [((0.5, 2.0), 0, 0.5), ((0.7, 1.4), 9, 0.5), ((0.5, 2.0), 24, 1.0)]
)
@pytest.mark.parametrize("size", [(70, 90), (40, 30), (30, 100)])
def test_a_view_is_its_window_as_pillow_resizes_it(size, scale, shift, flip):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    image = np.array(coarse.resize(size[::-1], Image.Resampling.BICUBIC))
    label = np.zeros(size, np.uint8)
    params = augment(scale=scale, shift=shift, flip=flip)
    for n in range(30):
        window = _draw_window(size, params, np.random.default_rng([7, n]))
        view, target = weak_view(image, label, params, np.random.default_rng([7, n]), PADDING)
        part = Image.fromarray(image[window.rows, window.columns])
        expected = np.asarray(part.resize(window.size[::-1], Image.Resampling.BILINEAR)).astype(int)
        shown = view[target != 255].reshape(expected.shape).astype(int)
        assert np.abs(shown - (expected[:, ::-1] if window.mirrored else expected)).max() <= 2


# -------------------------------------------------------------------------------------------------- CutMix


@pytest.mark.parametrize("size", [16, 17, 32, 33, 64, 65, 129, 513])
def test_boxes_are_half_the_crop(size):
    for seed in range(4 if size > 200 else 20):
        boxes = cutmix_boxes(8, size, torch.Generator().manual_seed(seed))
        assert boxes.shape == (8, size, size) and boxes.dtype == torch.bool
        for box in boxes:
            rows, columns = box.any(1).nonzero().flatten(), box.any(0).nonzero().flatten()
            height, width = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
            assert int(box.sum()) == height * width  # one full rectangle
            assert size // 2 <= width <= size and size // 2 <= height <= size
            assert abs(height * width - size * size / 2) <= (size + 1) / 2


def test_widths_are_uniform_and_positions_fill_the_crop():
    boxes = cutmix_boxes(600, 64, torch.Generator().manual_seed(0))
    widths = boxes.any(1).sum(1).double()
    assert widths.mean().item() == pytest.approx(48, abs=1.2)
    assert widths.std().item() == pytest.approx(32 / 12**0.5, abs=0.8)
    assert boxes[:, 0].any(1).any() and boxes[:, -1].any(1).any()
    assert boxes[:, :, 0].any(1).any() and boxes[:, :, -1].any(1).any()


def test_boxes_differ_by_image_and_follow_the_generator():
    first, again = (cutmix_boxes(4, 64, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])


def test_the_box_comes_from_the_next_image():
    boxes = cutmix_boxes(3, 8, torch.Generator().manual_seed(0))
    images = torch.randint(256, (3, 3, 8, 8), dtype=torch.uint8)
    labels, confidence = torch.randint(21, (3, 8, 8)), torch.rand(3, 8, 8)
    mixed = cutmix(images, boxes), cutmix(labels, boxes), cutmix(confidence, boxes)
    assert [m.dtype for m in mixed] == [torch.uint8, torch.int64, torch.float32]
    for b in range(3):
        for row in range(8):
            for column in range(8):
                source = (b + 1) % 3 if boxes[b, row, column] else b
                assert torch.equal(mixed[0][b, :, row, column], images[source, :, row, column])
                assert mixed[1][b, row, column] == labels[source, row, column]
                assert mixed[2][b, row, column] == confidence[source, row, column]


def test_a_batch_of_one_mixes_with_itself():
    images = torch.rand(1, 3, 8, 8)
    assert torch.equal(cutmix(images, cutmix_boxes(1, 8, torch.Generator().manual_seed(0))), images)


def test_shift_reaches_beyond_the_image_by_its_bound_and_no_further():
    label = np.ones((CROP, CROP), np.uint8)
    empty = [
        ((target == 255).all(axis=axis).sum(), axis)
        for _, target in views(augment(shift=6), grey(label), label, 200)
        for axis in (0, 1)
    ]
    assert {axis for count, axis in empty if count >= 5} == {0, 1}
    assert max(count for count, _ in empty) <= 6


@pytest.mark.parametrize("size", [(1, 1), (3, 90), (90, 3)])
def test_shift_leaves_some_of_a_small_image_in_sight(size):
    label = np.ones(size, np.uint8)
    for _, target in views(augment(scale=(0.5, 2.0), shift=CROP // 2), grey(label), label, 100):
        assert (target == 1).any()


BOXES = CutMixParams(area=(0.02, 0.4), aspect=(0.3, 3.3), partner="next")


def test_the_laws_of_fitting_boxes():
    """10,000 of them: area 2 to 40 % of the crop, uniform; aspect 0.3 to 3.3; whole, and anywhere."""
    size, count = 321, 10_000
    areas, aspects, corners = [], [], []
    draw = torch.Generator().manual_seed(0)
    for box in (box for _ in range(100) for box in fitting_boxes(count // 100, size, BOXES, draw)):
        rows, columns = (box.any(axis).nonzero().flatten() for axis in (1, 0))
        height, width = len(rows), len(columns)
        assert int(box.sum()) == height * width  # a rectangle that nothing cuts
        areas.append(height * width / size**2)
        aspects.append(height / width)
        corners.append((int(rows[0]), int(columns[0])))
    pixel = 1 / 24  # the shortest side has 25 pixels, and sides are whole ones
    areas, aspects = np.array(areas), np.array(aspects)
    assert 0.02 * (1 - pixel) <= areas.min() < 0.021 and 0.395 < areas.max() <= 0.4 * (1 + pixel)
    assert 0.3 * (1 - pixel) <= aspects.min() < 0.31 and 3.1 < aspects.max() <= 3.3 * (1 + pixel)
    shares = np.histogram((areas - 0.02) / 0.38, bins=10, range=(0, 1))[0] / count
    np.testing.assert_allclose(shares, 0.1, atol=0.012)
    assert np.min(corners) == 0 and np.max(corners) > 0.8 * size
    assert np.abs(np.mean(corners, axis=0)[0] - np.mean(corners, axis=0)[1]) > 1  # aspects above 1 are more frequent


@pytest.mark.parametrize("size", [16, 33])
def test_fitting_boxes_of_small_crops_have_a_pixel_at_least(size):
    params = CutMixParams(area=(0.001, 0.5), aspect=(0.1, 10), partner="next")
    boxes = fitting_boxes(300, size, params, torch.Generator().manual_seed(0))
    assert boxes.flatten(1).sum(1).min() >= 1 and boxes.float().mean() < 0.5


def test_cutmix_takes_the_box_from_a_given_partner():
    x = torch.arange(2 * 4 * 4).view(2, 4, 4)
    boxes = torch.zeros(2, 4, 4, dtype=torch.bool)
    boxes[0, 1, 2] = boxes[1, 3, 0] = True
    found = cutmix(x, boxes, -x)
    for place in np.ndindex(2, 4, 4):
        assert found[place] == (-x[place] if boxes[place] else x[place])


@pytest.mark.parametrize("bands", [1, 2, 4, 6])
@pytest.mark.parametrize("rotation", [0.0, 30.0])
def test_any_number_of_bands_is_seen_as_three_are(bands, rotation):
    """Each band alone: none is taken for alpha, and what lies outside has its mean."""
    image = np.random.default_rng(0).integers(0, 256, (60, 70, 3), dtype=np.uint8)
    many = np.resize(image.transpose(2, 0, 1), (bands, 60, 70)).transpose(1, 2, 0)
    label = np.random.default_rng(1).integers(0, 9, (60, 70), dtype=np.uint8)
    params = augment(scale=(0.5, 2.0), shift=20, rotation=rotation, flip=0.5)
    colour = tuple(PADDING.colour[band % 3] for band in range(bands))
    expected = views(params, image, label, 10)
    found = views(params, np.ascontiguousarray(many), label, 10, padding=Padding(colour))
    for (view, target), (wanted, wanted_target) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(view, wanted[..., [band % 3 for band in range(bands)]])
        np.testing.assert_array_equal(target, wanted_target)
