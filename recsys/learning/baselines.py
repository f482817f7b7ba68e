"""What a recommender must beat: popularity, item neighbours, EASE, and means for the stars.

The first three are fitted on a sparse matrix of likes, a row a user and a column a film of the
catalogue, and score users by their known likes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from recsys.arrays import Index, Numbers, Values, Vectors
from recsys.learning.metrics import NO_MOVIE, judge, ndcg
from recsys.learning.network import HIGHEST, LOWEST

LikesMatrix = sparse.csr_array  # (n_users, n_movies) float32, 1 where the user likes the film
Scorer = Callable[[LikesMatrix], Vectors]  # (n_users, n_movies), higher is better

NEIGHBOURS = 200
FILM_SHRINKAGE, USER_SHRINKAGE = 25, 10  # ratings of bias 0 that are added to a film's, a user's
EASE_LAMBDAS = (50, 100, 200, 400, 800, 1600, 3200)
EASE_MOST_MOVIES = 25_000  # beyond them, the inverse takes more than 2.5 GB and an hour
ROWS_A_CHUNK = 256
TUNED_ON = 2000  # users


def likes_matrix(users: Index, movies: Index, shape: tuple[int, int]) -> LikesMatrix:
    """Return the matrix with a 1 for each pair."""
    return sparse.csr_array((np.ones(len(users), dtype=np.float32), (users, movies)), shape=shape)


@dataclass(frozen=True)
class Popularity:
    """The films that most users like, the same for every user.

    Attributes
    ----------
    places
        ``(n_movies,)`` float32, from 0 for the most liked film down; of films with equally many
        likes, the one with the lower index comes first, as in the database.
    """

    places: Vectors

    @classmethod
    def fit(cls, likes: LikesMatrix) -> Popularity:
        """Count the likes."""
        counts = likes.sum(axis=0)  # (n_movies,)
        places = np.empty(len(counts), dtype=np.float32)
        places[np.argsort(-counts, kind="stable")] = -np.arange(len(counts))
        return cls(places)

    def __call__(self, known: LikesMatrix) -> Vectors:
        """Score all films for users, ``(n_users, n_movies)``."""
        return np.tile(self.places, (known.shape[0], 1))


@dataclass(frozen=True)
class ItemKNN:
    """Films like those that a user likes: the cosine of TF-IDF weighted likes.

    A like tells more if its user likes few films: it weighs ``log(n_movies / n_likes)`` of that
    user, as a word weighs more that is in few documents. A film's score is the sum over those of
    its nearest films that the user likes (Sarwar et al., "Item-Based Collaborative Filtering
    Recommendation Algorithms", WWW 2001). Films without a score follow by popularity.

    Attributes
    ----------
    likeness
        ``(n_movies, n_movies)``: a row has a film's nearest ones, without itself.
    """

    likeness: sparse.csr_array
    popularity: Popularity

    @classmethod
    def fit(cls, likes: LikesMatrix, neighbours: int = NEIGHBOURS) -> ItemKNN:
        """Find each film's neighbours."""
        n_movies = likes.shape[1]
        weight = np.log(n_movies / np.maximum(likes.sum(axis=1), 1))  # (n_users,)
        by_movie = likes.T.tocsr() @ sparse.diags_array(weight.astype(np.float32))
        kept = min(neighbours, n_movies - 1)
        search = NearestNeighbors(n_neighbors=kept, metric="cosine", algorithm="brute")
        likeness = sparse.csr_array(search.fit(by_movie).kneighbors_graph(mode="distance"))
        likeness.data = np.maximum(1 - likeness.data, 0)  # from distances
        likeness.eliminate_zeros()
        return cls(likeness, Popularity.fit(likes))

    def __call__(self, known: LikesMatrix) -> Vectors:
        """Score all films for users, ``(n_users, n_movies)``."""
        scores = (known @ self.likeness.T).toarray()
        return np.where(scores > 0, scores, self.popularity(known) - 1).astype(np.float32)


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
    def fit(cls, users: Index, movies: Index, stars: Numbers, shape: tuple[int, int]) -> Biases:
        """Fit on ratings by dense indexes."""
        given = stars.astype(np.float64)
        mean = float(given.mean())
        of_films = _shrunk_means(movies, given - mean, shape[1], FILM_SHRINKAGE)
        left = given - mean - of_films[movies]
        return cls(mean, of_films, _shrunk_means(users, left, shape[0], USER_SHRINKAGE))

    def __call__(self, users: Index, movies: Index) -> Values:
        """Predict the stars of pairs, ``(n,)``, within the scale."""
        stars: Values = self.mean + self.films[movies] + self.users[users]
        return stars.clip(LOWEST, HIGHEST)


def _shrunk_means(rows: Index, values: Values, n: int, shrinkage: float) -> Values:
    counts = np.bincount(rows, minlength=n)
    means: Values = np.bincount(rows, weights=values, minlength=n) / (counts + shrinkage)
    return means


def _inverse(gram: sparse.csr_array, regularization: float) -> Vectors:
    matrix = torch.from_numpy(gram.toarray())
    matrix.diagonal().add_(regularization)
    # Into the same memory: three matrices of 25,000 films would be 7.5 GB.
    torch.linalg.cholesky(matrix, out=matrix)
    torch.cholesky_inverse(matrix, out=matrix)
    inverse: Vectors = matrix.numpy()
    return inverse


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


def choose_lambda(likes: LikesMatrix, held_out: LikesMatrix) -> tuple[float, dict[float, float]]:
    """Return the best regularization of EASE by NDCG@10 on a split of the training part.

    Parameters
    ----------
    likes, held_out
        ``(n_users, n_movies)`` each: two parts of the training part.

    Returns
    -------
    float, dict
        The best of `EASE_LAMBDAS`, and the NDCG of each one tried: from the smallest on, until
        it falls.
    """
    some = np.flatnonzero(np.diff(held_out.indptr) > 0)
    users = np.random.default_rng(0).permutation(some)[:TUNED_ON]
    known, truth = likes[users], held_out[users].tocoo()
    tried: dict[float, float] = {}
    for regularization in EASE_LAMBDAS:
        lists = rank(Ease.fit(likes, regularization), known, known, 10)
        values = ndcg(*judge(lists, truth.row, truth.col), 10)
        tried[regularization] = float(values.mean()) if len(values) else 0.0
        if tried[regularization] < max(tried.values()):
            break
    return max(tried, key=lambda one: tried[one]), tried
