"""t-SNE of pixel features with the prototypes in the same plane, and how compact the classes are in numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_samples
from torch import Tensor
from torch.nn import functional as F

from semiproto.model.prototypes import PrototypeBank
from semiproto.params import Tsne


def project(
    features: Tensor, classes: Tensor, bank: PrototypeBank | None, names: Sequence[str], params: Tsne
) -> pd.DataFrame:
    """Columns kind (pixel or prototype), class, x, y. Features [N, dim], classes [N].

    Vectors are normalised, since the prototype head compares directions; prototypes are projected together with the
    pixels.
    """
    vectors = F.normalize(features, dim=1).numpy()
    labels = classes.numpy().astype(int)
    kinds = np.full(len(vectors), "pixel", dtype=object)
    if bank is not None:
        count, per_class, _ = bank.prototypes.shape
        vectors = np.concatenate([vectors, F.normalize(bank.prototypes.flatten(0, 1), dim=1).numpy()])
        labels = np.concatenate([labels, np.repeat(np.arange(count), per_class)])
        kinds = np.concatenate([kinds, np.full(count * per_class, "prototype", dtype=object)])
    perplexity = min(params.perplexity, (len(vectors) - 1) / 3)
    plane = TSNE(perplexity=perplexity, init="pca", random_state=params.seed).fit_transform(vectors)
    return pd.DataFrame({"kind": kinds, "class": [names[i] for i in labels], "x": plane[:, 0], "y": plane[:, 1]})


def compactness(features: Tensor, classes: Tensor, names: Sequence[str]) -> pd.DataFrame:
    """Per class and for all: mean silhouette (cosine), and the ratio of within- to between-class distance.

    The ratio: mean cosine distance of a class's pixels to their own mean direction over the mean distance of that mean
    to the other classes' means; smaller is more compact.
    """
    vectors = F.normalize(features, dim=1).numpy().astype(np.float64)
    labels = classes.numpy().astype(int)
    present = sorted(set(labels.tolist()))
    if len(present) < 2:
        return pd.DataFrame({"class": ["all"], "silhouette": [np.nan], "within_between": [np.nan]})
    silhouette = silhouette_samples(vectors, labels, metric="cosine")
    means = np.stack([vectors[labels == c].mean(axis=0) for c in present])
    means /= np.linalg.norm(means, axis=1, keepdims=True).clip(min=1e-12)
    between = (1 - means @ means.T).sum(axis=1) / (len(present) - 1)
    within = np.array([(1 - vectors[labels == c] @ mean).mean() for c, mean in zip(present, means, strict=True)])
    ratio = within / between.clip(min=1e-12)
    by_class = [silhouette[labels == c].mean() for c in present]
    return pd.DataFrame(
        {
            "class": [*(names[c] for c in present), "all"],
            "silhouette": [*by_class, silhouette.mean()],
            "within_between": [*ratio, ratio.mean()],
        }
    )
