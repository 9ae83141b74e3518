"""The interval against simulated experiments whose truth is known.

A run's IoU of a class is a common level, the image's difficulty, which all runs share, what the seed adds to the level,
and what is left of one run on one image. Two variants differ by what is planted.
"""

import numpy as np
import pytest
from scipy import stats

from semiproto.report.bootstrap import Gains, paired_gains, scores

CLASSES, IMAGES = 5, 100


def experiment(rng, seeds, planted, seed_sd, unequal=0):
    """Counts of two variants, int64 [seeds, images, classes, 2] each; `planted` points [classes] are the first's.

    unequal: how much an image's gain differs from others', the same for all seeds.
    """
    size = rng.integers(50, 400, (IMAGES, CLASSES))
    difficulty = rng.normal(0, 12, (IMAGES, CLASSES))
    variants = []
    for gain in (planted, 0):
        level = 60 + gain + rng.normal(0, seed_sd, (seeds, 1, CLASSES))
        gains = rng.normal(0, unequal, (IMAGES, CLASSES)) if unequal else 0
        iou = np.clip(level + difficulty + gains + rng.normal(0, 8, (seeds, IMAGES, CLASSES)), 0, 100)
        variants.append(np.stack([np.round(size * iou / 100), np.broadcast_to(size, iou.shape)], axis=-1))
    return variants


def simulate(seeds, planted, seed_sd, number=200):
    """Gains of `number` experiments."""
    rng = np.random.default_rng(1)
    return [paired_gains(*experiment(rng, seeds, np.asarray(planted), seed_sd)) for _ in range(number)]


def share(gains, test):
    return np.mean([test(*(ends[0] for ends in one.interval())) for one in gains])


@pytest.mark.parametrize(("seeds", "seed_sd"), [(1, 0.0), (2, 0.1), (2, 3.0), (3, 1.0), (3, 3.0), (5, 1.0)])
def test_where_there_is_no_difference_none_is_found(seeds, seed_sd):
    gains = simulate(seeds, [0.0] * CLASSES, seed_sd)
    assert share(gains, lambda low, high: low <= 0 <= high) >= 0.93
    named = [(low[1:] > 0) | (high[1:] < 0) for low, high in (one.interval(CLASSES) for one in gains)]
    assert np.mean([one.any() for one in named]) <= 0.07


@pytest.mark.parametrize(("seeds", "seed_sd"), [(1, 0.0), (3, 0.4), (5, 1.0)])
def test_three_points_are_found_and_the_interval_holds_them(seeds, seed_sd):
    gains = simulate(seeds, [3.0] * CLASSES, seed_sd)
    assert share(gains, lambda low, _: low > 0) >= 0.93
    assert share(gains, lambda low, high: low <= 3 <= high) >= 0.93


def test_a_class_that_got_worse_is_found_and_no_other():
    gains = simulate(3, [0.0, 0.0, -15.0, 0.0, 0.0], seed_sd=0.5, number=100)
    worse = np.array([one.interval(CLASSES)[1][1:] < 0 for one in gains])
    assert worse[:, 2].mean() >= 0.93
    assert worse[:, [0, 1, 3, 4]].any(axis=1).mean() <= 0.05


def test_a_plain_bootstrap_over_three_seeds_would_not_do():
    """Why the seeds' part is Student's: drawn again, three seeds cover far too little."""
    rng = np.random.default_rng(0)
    seeds = rng.normal(size=(2000, 3))
    drawn = seeds[:, rng.integers(0, 3, (1000, 3))].mean(axis=2)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=1)
    assert np.mean((low <= 0) & (high >= 0)) < 0.8


def test_the_seeds_part_alone_would_not_do():
    """Why the images' part is added: where images gain unequally, all seeds err alike."""
    rng, covered = np.random.default_rng(2), []
    for _ in range(200):
        more, less = experiment(rng, 3, np.full(CLASSES, 3.0), 0.3, unequal=10)
        gains = (scores(more, np.ones((1, IMAGES))) - scores(less, np.ones((1, IMAGES))))[0, :, 0]
        half = stats.t.isf(0.025, 2) * gains.std(ddof=1) / 3**0.5
        covered.append(abs(gains.mean() - 3) <= half)
    assert np.mean(covered) < 0.88


def test_scores_by_hand():
    counts = np.array([[[[1, 2], [0, 0]], [[3, 4], [0, 5]]]])  # one seed, two images, two classes
    both, first = scores(counts, np.array([[1, 1], [1, 0]]))
    assert both[0].tolist() == pytest.approx([100 * (4 / 6 + 0) / 2, 100 * 4 / 6, 0])
    assert first[0][:2].tolist() == [50, 50] and np.isnan(first[0][2])  # the class does not occur, nor count


def test_one_image_gives_no_interval():
    counts = np.array([[[[1, 2], [3, 4]]]])
    low, high = paired_gains(counts, counts).interval()
    assert np.isnan(low).all() and np.isnan(high).all()


def test_seeds_and_images_join_like_sides_of_a_triangle():
    one = Gains(np.zeros(1), np.array([3.0]), np.array([4.0]), images=10**9, seeds=10**9)
    assert one.interval()[1][0] == pytest.approx(1.959964 * 5, rel=1e-5)
