"""K-means of the features of each class (method section 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sklearn.cluster import KMeans
from torch import Tensor

from semiproto.errors import UserError
from semiproto.params import PrototypesParams
from semiproto.process.progress import Progress


def cluster(features: Tensor, classes: Tensor, names: Sequence[str], params: PrototypesParams) -> Tensor:
    """K-means per class: the mean of the raw features of each cluster, [num_classes, per_class, dim].

    UserError names a class with fewer sampled pixels than prototypes.
    """
    prototypes = torch.zeros(len(names), params.per_class, features.shape[1])
    progress = Progress("prototypes", len(names), "classes")
    for c, name in enumerate(names):
        own = features[classes == c].numpy()
        if len(own) < params.per_class:
            raise UserError(
                f"class {name}: {len(own)} labelled pixels were sampled, prototypes.per_class is {params.per_class};"
                " label more of it, lower prototypes.per_class, or remove the class"
            )
        found = KMeans(params.per_class, n_init=params.n_init, random_state=params.seed).fit(own)
        prototypes[c] = torch.from_numpy(found.cluster_centers_)
        progress.update()
    return prototypes
