"""Small matrices of likes."""

from __future__ import annotations

import numpy as np

from recsys.learning.baselines import LikesMatrix, likes_matrix


def simulated(seed: int, n_users: int = 25, n_movies: int = 12) -> tuple[np.ndarray, LikesMatrix]:
    generator = np.random.default_rng(seed)
    dense = (generator.random((n_users, n_movies)) < 0.3).astype(np.float32)
    dense[:, -1] = 0  # no user likes the last film
    dense[0] = 0  # and the first user likes nothing
    return dense, likes_of(dense)


def likes_of(dense: np.ndarray) -> LikesMatrix:
    users, movies = np.nonzero(dense)
    return likes_matrix(users, movies, dense.shape)
