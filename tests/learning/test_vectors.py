"""Likes and vectors as arrays: dense indexes, and the form in which vectors are stored."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recsys.learning import vectors
from recsys.learning.likes import Likes
from recsys.learning.vectors import cosine_form

small = st.floats(-3, 3, width=32).map(lambda x: round(x, 2))


@settings(max_examples=200)
@given(arrays(np.float32, (12, 5), elements=small), arrays(np.float32, 5, elements=small))
def test_cosine_distance_orders_as_the_dot_product_does(
    movies: np.ndarray, user: np.ndarray
) -> None:
    movies[0, 0], user[0] = 1, 1  # neither is all zero
    form, norm = cosine_form(movies)
    assert np.linalg.norm(form, axis=1) == pytest.approx(1, abs=1e-6)
    length = np.linalg.norm(user.astype(np.float64))
    cosine = form.astype(np.float64) @ np.append(user.astype(np.float64), 0) / length
    assert cosine * length * norm == pytest.approx(
        movies.astype(np.float64) @ user.astype(np.float64), abs=1e-5
    )


def test_any_order_of_pairs_makes_the_same_likes() -> None:
    users, movies = np.array([5, 3, 5, 9]), np.array([70, 10, 20, 10])
    order = np.array([2, 0, 3, 1])
    first = Likes.from_pairs(users, movies)
    again = Likes.from_pairs(users[order], movies[order])
    assert first.user_ids.tolist() == [3, 5, 9]
    assert first.movie_ids.tolist() == [10, 20, 70]
    assert first.user_index.tolist() == again.user_index.tolist() == [0, 1, 1, 2]
    assert first.movie_index.tolist() == again.movie_index.tolist() == [0, 1, 2, 0]


def test_examples() -> None:
    assert doctest.testmod(vectors).failed == 0
