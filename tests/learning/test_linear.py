"""Linear models against closed forms and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet

from recsys.learning.baselines import Popularity
from recsys.learning.linear import Ease, Slim, slim_movies
from tests.helpers.examples import examples
from tests.helpers.likes import simulated


@settings(max_examples=examples(20), deadline=None)
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


@settings(max_examples=examples(20), deadline=None)
@given(seed=st.integers(0, 1000), ridge=st.floats(0.5, 20), lasso=st.floats(0.1, 4))
def test_slim_is_the_elastic_net(seed: int, ridge: float, lasso: float) -> None:
    dense, likes = simulated(seed, 40)
    exact = dense.astype(np.float64)
    n_users, n_movies = dense.shape
    expected = np.zeros((n_movies, n_movies))
    net = ElasticNet(
        # scikit-learn divides the squares by the number of rows, and alpha is the sum of both.
        alpha=(lasso + ridge) / n_users,
        l1_ratio=lasso / (lasso + ridge),
        fit_intercept=False,
        positive=True,
        max_iter=10_000,
        tol=1e-8,
    )
    for movie in range(n_movies):
        others = np.arange(n_movies) != movie
        if dense[:, movie].any():
            expected[others, movie] = net.fit(exact[:, others], exact[:, movie]).coef_
    model = Slim.fit(likes, ridge, lasso, sweeps=500)
    weights = np.zeros_like(expected)
    weights[np.ix_(model.movies, model.movies)] = model.weights
    assert weights == pytest.approx(expected, abs=1e-4)
    scores, product = model(likes), dense @ weights
    assert scores[product > 0] == pytest.approx(product[product > 0], abs=1e-4)
    assert (scores[product == 0] < 0).all()
    assert np.array_equal(scores[0], Popularity.fit(likes).places - 1)


def test_films_without_weights_are_left_out() -> None:
    dense, likes = simulated(0)
    together = dense.T @ dense - np.diag(dense.sum(axis=0))
    kept = slim_movies(likes, 5)
    assert set(np.flatnonzero(together.max(axis=0) > 5)) <= set(kept)
    assert 0 < len(kept) < dense.shape[1]
