"""Vectors that add up: what a user rated says what they like next, as a sum over films.

EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019) by the singular
vectors of who rated what. With X = U S V' and f = s^2 / (s^2 + ridge), its score of a film j is

    sum over the user's films i of  V_i . q_j,    q_j = f * V_j / (1 - sum over k of f_k V_jk^2),

for every j that the user has not rated. Cut to the first directions it loses little. There are two
of them, side by side: one of likes, and one of everything rated, since what users watched says
what they watch, whether they loved it or not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recsys.arrays import Ids, Index, Mask, Numbers, Values, Vectors
from recsys.learning.ratings import Ratings

DIRECTIONS = 256  # of each of the two; fewer lose, more gain little in an order of candidates
ITERATIONS, MORE = 4, 10
FEW = 1500  # users or films: their products with one another are decomposed in less time
LEAST = 6e-5  # of a coordinate: half precision has fewer digits below


class Directions(NamedTuple):
    """Singular values ``(d,)``, descending, and what belongs to them of each film, ``(n_movies,
    d)``, exactly and as the database holds it (`halved`)."""

    values: Values
    films: Vectors
    stored: Vectors

    @classmethod
    def of(cls, rated: sparse.csr_array, seed: int) -> Directions:
        """Decompose a matrix of users and films; directions that it lacks are zero."""
        d = min(DIRECTIONS, *rated.shape)
        exact = min(rated.shape) <= FEW
        values, films = _exactly(rated, d) if exact else _nearly(rated, d, seed)
        films = np.where(values > 1e-4 * values[0], films, 0)
        missing = DIRECTIONS - d
        padded = np.pad(films.astype(np.float32), ((0, 0), (0, missing)))
        return cls(np.pad(values.astype(np.float64), (0, missing)), padded, halved(padded))

    def part(self, films: Index) -> Directions:
        """Return the rows of some films."""
        return Directions(self.values, self.films[films], self.stored[films])

    def outward(self, ridge: float) -> Vectors:
        """Return q of each film, ``(n_movies, d)``."""
        squares = np.square(self.values)
        kept = squares / (squares + ridge)  # (d,)
        own = np.square(self.films) @ kept  # (n_movies,)
        q: Vectors = (self.films * kept / np.maximum(1 - own, 1e-3)[:, None]).astype(np.float32)
        return q


class Additive(NamedTuple):
    """Vectors of films, as the database holds them: rounded to half precision, kept as float32.

    Attributes
    ----------
    liked, rated
        ``(n_movies, d)``: what a film adds for a user who likes it, and for one who rated it.
    outward
        ``(n_movies, 2 d)``: its product with the sums, side by side, is the film's score.
    """

    liked: Vectors
    rated: Vectors
    outward: Vectors


def additive(liked: Directions, rated: Directions, ridge: float) -> Additive:
    """Return the vectors that these directions make with a ridge."""
    outward = np.hstack([liked.outward(ridge), rated.outward(ridge)])
    return Additive(liked.stored, rated.stored, halved(outward))


def directions(ratings: Ratings, threshold: float, seed: int) -> tuple[Directions, Directions]:
    """Return those of the likes, of so many stars or more, and those of everything rated."""
    likes = ratings.part(ratings.stars >= threshold)
    return (
        Directions.of(matrix(likes.user_index, likes.movie_index, ratings.shape), seed),
        Directions.of(matrix(ratings.user_index, ratings.movie_index, ratings.shape), seed),
    )


def sums(
    vectors: Additive, users: Ids, movies: Ids, liked: Mask, weights: Numbers, n_users: int
) -> Tensor:
    """Return the weighted sums of what users rated, ``(n_users, 2 d)`` float32.

    Parameters
    ----------
    users, movies, liked, weights
        ``(n,)`` each: the ratings.
    """
    shape = n_users, len(vectors.liked)
    of_likes = matrix(users[liked], movies[liked], shape, weights[liked]) @ vectors.liked
    of_all = matrix(users, movies, shape, weights) @ vectors.rated
    return torch.from_numpy(np.hstack([of_likes, of_all]))


def matrix(
    users: Ids, movies: Ids, shape: tuple[int, int], values: Numbers | None = None
) -> sparse.csr_array:
    """Return the float32 matrix with these values, or a 1, for each pair."""
    ones = np.ones(len(users), dtype=np.float32)
    return sparse.csr_array(
        (ones if values is None else values.astype(np.float32), (users, movies)), shape=shape
    )


def halved(rows: Vectors) -> Vectors:
    """Round to half precision; what has too few digits there is zero."""
    there = torch.from_numpy(rows)
    rounded: Vectors = there.where(there.abs() >= LEAST, 0).half().float().numpy()
    return rounded


def _exactly(rated: sparse.csr_array, d: int) -> tuple[Values, Vectors]:
    """Return the d largest singular values, and the films' vectors, ``(n_movies, d)``."""
    wide = rated.shape[0] <= rated.shape[1]
    product = (rated @ rated.T if wide else rated.T @ rated).toarray()
    squares, vectors = torch.linalg.eigh(torch.from_numpy(product).double())
    values = squares[-d:].flip(0).clamp_min(0).sqrt().numpy()
    vectors = vectors[:, -d:].flip(1).numpy().astype(np.float32)
    films = vectors
    if wide:
        films = (rated.T @ vectors) / np.maximum(values, 1e-6).astype(np.float32)
    return values, films


def _nearly(rated: sparse.csr_array, d: int, seed: int) -> tuple[Values, Vectors]:
    """Return what `_exactly` does, by subspace iteration (Halko, Martinsson, Tropp, SIAM Review
    2011, algorithm 4.4).

    Scikit-learn's way makes vectors of both sides orthogonal in each iteration, this one those of
    the shorter side alone: it takes a quarter of the time.
    """
    turned = rated.T.tocsr()
    wide = rated.shape[0] <= rated.shape[1]
    one, other = (rated, turned) if wide else (turned, rated)
    generator = torch.Generator().manual_seed(seed)
    basis = torch.randn(one.shape[0], d + MORE, generator=generator)
    for _ in range(ITERATIONS):
        basis = torch.linalg.qr(torch.from_numpy(one @ (other @ basis.numpy()))).Q
    across = torch.from_numpy(other @ basis.numpy())  # of the longer side
    squares, axes = torch.linalg.eigh((across.T @ across).double())
    values, axes = squares[-d:].flip(0).clamp_min(0).sqrt(), axes[:, -d:].flip(1).float()
    films = across @ axes / values.clamp_min(1e-6).float() if wide else basis @ axes
    return values.numpy(), films.numpy()
