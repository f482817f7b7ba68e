"""Neighbours of films and of users against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.learning.baselines import Popularity, rank
from recsys.learning.neighbours import ItemKNN, UserKNN
from tests.helpers.likes import likes_of, simulated


@pytest.mark.parametrize("neighbours", [3, 200])
def test_item_knn_is_the_naive_loop(neighbours: int) -> None:
    dense, likes = simulated(0)
    n_movies = dense.shape[1]
    weighted = dense * np.log(n_movies / np.maximum(dense.sum(1), 1))[:, None]
    likeness = np.zeros((n_movies, n_movies))
    for one in range(n_movies):
        for other in range(n_movies):
            product = np.linalg.norm(weighted[:, one]) * np.linalg.norm(weighted[:, other])
            if one != other and product:
                likeness[one, other] = weighted[:, one] @ weighted[:, other] / product
        smallest = np.argsort(likeness[one])[: max(n_movies - neighbours, 0)]
        likeness[one, smallest] = 0
    expected = dense @ likeness.T
    scores = ItemKNN.fit(likes, neighbours)(likes)
    assert scores[expected > 0] == pytest.approx(expected[expected > 0], rel=1e-5)
    assert (scores[expected == 0] < 0).all()
    popular = Popularity.fit(likes)(likes)
    assert np.array_equal(scores[0].argsort(), popular[0].argsort())  # without known likes


@pytest.mark.parametrize("neighbours", [3, 200])
def test_user_knn_is_the_naive_loop(neighbours: int) -> None:
    dense, likes = simulated(0)
    known = np.concatenate([dense, simulated(1)[0]])  # users of the training, and strangers
    scores = UserKNN.fit(likes, neighbours)(likes_of(known))
    compared = 0
    for mine, found in zip(known, scores, strict=True):
        cosines = [mine @ one / max(float(np.linalg.norm(one)), 1) for one in dense]
        order = sorted(range(len(dense)), key=lambda user: -cosines[user])
        nearest, others = order[:neighbours], order[neighbours:]
        if others and cosines[nearest[-1]] < cosines[others[0]] + 1e-6:
            continue  # either may be the last of them
        compared += 1
        expected = sum(cosines[user] * dense[user] for user in nearest)
        assert found[expected > 0] == pytest.approx(expected[expected > 0], rel=1e-5)
        assert (found[expected == 0] < 0).all()
    assert compared > 10
    assert np.array_equal(scores[0], Popularity.fit(likes).places - 1)  # without known likes


def test_user_knn_by_hand() -> None:
    """User 0 likes film 0, as users 1 and 2 do; of these, 2 likes fewer others and is nearer."""
    likes = likes_of(np.array([[1, 0, 0, 0, 0], [1, 1, 1, 0, 0], [1, 0, 0, 1, 0]]))
    lists = rank(UserKNN.fit(likes, 3), likes, likes, 4)
    assert lists[0].tolist() == [3, 1, 2, 4]
    assert rank(UserKNN.fit(likes, 2), likes, likes, 4)[0].tolist() == [3, 1, 2, 4]
    scores = UserKNN.fit(likes, 2)(likes)[0]
    assert scores[3] == pytest.approx(1 / np.sqrt(2))
    assert scores[1] < 0  # of the nearest two, users 0 and 2, none likes it
