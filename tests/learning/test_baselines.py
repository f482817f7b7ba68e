"""Baselines against naive loops and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.learning import baselines
from recsys.learning.baselines import (
    Biases,
    Ease,
    ItemKNN,
    LikesMatrix,
    Popularity,
    choose_lambda,
    likes_matrix,
    rank,
)
from recsys.learning.metrics import NO_MOVIE


def simulated(seed: int, n_users: int = 25, n_movies: int = 12) -> tuple[np.ndarray, LikesMatrix]:
    generator = np.random.default_rng(seed)
    dense = (generator.random((n_users, n_movies)) < 0.3).astype(np.float32)
    dense[:, -1] = 0  # no user likes the last film
    dense[0] = 0  # and the first user likes nothing
    users, movies = np.nonzero(dense)
    return dense, likes_matrix(users, movies, dense.shape)


def test_popularity_by_hand() -> None:
    likes = likes_matrix(np.array([0, 1, 2, 0, 1]), np.array([2, 2, 2, 0, 1]), (3, 4))
    popular = Popularity.fit(likes)
    assert rank(popular, likes, likes[:0:-1], 4).tolist()[:1] == [[0, 1, 3, NO_MOVIE]]
    nothing = likes_matrix(np.array([], int), np.array([], int), (1, 4))
    assert rank(popular, nothing, nothing, 3).tolist() == [[2, 0, 1]]  # ties by index


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


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1000),
    regularization=st.floats(0.5, 50),
    n_users=st.sampled_from([6, 25]),  # fewer than films, and more
)
def test_ease_is_the_closed_form(seed: int, regularization: float, n_users: int) -> None:
    dense, likes = simulated(seed, n_users)
    model = Ease.fit(likes, regularization)
    part = dense[:, model.movies].astype(np.float64)
    inverse = np.linalg.inv(part.T @ part + regularization * np.eye(part.shape[1]))
    expected = np.eye(len(inverse)) - inverse / np.diag(inverse)
    assert model.weights == pytest.approx(expected, abs=1e-4)
    assert (np.diag(model.weights) == 0).all()
    # Each column is the ridge regression of its film on all others.
    others = part[:, 1:]
    ridge = np.linalg.solve(
        others.T @ others + regularization * np.eye(others.shape[1]), others.T @ part[:, 0]
    )
    assert model.weights[1:, 0] == pytest.approx(ridge, abs=1e-4)
    scores = model(likes)
    some = part.any(axis=1)
    assert scores[np.ix_(some, model.movies)] == pytest.approx(part[some] @ expected, abs=1e-3)
    assert np.array_equal(scores[0], Popularity.fit(likes).places)


def test_biases_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "FILM_SHRINKAGE", 2)
    monkeypatch.setattr(baselines, "USER_SHRINKAGE", 1)
    users, movies = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 2])
    fitted = Biases.fit(users, movies, np.array([5, 3, 4, 2], dtype=np.float32), (3, 4))
    assert fitted.mean == 3.5
    assert fitted.films == pytest.approx([(1.5 + 0.5) / 4, -0.5 / 3, -1.5 / 3, 0])
    first, second = 1.5 - 0.5 + (-0.5 + 0.5 / 3), 0.5 - 0.5 + (-1.5 + 0.5)
    assert fitted.users == pytest.approx([first / 3, second / 3, 0])
    predicted = fitted(np.array([0, 2]), np.array([0, 3]))
    assert predicted == pytest.approx([3.5 + 0.5 + first / 3, 3.5])
    assert Biases(3.5, np.array([2.0, -4]), np.zeros(1))(
        np.array([0, 0]), np.array([0, 1])
    ).tolist() == [5, 0.5]


@pytest.mark.parametrize("k", [1, 5, 20])
def test_rank_is_brute_force(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "ROWS_A_CHUNK", 4)
    dense, likes = simulated(3)
    scores = np.random.default_rng(1).normal(size=dense.shape).astype(np.float32)
    given_rows = iter(np.array_split(scores, range(4, len(scores), 4)))
    lists = rank(lambda known: next(given_rows).copy(), likes, likes, k)
    assert lists.shape == (len(dense), k)
    for row, found in enumerate(lists):
        order = [film for film in np.argsort(-scores[row]) if not dense[row, film]][:k]
        assert found.tolist() == order + [NO_MOVIE] * (k - len(order))


def test_the_lambda_is_the_best_of_those_tried() -> None:
    dense, _ = simulated(5, 60, 30)
    generator = np.random.default_rng(0)
    users, movies = np.nonzero(dense)
    out = generator.random(len(users)) < 0.3
    first = likes_matrix(users[~out], movies[~out], dense.shape)
    second = likes_matrix(users[out], movies[out], dense.shape)
    best, tried = choose_lambda(first, second)
    assert tried[best] == max(tried.values())
    assert list(tried) == list(baselines.EASE_LAMBDAS)[: len(tried)]
