"""Ratings and films as arrays: what every learner starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import Ids, Index, Mask, Numbers, Values, Vectors
from recsys.learning.likes import Likes

SECONDS_1970_TO_2000 = 946_684_800


@dataclass(frozen=True)
class Ratings:
    """Who gave which film how many stars, once a pair, ordered by user and then by film.

    Attributes
    ----------
    user_ids, movie_ids
        ``(n_users,)`` with a rating and ``(n_movies,)`` in the catalogue, ascending: the outside
        id of each dense index.
    user_index, movie_index
        ``(n,)``, dense indexes; int32 from the database, as there are many.
    stars
        ``(n,)`` float32.
    rated_at
        ``(n,)``, microseconds since 2000, as PostgreSQL counts them.
    digests
        ``(n_users,)``: the exclusive or of `recsys_internal.rating_hash` over a user's ratings,
        which tells whether they are still the same.
    movie_hashes
        ``(n_movies,)``: `recsys_internal.like_hash` of each film.
    """

    user_ids: Index
    movie_ids: Index
    user_index: Ids
    movie_index: Ids
    stars: Vectors
    rated_at: Index
    digests: Index
    movie_hashes: Index

    @classmethod
    def of(
        cls, users: Ids, movies: Ids, stars: Numbers, rated_at: Index | None = None,
        shape: tuple[int, int] | None = None,
    ) -> Ratings:  # fmt: skip
        """Build from dense indexes, in order of user and movie; ids are the indexes."""
        n_users, n_movies = shape or (int(users.max()) + 1, int(movies.max()) + 1)
        times = np.zeros(len(users), dtype=np.int64) if rated_at is None else rated_at
        return cls(
            np.arange(n_users), np.arange(n_movies), users, movies, stars.astype(np.float32),
            times, np.zeros(n_users, dtype=np.int64), np.zeros(n_movies, dtype=np.int64),
        )  # fmt: skip

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of users and of films."""
        return len(self.user_ids), len(self.movie_ids)

    def part(self, chosen: Mask | Index) -> Ratings:
        """Return the ratings at a mask or at places; users and films keep their indexes."""
        return replace(
            self,
            user_index=self.user_index[chosen],
            movie_index=self.movie_index[chosen],
            stars=self.stars[chosen],
            rated_at=self.rated_at[chosen],
        )

    def some_users(self, most: int, seed: int) -> Ratings:
        """Return the ratings of all users, or those of some random ones, of at most so many.

        The other users are left out, and the indexes are of those that remain.
        """
        if len(self.stars) <= most:
            return self
        counts = np.bincount(self.user_index, minlength=self.shape[0])
        order = np.random.default_rng(seed).permutation(len(counts))
        chosen = np.zeros(len(counts), dtype=bool)
        chosen[order[np.cumsum(counts[order]) <= most]] = True
        theirs = self.part(chosen[self.user_index])
        return replace(
            theirs,
            user_ids=self.user_ids[chosen],
            user_index=_places(chosen)[theirs.user_index],
            digests=self.digests[chosen],
        )

    def liked(self, threshold: float) -> Likes:
        """Return the pairs with so many stars or more, users and films without one left out."""
        liked = self.stars >= np.float32(threshold)
        users, user_index = _dense(self.user_index[liked], self.shape[0])
        movies, movie_index = _dense(self.movie_index[liked], self.shape[1])
        return Likes(self.user_ids[users], self.movie_ids[movies], user_index, movie_index)

    def liked_digests(self, likes: Likes) -> Index:
        """Return the exclusive or of the hashes of the films that each user likes, ``(n_users,)``.

        The database computes the same of the ratings as they are, and so finds out which vectors
        are out of date.
        """
        hashes = self.movie_hashes[np.searchsorted(self.movie_ids, likes.movie_ids)]
        first = np.searchsorted(likes.user_index, np.arange(likes.shape[0]))
        digests: Index = np.bitwise_xor.reduceat(hashes[likes.movie_index], first)
        return digests

    @property
    def seconds(self) -> Values:
        """``(n,)`` seconds since 1970."""
        seconds: Values = self.rated_at.astype(np.float64)
        seconds += 1e6 * SECONDS_1970_TO_2000
        seconds /= 1e6
        return seconds


@dataclass(frozen=True)
class Films:
    """What the films of the catalogue are, in the order of `Ratings.movie_ids`.

    Attributes
    ----------
    years
        ``(n_movies,)``, NaN where unknown.
    genres, genre_names
        ``(n_movies, n_genres)``, and the names in their order.
    """

    years: Values
    genres: Mask
    genre_names: list[str]


def _dense(index: Ids, n: int) -> tuple[Index, Ids]:
    """Return which of n indexes are there, and each one's place among these."""
    there = np.zeros(n, dtype=bool)
    there[index] = True
    return np.flatnonzero(there), _places(there)[index]


def _places(chosen: Mask) -> NDArray[np.int32]:
    """Return the place of each chosen one among the chosen, ``(n,)``."""
    return np.cumsum(chosen, dtype=np.int32) - np.int32(1)
