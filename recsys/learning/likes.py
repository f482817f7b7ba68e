"""Who likes what: the positives that the retrieval learns from, and a share of them held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsys.arrays import Ids, Index, Mask


@dataclass(frozen=True)
class Likes:
    """Who likes what, once a pair, ordered by user and then by film.

    Attributes
    ----------
    user_ids, movie_ids
        ``(n_users,)`` and ``(n_movies,)``, ascending: outside id of each dense index.
    user_index, movie_index
        ``(n,)``: dense indexes of each pair, of any width.
    """

    user_ids: Index
    movie_ids: Index
    user_index: Ids
    movie_index: Ids

    @classmethod
    def from_pairs(cls, users: Index, movies: Index) -> Likes:
        """Build from outside ids; any order of pairs gives the same result."""
        order = np.lexsort((movies, users))
        user_ids, user_index = np.unique(users[order], return_inverse=True)
        movie_ids, movie_index = np.unique(movies[order], return_inverse=True)
        return cls(user_ids, movie_ids, user_index, movie_index)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of users and of films."""
        return len(self.user_ids), len(self.movie_ids)


def hold_out(user_index: Ids, share: float, seed: int) -> Mask:
    """Choose a random share of each user's pairs.

    Parameters
    ----------
    user_index
        ``(n,)``, which user each pair belongs to.
    share
        Of each user's n pairs, ``round(share * n)`` are chosen.

    Returns
    -------
    ndarray
        ``(n,)`` bool, True where the pair is held out.
    """
    generator = np.random.default_rng(seed)
    order = np.lexsort((generator.random(len(user_index)), user_index))
    counts = np.bincount(user_index)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    place = np.arange(len(user_index)) - starts  # 0, 1, 2 ... within each user, shuffled
    chosen = place < np.round(share * np.repeat(counts, counts))
    held_out = np.empty(len(user_index), dtype=bool)
    held_out[order] = chosen
    return held_out
