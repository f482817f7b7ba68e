"""Baselines that are linear in a user's likes: a weight from each film to each other one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from recsys.arrays import Index, Vectors
from recsys.learning.baselines import LikesMatrix, Popularity

EASE_LAMBDAS = (50, 100, 200, 400, 800, 1600, 3200)
EASE_MOST_MOVIES = 25_000  # beyond them, the inverse takes more than 2.5 GB and an hour
SLIM_RIDGES = (10, 25, 50, 100, 200, 400, 800)
SLIM_LASSO = 1.0
SLIM_SWEEPS = 10  # more of them change no figure
SLIM_MOST_PRODUCTS = 2_000_000_000  # of likes and films, beyond which a fit takes over a minute


@dataclass(frozen=True)
class Ease:
    """The linear model of least squares whose weights have a zero diagonal.

    With ``G = X'X + lambda I`` and ``P = G^-1``, the weights are ``B_ij = -P_ij / P_jj`` and
    ``B_jj = 0`` (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, eq. 8).
    Users without known likes get popular films.

    Attributes
    ----------
    movies
        ``(n,)`` int64: the films with likes; all others score 0.
    weights
        ``(n, n)`` float32.
    """

    movies: Index
    weights: Vectors
    popularity: Popularity

    @classmethod
    def fit(cls, likes: LikesMatrix, regularization: float) -> Ease:
        """Solve for the weights in float32, by an inverse as large as the smaller side of X."""
        movies = np.flatnonzero(likes.sum(axis=0) > 0)
        part = likes[:, movies]
        solve = _solve_by_users if part.shape[0] < part.shape[1] else _solve_by_movies
        weights = solve(part, regularization)
        np.fill_diagonal(weights, 0)
        return cls(movies, weights, Popularity.fit(likes))

    def __call__(self, known: LikesMatrix) -> Vectors:
        """Score all films for users, ``(n_users, n_movies)``."""
        scores = np.zeros(known.shape, dtype=np.float32)
        scores[:, self.movies] = known[:, self.movies] @ self.weights
        unknown = np.diff(known[:, self.movies].indptr) == 0
        scores[unknown] = self.popularity(known[unknown])
        return scores


def _solve_by_movies(likes: LikesMatrix, regularization: float) -> Vectors:
    inverse = _inverse(likes.T @ likes, regularization)  # (n_movies, n_movies)
    inverse /= -inverse.diagonal().copy()
    return inverse


def _solve_by_users(likes: LikesMatrix, regularization: float) -> Vectors:
    # By Woodbury's identity, lambda P = I - X' (X X' + lambda I)^-1 X: the same weights from an
    # inverse of (n_users, n_users), in a thousandth of the time where users are few.
    inverse = _inverse(likes @ likes.T, regularization)
    product: Vectors = likes.T @ (inverse @ likes)  # (n_movies, n_movies)
    product /= 1 - product.diagonal()
    return product


def _inverse(gram: sparse.csr_array, regularization: float) -> Vectors:
    matrix = torch.from_numpy(gram.toarray())
    matrix.diagonal().add_(regularization)
    # Into the same memory: three matrices of 25,000 films would be 7.5 GB.
    torch.linalg.cholesky(matrix, out=matrix)
    torch.cholesky_inverse(matrix, out=matrix)
    inverse: Vectors = matrix.numpy()
    return inverse


@dataclass(frozen=True)
class Slim:
    """The linear model of few weights, none below 0, by the elastic net.

    For each film's likes x, the weights w are those that minimize ``|x - X w|^2 / 2 + ridge / 2
    |w|^2 + lasso |w|_1`` with w at least 0, and 0 for the film itself (Ning and Karypis, "SLIM:
    Sparse Linear Methods for Top-N Recommender Systems", ICDM 2011, eq. 4). Films without a score
    follow by popularity.

    Attributes
    ----------
    movies
        ``(n,)`` int64: the films that can have a weight.
    weights
        ``(n, n)`` float32, from the row's film to the column's.
    """

    movies: Index
    weights: Vectors
    popularity: Popularity

    @classmethod
    def fit(
        cls, likes: LikesMatrix, ridge: float, lasso: float = SLIM_LASSO, sweeps: int = SLIM_SWEEPS
    ) -> Slim:
        """Go through the films by coordinate descent, for all columns of weights at once."""
        movies = slim_movies(likes, lasso)
        part = likes[:, movies]
        left = part.toarray()  # (n_users, n), X - X W
        counts = part.sum(axis=0)  # (n,)
        weights = np.zeros((len(movies), len(movies)), dtype=np.float32)
        by_movie = part.tocsc()
        users_of = np.split(by_movie.indices, by_movie.indptr[1:-1])
        for _ in range(sweeps):
            for movie, users in enumerate(users_of):
                rows = left[users]  # (n_likes, n)
                pull = rows.sum(axis=0) + counts[movie] * weights[movie] - lasso  # (n,)
                new = np.maximum(pull, 0) / (counts[movie] + ridge)
                new[movie] = 0
                left[users] = rows - (new - weights[movie])
                weights[movie] = new
        return cls(movies, weights, Popularity.fit(likes))

    def __call__(self, known: LikesMatrix) -> Vectors:
        """Score all films for users, ``(n_users, n_movies)``."""
        scores = np.zeros(known.shape, dtype=np.float32)
        scores[:, self.movies] = known[:, self.movies] @ self.weights
        return self.popularity.after(scores)


def slim_movies(likes: LikesMatrix, lasso: float = SLIM_LASSO) -> Index:
    """Return the films that can have a weight.

    Two films' weights are 0 where no more than `lasso` users like both, as what is left to explain
    is never more than the likes.
    """
    return np.flatnonzero(likes.sum(axis=0) > lasso)
