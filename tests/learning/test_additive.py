"""Vectors that add up: with all directions they are EASE by an exact inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recsys.learning import additive as module
from recsys.learning.additive import Directions, additive, directions, halved, sums
from recsys.learning.linear import Ease
from recsys.learning.ratings import Ratings
from tests.helpers.likes import likes_of, simulated


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1000),
    ridge=st.floats(1, 100),
    n_users=st.sampled_from([6, 40]),  # fewer than films, and more
)
def test_all_directions_are_ease(seed: int, ridge: float, n_users: int) -> None:
    dense, likes = simulated(seed, n_users)
    exact = Ease.fit(likes, ridge)
    found = Directions.of(likes, 0)
    weights = (found.films @ found.outward(ridge).T)[np.ix_(exact.movies, exact.movies)]
    np.fill_diagonal(weights, 0)  # a film that is rated already is no candidate
    assert weights == pytest.approx(exact.weights, abs=1e-5)
    assert np.abs(found.films[~dense.any(0)]).max() < 1e-6


def test_sums_score_as_ease_does_by_likes_and_by_all_that_is_rated() -> None:
    generator = np.random.default_rng(0)
    users, movies = np.nonzero(generator.random((30, 20)) < 0.4)
    stars = generator.integers(1, 6, len(users)).astype(np.float64)
    ratings = Ratings.of(users, movies, stars, shape=(30, 20))
    vectors = additive(*directions(ratings, 4, 0), 10.0)
    weights = generator.random(len(users))
    found = sums(vectors, users, movies, stars >= 4, weights, 30).numpy() @ vectors.outward.T
    expected = np.zeros((30, 20))
    for chosen in (stars >= 4, stars > 0):
        dense = np.zeros((30, 20), dtype=np.float32)
        dense[users[chosen], movies[chosen]] = 1
        ease = Ease.fit(likes_of(dense), 10.0)
        part = np.zeros((30, 20))
        part[users[chosen], movies[chosen]] = weights[chosen]
        expected[:, ease.movies] += part[:, ease.movies] @ ease.weights
    new = np.ones((30, 20), dtype=bool)
    new[users, movies] = False
    assert found[new] == pytest.approx(expected[new], abs=5e-3)  # of half precision


def test_fewer_directions_are_the_strongest(monkeypatch: pytest.MonkeyPatch) -> None:
    _, likes = simulated(1, 40)
    values = np.linalg.svd(likes.toarray(), compute_uv=False)
    monkeypatch.setattr(module, "DIRECTIONS", 5)
    found = Directions.of(likes, 0)
    assert found.films.shape == (12, 5)
    assert found.values == pytest.approx(values[:5], rel=1e-3)
    assert found.films.T @ found.films == pytest.approx(np.eye(5), abs=1e-4)


@pytest.mark.parametrize("shape", [(90, 200), (200, 90)])
def test_many_users_and_films_are_decomposed_nearly_so(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int]
) -> None:
    """The strongest of what six tastes leave beside noise, as by an exact decomposition."""
    generator = np.random.default_rng(0)
    tastes = generator.random((shape[0], 6)) @ generator.random((6, shape[1])) ** 4
    rated = sparse.csr_array((generator.random(shape) < tastes / 3).astype(np.float32))
    monkeypatch.setattr(module, "DIRECTIONS", 3)
    exact = Directions.of(rated, 0)
    monkeypatch.setattr(module, "FEW", 0)
    found = Directions.of(rated, 0)
    assert found.values == pytest.approx(exact.values, rel=3e-2)
    assert found.films.T @ found.films == pytest.approx(np.eye(3), abs=1e-4)
    # The first direction stands apart from the others; its sign is by chance.
    assert abs(found.films[:, 0] @ exact.films[:, 0]) > 0.999


def test_half_precision_keeps_digits_or_nothing() -> None:
    rows = np.array([[1.0, -0.3, 7e-5, -5e-5, 1e-9, 0.0]], dtype=np.float32)
    assert halved(rows) == pytest.approx(np.array([[1, -0.3, 7e-5, 0, 0, 0]]), rel=1e-3)


def test_no_likes_make_no_scores() -> None:
    ratings = Ratings.of(np.array([0, 1]), np.array([0, 1]), np.array([1.0, 2.0]))
    vectors = additive(*directions(ratings, 4, 0), 10.0)
    assert not vectors.liked.any()
    assert np.isfinite(vectors.outward).all()
