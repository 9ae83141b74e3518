"""The choice promises much and is no single scene."""

import numpy as np

from semiproto.measure.suggestions.diversity import spread


def test_one_of_each_scene_before_two_of_the_best():
    scenes = np.repeat([[0.0, 0], [10, 0], [0, 10]], 4, axis=0) + np.random.default_rng(0).normal(0, 0.1, (12, 2))
    scores = np.array([0.9, 0.8, 0.8, 0.8, 0.5, 0.4, 0.4, 0.4, 0.3, 0.2, 0.2, 0.2])
    chosen = spread(scores, scenes, 3)
    assert chosen[0] == 0 and {n // 4 for n in chosen} == {0, 1, 2}


def test_the_naive_greedy_choice():
    rng = np.random.default_rng(1)
    scores, points = rng.random(30), rng.random((30, 4))
    chosen = [int(scores.argmax())]
    while len(chosen) < 12:
        gains = [
            -1 if n in chosen else scores[n] * min(np.linalg.norm(points[n] - points[c]) for c in chosen)
            for n in range(30)
        ]
        chosen.append(int(np.argmax(gains)))
    assert spread(scores, points, 12) == chosen
    assert spread(scores, points, 5) == chosen[:5]


def test_equal_images_go_by_score_then_by_position_and_all_are_chosen():
    assert spread(np.array([0.1, 0.5, 0.5, 0.0]), np.ones((4, 3)), 9) == [1, 2, 0, 3]
