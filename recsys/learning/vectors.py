"""Learned vectors in the form in which the database stores and compares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recsys.arrays import Index, Mask, Numbers, Values, Vectors
from recsys.errors import TrainingError

SHORTEST = 1e-12  # below it, a square underflows float4 and the direction is lost
# Films that only isolated users like, and those users, shrink at each epoch; what is left is noise.
NEGLIGIBLE = 1e-6  # of the longest vector
DUST = 1e-9  # of the vector's length, for a single coordinate

# Share of the mean user's vector that ranks for a user who likes one or two films only: alone, so
# few films rank worse than popularity does (benchmarks/quality/new_users.py).
PRIOR = 0.2


@dataclass(frozen=True)
class UserSolve:
    """The equation that made the users' vectors, so that the database can solve it anew.

    For a user with n liked films h: ``(diag(diagonal + n ridge) + sum of h h') w = sum of h``.

    Attributes
    ----------
    diagonal
        ``(factors,)``.
    liked_from
        Stars from which a rated film counts as liked.
    liked_counts, liked_digests
        ``(n_users,)`` int64: how many films each vector was made from, and the exclusive or of
        their hashes. None where the users' vectors come from elsewhere: they stay as they are, and
        the equation is for all other users.
    average
        ``(factors,)``, what is added to very few liked films; None is the mean of the users.
    """

    diagonal: Numbers
    ridge: float
    liked_from: float
    liked_counts: Index | None = None
    liked_digests: Index | None = None
    average: Vectors | None = None


class StoredVectors(NamedTuple):
    """A model's vectors as the tables hold them.

    Attributes
    ----------
    order
        ``(n_movies,)``, places of the films, the longest vector first.
    movies, norms
        ``(n_movies, factors + 1)`` and ``(n_movies,)`` in that order: unit vectors, and the length
        of their part without the last coordinate.
    known
        ``(n_users,)``: the users that have a vector.
    users
        ``(n_known, factors + 1)``, of those.
    mean_user
        ``(factors,)``, of all users.
    item_norm
        Length of the longest film's vector before.
    """

    order: Index
    movies: Vectors
    norms: Vectors
    known: Mask
    users: Vectors
    mean_user: Vectors
    item_norm: float


def stored_vectors(users: Vectors, movies: Vectors, negligible: float) -> StoredVectors:
    """Return the vectors of a model as the tables hold them; see `cosine_form`.

    Parameters
    ----------
    users, movies
        ``(n_users, factors)``, ``(n_movies, factors)``.
    negligible
        Users whose vectors are shorter, as a share of the longest, are left out.

    Raises
    ------
    TrainingError
        A vector is not finite, or all are zero.
    """
    require_finite(users, movies)
    users, movies = without_dust(users, negligible), without_dust(movies)
    # A zero vector has no direction: cosine distance to it is NaN. Such a user stays unknown, as
    # does one who likes nothing but dust.
    known = np.linalg.norm(users, axis=1) > SHORTEST
    longest = np.linalg.norm(movies, axis=1).max()
    if longest < SHORTEST or (len(known) and not known.any()):
        raise TrainingError("the training learned nothing: try a smaller regularization")
    embedding, norm = cosine_form(movies)
    lengths = (np.linalg.norm(movies.astype(np.float64), axis=1) / norm).astype(np.float32)
    # recommend() reads the longest vectors first, and often only those: they lie together.
    order = np.argsort(-lengths, kind="stable")
    padded = np.pad(users[known], ((0, 0), (0, 1)))
    mean = users.mean(axis=0) if len(users) else users.sum(axis=0)
    return StoredVectors(order, embedding[order], lengths[order], known, padded, mean, norm)


def require_finite(users: Vectors, movies: Vectors) -> None:
    """Refuse the vectors of a training that diverged."""
    if not (np.isfinite(users).all() and np.isfinite(movies).all()):
        raise TrainingError("the training diverged: try a larger regularization or a smaller alpha")


def cosine_form(movies: Vectors) -> tuple[Vectors, float]:
    """Append the coordinate that makes cosine distance order as the dot product does.

    With M the largest norm, each film v becomes ``(v, sqrt(M^2 - |v|^2)) / M``, a unit vector,
    and a user u becomes ``(u, 0)``: their cosine is ``u . v / (|u| M)`` (Bachrach et al.,
    "Speeding Up the Xbox Recommender System Using a Euclidean Transformation for Inner-Product
    Spaces", RecSys 2014).

    Parameters
    ----------
    movies
        ``(n, factors)`` float32.

    Returns
    -------
    ndarray, float
        ``(n, factors + 1)`` float32, and M.

    Examples
    --------
    >>> form, norm = cosine_form(np.array([[3, 4], [0, 3]], dtype=np.float32))
    >>> form.astype(float).round(3).tolist(), norm
    ([[0.6, 0.8, 0.0], [0.0, 0.6, 0.8]], 5.0)
    """
    exact: Values = movies.astype(np.float64)
    squared = np.square(exact).sum(axis=1, keepdims=True)  # (n, 1)
    norm = float(np.sqrt(squared.max()))
    last = np.sqrt(np.clip(norm**2 - squared, 0, None))  # (n, 1)
    return (np.hstack([exact, last]) / norm).astype(np.float32), norm


def without_dust(vectors: Vectors, negligible: float = NEGLIGIBLE) -> Vectors:
    """Return vectors with exact zeros for what is too small to matter.

    pgvector refuses products that underflow, so that numbers like 1e-30 would be errors later.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)  # (n, 1)
    small = np.abs(vectors) < DUST * lengths
    return np.where(small | (lengths < negligible * lengths.max(initial=0)), 0, vectors)


def powers_of_two(n: int) -> Index:
    """Return the places 0, 1, 3, 7 ... below n: the 1st, 2nd, 4th, 8th ... one."""
    places: Index = 2 ** np.arange(n.bit_length(), dtype=np.int64)
    return places[places <= n] - 1
