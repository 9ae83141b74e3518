"""Intersection over union of method section 9."""

import numpy as np
import pytest
import reference
import torch
from sklearn.metrics import confusion_matrix, jaccard_score

from semiproto.measure.confusion import ConfusionMatrix


def draw(classes, shape, seed=0, void=0.2):
    rng = np.random.default_rng(seed)
    target = np.where(rng.random(shape) < void, 255, rng.integers(0, classes, shape))
    prediction = np.where(rng.random(shape) < 0.5, target % classes, rng.integers(0, classes, shape))
    return torch.from_numpy(prediction), torch.from_numpy(target.astype(np.uint8))


@pytest.mark.parametrize(("classes", "shape"), [(2, (3, 4)), (7, (2, 16, 9)), (21, (40, 41)), (254, (100, 100))])
def test_counts_and_iou_equal_scikit_learns(classes, shape):
    confusion, predictions, targets = ConfusionMatrix(classes), [], []
    for seed in range(3):
        prediction, target = draw(classes, shape, seed)
        confusion.update(prediction, target)
        predictions.append(prediction.flatten()[target.flatten() != 255])
        targets.append(target.flatten()[target.flatten() != 255])
    prediction, target = torch.cat(predictions).numpy(), torch.cat(targets).numpy()
    labels = range(classes)
    np.testing.assert_array_equal(confusion.counts.numpy(), confusion_matrix(target, prediction, labels=labels))
    expected = jaccard_score(target, prediction, labels=labels, average=None, zero_division=0)
    np.testing.assert_allclose(confusion.iou().nan_to_num().numpy(), expected, atol=1e-12)
    by_sets = reference.iou(prediction, target, classes)
    np.testing.assert_allclose(confusion.iou().numpy(), by_sets, atol=1e-12)
    assert confusion.mean_iou() == pytest.approx(np.nanmean(by_sets), abs=1e-12)


def test_by_hand():
    confusion = ConfusionMatrix(3)
    confusion.update(torch.tensor([0, 0, 1, 1, 2]), torch.tensor([0, 1, 1, 255, 255]))
    np.testing.assert_allclose(confusion.iou().numpy(), [1 / 2, 1 / 2, np.nan])
    assert confusion.mean_iou() == pytest.approx(0.5)


def test_a_class_that_is_only_predicted_counts_as_zero():
    confusion = ConfusionMatrix(3)
    confusion.update(torch.tensor([0, 2]), torch.tensor([0, 0]))
    np.testing.assert_allclose(confusion.iou().numpy(), [1 / 2, np.nan, 0])
    assert confusion.mean_iou() == pytest.approx(0.25)


def test_void_pixels_do_not_count_whatever_is_predicted():
    with_void, without = ConfusionMatrix(4), ConfusionMatrix(4)
    prediction, target = draw(4, (10, 10))
    with_void.update(prediction, target)
    without.update(prediction[target != 255], target[target != 255])
    assert torch.equal(with_void.counts, without.counts)
    assert with_void.counts.sum() == (target != 255).sum()


def test_another_void_value():
    confusion = ConfusionMatrix(3, ignore_index=0)
    confusion.update(torch.tensor([1, 1, 2]), torch.tensor([0, 1, 2]))
    assert confusion.counts.diag().tolist() == [0, 1, 1] and confusion.counts.sum() == 2


def test_all_void_is_nan():
    confusion = ConfusionMatrix(3)
    confusion.update(torch.zeros(5, dtype=torch.int64), torch.full((5,), 255))
    assert np.isnan(confusion.mean_iou())


def test_perfect_and_wrong():
    _, target = draw(5, (30, 30))
    perfect, wrong = ConfusionMatrix(5), ConfusionMatrix(5)
    perfect.update(target, target)
    wrong.update((target + 1) % 5, target)
    assert perfect.mean_iou() == 1 and wrong.mean_iou() == 0
