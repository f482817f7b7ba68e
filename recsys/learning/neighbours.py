"""Baselines by neighbours: films liked together, and users who like the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from recsys.arrays import Vectors
from recsys.learning.baselines import LikesMatrix, Popularity

NEIGHBOURS = 200  # of a film
USER_NEIGHBOURS = (10, 25, 50, 100, 200, 400, 800, 1600)


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
        return self.popularity.after((known @ self.likeness.T).toarray())


@dataclass(frozen=True)
class UserKNN:
    """What the users like who like the same films: the sum of the cosines of a film's users.

    The cosine of two users is that of their rows of likes; a film's score is the sum over the k
    users nearest by it that like the film (Herlocker et al., "An Algorithmic Framework for
    Performing Collaborative Filtering", SIGIR 1999, for likes instead of stars). A user who is in
    the training is one of their own k, which changes no order: their films are not listed.
    Films without a score follow by popularity.

    Attributes
    ----------
    likes, unit
        ``(n_users, n_movies)``: what the neighbours like, and the same with rows of length 1.
    """

    likes: LikesMatrix
    unit: LikesMatrix
    neighbours: int
    popularity: Popularity

    @classmethod
    def fit(cls, likes: LikesMatrix, neighbours: int) -> UserKNN:
        """Keep the likes, in which the neighbours are looked for."""
        lengths = np.sqrt(np.maximum(likes.sum(axis=1), 1)).astype(np.float32)
        unit = sparse.diags_array(1 / lengths) @ likes
        return cls(likes, unit.tocsr(), min(neighbours, likes.shape[0]), Popularity.fit(likes))

    def __call__(self, known: LikesMatrix) -> Vectors:
        """Score all films for users, ``(n_users, n_movies)``."""
        # By these products the users' neighbours are in the order of the cosines.
        products = torch.from_numpy((known @ self.unit.T).toarray())  # (n_users, n_training_users)
        nearest = products.topk(self.neighbours, dim=1)
        starts = np.arange(known.shape[0] + 1) * self.neighbours
        weights = sparse.csr_array(
            (nearest.values.numpy().ravel(), nearest.indices.numpy().ravel(), starts),
            shape=tuple(products.shape),
        )
        return self.popularity.after((weights @ self.likes).toarray())
