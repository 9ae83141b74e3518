"""Compactness against scikit-learn itself."""

import numpy as np
import pytest
import torch
from sklearn.metrics import silhouette_samples
from sklearn.metrics.pairwise import cosine_distances, euclidean_distances

from semiproto.measure.tsne import compactness, compactness_of, project
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import TsneParams

NAMES = ["a", "b", "c", "absent"]


@pytest.mark.parametrize(("metric", "distances"), [("cosine", cosine_distances), ("euclidean", euclidean_distances)])
def test_compactness_is_scikit_learns(metric, distances):
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=200)
    vectors = rng.normal(size=(200, 6)) + 2 * np.eye(3, 6)[labels] + 1
    found = compactness(vectors, labels, NAMES, metric).set_index("class")
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if metric == "cosine" else vectors
    silhouettes = silhouette_samples(vectors, labels, metric=metric)
    means = np.stack([directions[labels == c].mean(axis=0) for c in range(3)])
    ratios = []
    for c in range(3):
        within = distances(directions[labels == c], means[c : c + 1]).mean()
        between = np.mean([distances(means[c : c + 1], means[other : other + 1]) for other in range(3) if other != c])
        ratios.append(within / between)
        assert found.loc[NAMES[c], "silhouette"] == pytest.approx(silhouettes[labels == c].mean(), abs=1e-12)
        assert found.loc[NAMES[c], "within_between"] == pytest.approx(ratios[-1], rel=1e-12)
    assert found.loc["all", "silhouette"] == pytest.approx(silhouettes.mean(), abs=1e-12)
    assert found.loc["all", "within_between"] == pytest.approx(np.mean(ratios), rel=1e-12)
    assert list(found.index) == ["a", "b", "c", "all"]


def test_one_class_has_nothing_to_compare():
    found = compactness(np.ones((5, 2)), np.zeros(5, dtype=int), NAMES, "cosine")
    assert list(found["class"]) == ["all"] and found.drop(columns="class").isna().all(axis=None)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_features_that_are_all_the_same_lie_in_one_point(value):
    features, classes = torch.full((40, 6), value), torch.arange(40) % 3
    bank = PrototypeBank(3, 2, 6, momentum=0.99, temperature=0.1)
    bank.prototypes.fill_(value)
    params = TsneParams(variants=["supervised"], images=1, pixels_per_class=20, perplexity=5, seed=0)
    plane = project(features, classes, bank, NAMES, params)
    assert len(plane) == 46 and not plane[["x", "y"]].any(axis=None)
    assert compactness_of(features, classes, plane, NAMES)["silhouette"].notna().all()
