"""Prototypes are the means of the clusters that k-means finds."""

import numpy as np
import pytest
import torch

from semiproto.errors import UserError
from semiproto.measure.clusters import cluster
from semiproto.params import PrototypesParams


def clouds(per_class=3, points=40):
    """Well separated clouds: features, classes, and the mean of each cloud."""
    rng = np.random.default_rng(0)
    features, classes, means = [], [], []
    for c in range(2):
        for k in range(per_class):
            cloud = rng.normal(0, 0.1, (points + k, 5)) + 10 * np.eye(5)[k] + 30 * c
            features.append(cloud)
            classes += [c] * len(cloud)
            means.append(cloud.mean(0))
    order = rng.permutation(len(classes))
    features = torch.from_numpy(np.concatenate(features)[order]).float()
    return features, torch.tensor(classes)[order].byte(), np.array(means).reshape(2, per_class, 5)


def by_first_difference(prototypes):
    return sorted(map(tuple, np.round(prototypes, 3).tolist()))


def test_prototypes_are_the_means_of_the_clusters():
    features, classes, means = clouds()
    found = cluster(features, classes, ["zero", "one"], PrototypesParams(per_class=3, n_init=10, seed=0))
    assert found.shape == (2, 3, 5) and found.dtype == torch.float32
    for c in range(2):
        np.testing.assert_allclose(by_first_difference(found[c].numpy()), by_first_difference(means[c]), atol=2e-3)


def test_one_prototype_is_the_mean_of_the_class():
    features, classes, _ = clouds()
    found = cluster(features, classes, ["zero", "one"], PrototypesParams(per_class=1, n_init=1, seed=0))
    for c in range(2):
        torch.testing.assert_close(found[c, 0], features[classes == c].mean(0))


def test_each_prototype_is_the_mean_of_the_features_nearest_to_it():
    """Features without clear clusters: k-means must have come to rest."""
    features = torch.rand(300, 4, generator=torch.Generator().manual_seed(0))
    found = cluster(features, torch.zeros(300).byte(), ["only"], PrototypesParams(per_class=4, n_init=10, seed=0))[0]
    nearest = torch.cdist(features, found).argmin(1)
    means = torch.stack([features[nearest == k].mean(0) for k in range(4)])
    torch.testing.assert_close(found, means, rtol=1e-4, atol=1e-4)


def test_the_same_seed_gives_the_same_prototypes():
    features, classes = torch.rand(200, 4), torch.zeros(200).byte()
    runs = [cluster(features, classes, ["only"], PrototypesParams(per_class=3, n_init=2, seed=5)) for _ in range(2)]
    assert torch.equal(*runs)


@pytest.mark.parametrize("pixels", [0, 2])
def test_a_class_with_too_few_pixels_is_named(one_line, pixels):
    features, classes, _ = clouds()
    keep = torch.cat([(classes == 0).nonzero().flatten(), (classes == 1).nonzero().flatten()[:pixels]])
    with pytest.raises(UserError) as error:
        cluster(features[keep], classes[keep], ["zero", "one"], PrototypesParams(per_class=3, n_init=1, seed=0))
    one_line(error, "class one", f"{pixels} labelled pixels", "per_class is 3")
