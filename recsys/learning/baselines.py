"""What a recommender must beat: popularity, and means for the stars; lists by any scorer.

All but the means are fitted on a sparse matrix of likes, a row a user and a column a film of the
catalogue, and score users by their known likes. `neighbours` and `linear` have further ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from recsys.arrays import Ids, Index, Numbers, Values, Vectors
from recsys.learning.metrics import NO_MOVIE, judge, ndcg
from recsys.learning.network import HIGHEST, LOWEST

LikesMatrix = sparse.csr_array  # (n_users, n_movies) float32, 1 where the user likes the film
Scorer = Callable[[LikesMatrix], Vectors]  # (n_users, n_movies), higher is better

FILM_SHRINKAGE, USER_SHRINKAGE = 25, 10  # ratings of bias 0 that are added to a film's, a user's
ROWS_A_CHUNK = 256
TUNED_ON = 2000  # users


def likes_matrix(users: Ids, movies: Ids, shape: tuple[int, int]) -> LikesMatrix:
    """Return the matrix with a 1 for each pair."""
    return sparse.csr_array((np.ones(len(users), dtype=np.float32), (users, movies)), shape=shape)


@dataclass(frozen=True)
class Popularity:
    """The films that most users like, or whose likes weigh most, the same for every user.

    Attributes
    ----------
    places
        ``(n_movies,)`` float32, from 0 for the most liked film down; of films with equally many
        likes, the one with the lower index comes first, as in the database.
    """

    places: Vectors

    @classmethod
    def fit(cls, likes: LikesMatrix, decayed: Values | None = None) -> Popularity:
        """Order by the number of likes, after what they count as of now if `decayed` says so."""
        counts = likes.sum(axis=0)  # (n_movies,)
        places = np.empty(len(counts), dtype=np.float32)
        order = np.lexsort((-counts, -counts if decayed is None else -decayed))
        places[order] = -np.arange(len(counts))
        return cls(places)

    def __call__(self, known: LikesMatrix) -> Vectors:
        """Score all films for users, ``(n_users, n_movies)``."""
        return np.tile(self.places, (known.shape[0], 1))

    def after(self, scores: Vectors) -> Vectors:
        """Let films without a score above 0 follow those with one, ``(n_users, n_movies)``."""
        return np.where(scores > 0, scores, self.places - 1).astype(np.float32)


@dataclass(frozen=True)
class Biases:
    """Stars from means alone, without taste: ``mean + films[film] + users[user]``.

    A film's bias is the mean of its ratings less the mean of all, a user's that of what then
    remains, both drawn to zero where ratings are few (Koren, "Factor in the Neighbors", TKDD 2010,
    section 2.1).
    """

    mean: float
    films: Values  # (n_movies,)
    users: Values  # (n_users,)

    @classmethod
    def fit(cls, users: Ids, movies: Ids, stars: Numbers, shape: tuple[int, int]) -> Biases:
        """Fit on ratings by dense indexes."""
        given = stars.astype(np.float64)
        mean = float(given.mean())
        of_films = _shrunk_means(movies, given - mean, shape[1], FILM_SHRINKAGE)
        left = given - mean - of_films[movies]
        return cls(mean, of_films, _shrunk_means(users, left, shape[0], USER_SHRINKAGE))

    def __call__(self, users: Ids, movies: Ids) -> Values:
        """Predict the stars of pairs, ``(n,)``, within the scale."""
        stars: Values = self.mean + self.films[movies] + self.users[users]
        return stars.clip(LOWEST, HIGHEST)


def _shrunk_means(rows: Ids, values: Values, n: int, shrinkage: float) -> Values:
    counts = np.bincount(rows, minlength=n)
    means: Values = np.bincount(rows, weights=values, minlength=n) / (counts + shrinkage)
    return means


def rank(scorer: Scorer, known: LikesMatrix, barred: sparse.csr_array, k: int) -> Index:
    """Return the k best films of each user except those barred, ``(n_users, k)``.

    Parameters
    ----------
    known
        ``(n_users, n_movies)``, by which users are scored.
    barred
        Of the same shape, not zero where a film must not be in the user's list.

    Returns
    -------
    ndarray
        Film indexes, `NO_MOVIE` where there are too few films.
    """
    n_users, n_movies = known.shape
    lists = np.full((n_users, k), NO_MOVIE, dtype=np.int64)
    kept = min(k, n_movies)
    for start in range(0, n_users, ROWS_A_CHUNK):
        rows = slice(start, min(start + ROWS_A_CHUNK, n_users))
        scores = scorer(known[rows])
        scores[barred[rows].nonzero()] = -np.inf
        best = torch.from_numpy(scores).topk(kept, dim=1)
        there = best.values.isfinite().numpy()
        lists[rows, :kept] = np.where(there, best.indices.numpy(), NO_MOVIE)
    return lists


def choose(
    fit: Callable[[LikesMatrix, int], Scorer],
    candidates: Sequence[int],
    likes: LikesMatrix,
    held_out: LikesMatrix,
    has_one_peak: bool = True,
) -> tuple[int, dict[int, float]]:
    """Return the best parameter of a baseline by NDCG@10 on a split of the training part.

    Parameters
    ----------
    candidates
        Ascending.
    likes, held_out
        ``(n_users, n_movies)`` each: two parts of the training part.
    has_one_peak
        Try from the first candidate on until the NDCG falls; else all of them.

    Returns
    -------
    int, dict
        The best candidate, and the NDCG of each one tried.
    """
    some = np.flatnonzero(np.diff(held_out.indptr) > 0)
    users = np.random.default_rng(0).permutation(some)[:TUNED_ON]
    known, truth = likes[users], held_out[users].tocoo()
    tried: dict[int, float] = {}
    for one in candidates:
        values = ndcg(*judge(rank(fit(likes, one), known, known, 10), truth.row, truth.col), 10)
        tried[one] = float(values.mean()) if len(values) else 0.0
        if has_one_peak and tried[one] < max(tried.values()):
            break
    return max(tried, key=lambda one: tried[one]), tried
