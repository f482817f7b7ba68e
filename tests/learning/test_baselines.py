"""Baselines against naive loops and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.learning import baselines
from recsys.learning.baselines import (
    Biases,
    LikesMatrix,
    Popularity,
    Scorer,
    choose,
    likes_matrix,
    rank,
)
from recsys.learning.metrics import NO_MOVIE
from tests.helpers.likes import likes_of, simulated


def test_popularity_by_hand() -> None:
    likes = likes_matrix(np.array([0, 1, 2, 0, 1]), np.array([2, 2, 2, 0, 1]), (3, 4))
    popular = Popularity.fit(likes)
    assert rank(popular, likes, likes[:0:-1], 4).tolist()[:1] == [[0, 1, 3, NO_MOVIE]]
    nothing = likes_matrix(np.array([], int), np.array([], int), (1, 4))
    assert rank(popular, nothing, nothing, 3).tolist() == [[2, 0, 1]]  # ties by index


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


def test_popularity_by_what_likes_count_now() -> None:
    likes = likes_of(np.array([[1, 1, 0, 1], [1, 1, 0, 0]]))
    now = Popularity.fit(likes, np.array([0, 0.5, 0.5, 2]))
    assert rank(now, likes[:1], likes[:1] * 0, 4).tolist() == [[3, 1, 2, 0]]  # ties by likes


def test_films_without_a_score_follow() -> None:
    popular = Popularity.fit(likes_of(np.array([[0, 1, 1, 1], [0, 0, 0, 1]])))
    scores = popular.after(np.array([[0.0, 0, 0.1, 0], [3, 2, 1, 4]]))
    assert np.argsort(-scores).tolist() == [[2, 3, 1, 0], [3, 0, 1, 2]]


def test_the_parameter_is_the_best_of_those_tried() -> None:
    """Scorers by hand: with parameter 1 user 0's film is at rank 2, with 2 at 1, with 3 at 3."""
    likes = likes_of(np.array([[0, 0, 0, 1], [1, 1, 1, 0]]))
    held_out = likes_of(np.array([[0, 1, 0, 0], [0, 0, 0, 0]]))
    scores = {1: [9, 8, 7, 0], 2: [8, 9, 7, 0], 3: [9, 7, 8, 0], 4: [7, 9, 8, 0]}

    def fit(likes: LikesMatrix, parameter: int) -> Scorer:
        return lambda known: np.array([scores[parameter]] * known.shape[0], dtype=np.float32)

    best, tried = choose(fit, (1, 2, 3, 4), likes, held_out)
    assert best == 2
    assert tried == pytest.approx({1: 1 / np.log2(3), 2: 1.0, 3: 0.5})  # stops as it falls
    best, tried = choose(fit, (1, 3, 4, 2), likes, held_out, has_one_peak=False)
    assert best == 4  # the first of the best
    assert list(tried) == [1, 3, 4, 2]
