"""One validation image: read with its size checked, made small, its errors, its regions."""

import numpy as np
import pytest
from PIL import Image

from semiproto.data.layout import write_mask
from semiproto.errors import UserError
from semiproto.report.evaluations import read_evaluations
from semiproto.report.images.sample import RIGHT, VOID, WRONG, PreparedSet, Sample, regions


def test_it_has_the_truth_and_each_runs_prediction(results):
    runs = read_evaluations(results.grid({"supervised": [50.0], "prototype": [60.0]}))
    sample = PreparedSet(results.data()).sample("b", runs)
    assert sample.picture.shape == (20, 12, 3) and len(sample.predictions) == 2
    errors = sample.errors(1)
    assert (errors[:, :3] == VOID).all() and (errors[:, 3:] == RIGHT).all()
    sample.predictions[1][5, 7] = 0
    assert sample.errors(1)[5, 7] == WRONG


@pytest.mark.parametrize("what", ["eval/digits/30/prototype/seed0/predictions/b.png", "raw/JPEGImages/b.png"])
def test_another_size_than_the_truths_is_named(results, what):
    runs = read_evaluations(results.grid({"prototype": [60.0]}))
    prepared = PreparedSet(results.data())
    if "predictions" in what:
        write_mask(results.root / what, np.zeros((3, 3), np.uint8))
    else:
        Image.new("RGB", (3, 3)).save(results.root / what)
    with pytest.raises(UserError, match=f"{what}: not as large as its mask"):
        prepared.sample("b", runs)


@pytest.mark.parametrize(("side", "size"), [(30, (14, 21)), (10, (5, 7)), (11, (7, 10)), (1, (1, 1))])
def test_it_is_made_small_by_a_whole_number(side, size):
    mask = np.repeat(np.repeat(np.arange(6, dtype=np.uint8).reshape(2, 3), 7, 0), 7, 1)  # 14 x 21
    small = Sample(np.dstack([mask] * 3) * 50, mask, [mask]).small(side)
    assert small.truth.shape == small.predictions[0].shape == small.picture.shape[:2] == size
    assert set(small.truth.ravel()) <= set(mask.ravel())
    if side == 10:
        expected = [[0, 0, 1, 1, 1, 2, 2]] * 2 + [[3, 3, 4, 4, 4, 5, 5]] * 3
        assert small.truth.tolist() == expected


def test_regions_are_named_at_their_deepest_pixel():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:21, 5:16], mask[25:36, 40:51], mask[0, 0], mask[39] = 1, 1, 2, 255
    assert regions(mask, 3) == [(1, 15, 10), (1, 30, 45)]
