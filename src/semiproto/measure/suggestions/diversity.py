"""Images that promise much and are not one scene: greedy weighted k-centre."""

from __future__ import annotations

import numpy as np

from semiproto.data.images.pixels import Array


def spread(scores: Array, descriptors: Array, count: int) -> list[int]:
    """At most `count` positions, in the order in which they are chosen: the highest score first, then again and again
    the highest product of score and distance to the nearest chosen one.

    scores: [N], none below 0. descriptors: [N, dim]; distances are Euclidean, and only their ratios matter. A larger
    count chooses the same images first. Ties go to the higher score, then to the earlier position.

    Farthest-point traversal is Gonzalez's (Theoretical Computer Science 38, 1985), with weights Dyer and Frieze's
    (Operations Research Letters 3, 1985); choosing labels by it is the core-set of Sener and Savarese (ICLR 2018).
    """
    reach = np.ones(len(scores))
    free = np.ones(len(scores), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < min(count, len(scores)):
        best = int(np.lexsort((-scores, -scores * reach, ~free))[0])
        distance = np.linalg.norm(descriptors - descriptors[best], axis=1)
        reach = np.minimum(reach, distance) if chosen else distance
        free[best] = False
        chosen.append(best)
    return chosen
