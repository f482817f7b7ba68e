"""Vectors trained elsewhere: made usable, and an equation for users who have none of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import Index, Values, Vectors
from recsys.errors import SourceError
from recsys.learning.vectors import UserSolve
from recsys.parameters import POSITIVE_STARS

Score = Literal["dot", "cosine"]


class FoldIn(NamedTuple):
    """Weights of the equation for users without a vector of their own; see `user_solve`."""

    alpha: float
    regularization: float


# What ranked well on ml-latest-small for vectors of several kinds; docs/models.md has the figures.
FOLD_IN: dict[Score, FoldIn] = {"dot": FoldIn(1.0, 0.03), "cosine": FoldIn(0.1, 0.01)}


@dataclass(frozen=True)
class Group:
    """Those of one side that are taken over, in the order of the file.

    Attributes
    ----------
    ids
        ``(n,)`` int64.
    vectors
        ``(n, dimension)`` float64.
    left_out
        How many had a vector of zeros.
    """

    ids: Index
    vectors: Values
    left_out: int


def usable(
    ids: Index,
    vectors: Vectors,
    score: Score,
    file: str,
    negligible: float = 0.0,
) -> Group:
    """Leave out vectors of zeros, and give the others the length that the score wants."""
    exact = vectors.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1)
    kept = lengths > negligible * lengths.max()
    if not kept.any():
        raise SourceError(f"{file}: all vectors are zero")
    exact = exact[kept]
    if score == "cosine":
        exact /= lengths[kept, None]
    return Group(ids[kept], exact, int((~kept).sum()))


def shares_of(movie_ids: Index, liked: dict[str, NDArray[Any]]) -> Values:
    """Return the share of users who like each film, ``(n_movies,)``."""
    shares = np.zeros(len(movie_ids))
    _, places, found = np.intersect1d(movie_ids, liked["movie_id"], return_indices=True)
    shares[places] = liked["share"][found]
    return shares


def user_solve(movies: Values, spread: Values, weights: FoldIn, shares: Values) -> UserSolve:
    """Return the equation for users who have no vector of their own.

    It is the trainer's: ``(alpha H'H + sum of h h' + r (n + alpha n_movies) I) w = sum of h``,
    for a user who likes n films h. How long the films' vectors are is arbitrary here, so r is the
    regularization times their mean squared length: with all of them c times as long, w is one
    c-th, and every score stays.

    Parameters
    ----------
    movies
        ``(n_movies, factors)``, H, whose Gram matrix is diagonal.
    spread
        ``(factors,)``, that diagonal.
    shares
        ``(n_movies,)``, of users who like each film. Their equation, films weighted by that,
        gives the average user: `users` cannot, since they may be on another scale.
    """
    alpha, n_movies = weights.alpha, len(movies)
    ridge = weights.regularization * float(np.square(movies).sum(axis=1).mean())
    diagonal = alpha * spread + ridge * alpha * n_movies
    whole = np.diag(diagonal + ridge * shares.sum()) + (movies.T * shares) @ movies
    return UserSolve(
        diagonal=diagonal.astype(np.float32),
        ridge=ridge,
        liked_from=POSITIVE_STARS,
        average=np.linalg.solve(whole, shares @ movies).astype(np.float32),
    )
