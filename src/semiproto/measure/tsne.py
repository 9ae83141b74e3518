"""t-SNE of pixel features with the prototypes in the same plane, and how compact the classes are in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_samples
from torch import Tensor
from torch.nn import functional as F

from semiproto.model.prototypes import PrototypeBank
from semiproto.params import TsneParams


def project(
    features: Tensor, classes: Tensor, bank: PrototypeBank | None, names: Sequence[str], params: TsneParams
) -> pd.DataFrame:
    """Columns kind (pixel or prototype), class, x, y; the pixels first. Features [N, dim], classes [N].

    Vectors are normalised, since the prototype head compares directions; prototypes are projected together with the
    pixels. Where all are the same, as those of a network whose weights went to zero, all lie in one point: t-SNE would
    not end.
    """
    vectors = F.normalize(features, dim=1).numpy()
    labels = classes.numpy().astype(int)
    kinds = np.full(len(vectors), "pixel", dtype=object)
    if bank is not None:
        count, per_class, _ = bank.prototypes.shape
        vectors = np.concatenate([vectors, F.normalize(bank.prototypes.flatten(0, 1), dim=1).numpy()])
        labels = np.concatenate([labels, np.repeat(np.arange(count), per_class)])
        kinds = np.concatenate([kinds, np.full(count * per_class, "prototype", dtype=object)])
    plane = np.zeros((len(vectors), 2))
    if np.ptp(vectors, axis=0).any():
        perplexity = min(params.perplexity, (len(vectors) - 1) / 3)
        plane = TSNE(perplexity=perplexity, init="pca", random_state=params.seed).fit_transform(vectors)
    return pd.DataFrame({"kind": kinds, "class": [names[i] for i in labels], "x": plane[:, 0], "y": plane[:, 1]})


def compactness_of(features: Tensor, classes: Tensor, plane: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """`compactness` of the pixels in both spaces: by cosine among the features, by Euclid in t-SNE's plane."""
    labels = classes.numpy().astype(int)
    pixels = plane.loc[plane["kind"] == "pixel", ["x", "y"]].to_numpy(np.float64)
    original = compactness(features.numpy().astype(np.float64), labels, names, "cosine").assign(space="features")
    return pd.concat([original, compactness(pixels, labels, names, "euclidean").assign(space="plane")])


def compactness(
    vectors: np.ndarray, labels: np.ndarray, names: Sequence[str], metric: Literal["cosine", "euclidean"]
) -> pd.DataFrame:
    """Per class and for all: mean silhouette, and the ratio of within- to between-class distance.

    vectors [N, dim], labels [N]. The ratio: mean distance of a class's pixels to their own mean over the mean distance
    of that mean to the other classes' means; smaller is more compact. Cosine's means are those of the directions. `all`
    has the mean silhouette over pixels, and the mean ratio over classes. With one class there is nothing to compare:
    nan.
    """
    present = sorted(set(labels.tolist()))
    if len(present) < 2:
        return pd.DataFrame({"class": ["all"], "silhouette": [np.nan], "within_between": [np.nan]})
    if metric == "cosine":
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12)
    silhouette = silhouette_samples(vectors, labels, metric=metric)
    means = np.stack([vectors[labels == c].mean(axis=0) for c in present])
    between = cdist(means, means, metric).sum(axis=1) / (len(present) - 1)
    to_means = cdist(vectors, means, metric)
    within = np.array([to_means[labels == c, position].mean() for position, c in enumerate(present)])
    ratio = within / between.clip(min=1e-12)
    by_class = [silhouette[labels == c].mean() for c in present]
    return pd.DataFrame(
        {
            "class": [*(names[c] for c in present), "all"],
            "silhouette": [*by_class, silhouette.mean()],
            "within_between": [*ratio, ratio.mean()],
        }
    )
