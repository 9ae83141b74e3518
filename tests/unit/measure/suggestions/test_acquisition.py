"""The three scores against their definitions, on a network with prototypes."""

import numpy as np
import pytest
import torch

from semiproto.data.dataset import Images
from semiproto.measure.inference import head_scores, predict
from semiproto.measure.suggestions.acquisition import (
    BOUNDARY_WEIGHT,
    Coverage,
    Disagreement,
    Uncertainty,
    at_boundary,
    entropy,
    rarity,
)
from semiproto.params import WindowParams

NAMES = [f"c{n}" for n in range(7)]


@pytest.fixture
def image(digits_root, ids):
    return Images(digits_root, ids["train"]).image(0)


@pytest.fixture
def bank_of(confident, bank):
    """The bank as wide as the network's z."""
    bank.prototypes = torch.rand(7, 2, confident.dim, generator=torch.Generator().manual_seed(0))
    return bank


def whole(net, image):
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None]
    with torch.no_grad():
        return tensor, net(tensor)


def test_uncertainty_is_the_weighted_mean_entropy(confident, image):
    acquisition = Uncertainty(confident, None, NAMES)
    numbers, descriptor = acquisition.look(image, None)
    _, output = whole(confident, image)
    scores = torch.nn.functional.interpolate(output.logits, image.shape[:2], mode="bilinear", align_corners=True)[0]
    p = scores.double().softmax(0).numpy()
    classes, entropies = p.argmax(0), -(p * np.log(p)).sum(0) / np.log(7)
    weights = np.ones_like(entropies)
    for row in range(classes.shape[0]):
        for column in range(classes.shape[1]):
            beside = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
            inside = [(r, c) for r, c in beside if 0 <= r < classes.shape[0] and 0 <= c < classes.shape[1]]
            if any(classes[place] != classes[row, column] for place in inside):
                weights[row, column] = BOUNDARY_WEIGHT
    (promise,) = acquisition.judge(numbers[None], np.zeros((0, 0)))
    assert promise.score == pytest.approx((weights * entropies).sum() / weights.sum(), rel=1e-4)
    most = NAMES[np.bincount(classes.ravel(), (weights * entropies).ravel(), 7).argmax()]
    assert f"where {most} is predicted" in promise.why
    np.testing.assert_allclose(descriptor, output.representation[0].mean(dim=(1, 2)).numpy(), rtol=1e-4)


def test_entropy_goes_from_0_to_1():
    assert entropy(torch.zeros(5, 1, 1)).item() == pytest.approx(1)
    assert entropy(torch.tensor([100.0, 0, 0]).view(3, 1, 1)).item() == pytest.approx(0)


def test_a_boundary_has_both_sides():
    assert at_boundary(torch.tensor([[0, 0, 0, 1], [0, 0, 0, 1]])).int().tolist() == [[0, 0, 1, 1]] * 2
    assert not at_boundary(torch.zeros(1, 1)).any()


def test_disagreement_is_the_share_of_pixels_with_two_classes(confident, bank_of, image):
    acquisition = Disagreement(confident, bank_of, NAMES)
    (promise,) = acquisition.judge(acquisition.look(image, None)[0][None], np.zeros((0, 0)))
    found = predict(head_scores(confident, bank_of), whole(confident, image)[0], None)
    different = (found["linear"] != found["prototype"]).float().mean().item()
    assert 0 < different < 1 and promise.score == pytest.approx(different, rel=1e-5)
    assert f"{different:.1%}" in promise.why and " against " in promise.why


def test_coverage_is_the_distance_weighted_by_rarity(confident, bank_of, image):
    acquisition = Coverage(confident, bank_of, NAMES)
    numbers = acquisition.look(image, None)[0]
    z = whole(confident, image)[1].representation[0].flatten(1).T
    cosine = torch.nn.functional.cosine_similarity(z[:, None], bank_of.prototypes.flatten(0, 1)[None], dim=2)
    best, nearest = cosine.max(1)
    (alone,) = acquisition.judge(numbers[None], np.zeros((0, 0)))
    assert alone.score == pytest.approx((1 - best).mean().item(), rel=1e-3)
    assert "labelled" not in alone.why
    seen = np.zeros((1, 2, 14))
    seen[0, 0] = np.arange(14) * 100
    weights = np.log((seen.sum() + 14) / (seen[0, 0] + 1)) / np.log(14)
    (promise,) = acquisition.judge(numbers[None], seen.reshape(1, -1))
    expected = (weights[nearest.numpy()] * (1 - best).numpy()).mean()
    assert promise.score == pytest.approx(expected, rel=1e-3)
    assert "in labelled images" in promise.why


def test_what_is_rare_weighs_more():
    weights = rarity(np.array([0, 10, 10, 1000]))
    assert weights[0] > weights[1] == weights[2] > weights[3] > 0
    np.testing.assert_allclose(rarity(np.zeros(6)), 1)
    np.testing.assert_allclose(rarity(np.full(6, 1e9)), 1, rtol=1e-6)


@pytest.mark.parametrize("kind", [Uncertainty, Disagreement, Coverage])
def test_windows_see_what_the_whole_shows(kind, confident, bank_of, image):
    """Nearly: a network sees less around a pixel at the edge of a window."""
    acquisition, none = kind(confident, bank_of, NAMES), np.zeros((0, 0))
    first, again = (acquisition.look(image, None) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    in_windows = acquisition.look(image, WindowParams(size=48, stride=32))[0]
    scores = [acquisition.judge(numbers[None], none)[0].score for numbers in (first[0], in_windows)]
    assert scores[0] == pytest.approx(scores[1], rel=0.2)
