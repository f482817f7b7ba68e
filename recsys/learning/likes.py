"""Ratings in the database to arrays: positives, dense indexes, splits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg.sql import Literal
from sqlalchemy import Connection

from recsys.database.copy import read_columns


@dataclass(frozen=True)
class Interactions:
    """Who liked what, once a pair, ordered by user and then by film.

    Attributes
    ----------
    user_ids, movie_ids
        ``(n_users,)`` and ``(n_movies,)`` int64, ascending: outside id of each dense index.
    user_index, movie_index
        ``(n,)`` int64: dense indexes of each positive.
    """

    user_ids: NDArray[np.int64]
    movie_ids: NDArray[np.int64]
    user_index: NDArray[np.int64]
    movie_index: NDArray[np.int64]

    @classmethod
    def from_pairs(cls, users: NDArray[np.int64], movies: NDArray[np.int64]) -> Interactions:
        """Build from outside ids; any order of pairs gives the same result."""
        order = np.lexsort((movies, users))
        user_ids, user_index = np.unique(users[order], return_inverse=True)
        movie_ids, movie_index = np.unique(movies[order], return_inverse=True)
        return cls(user_ids, movie_ids, user_index, movie_index)


def read_positives(
    connection: Connection, threshold: float, until: str | None = None
) -> Interactions:
    """Read the pairs that were rated `threshold` stars or more, not later than `until`."""
    then = "" if until is None else f" and rated_at <= {Literal(until).as_string()}::timestamptz"
    columns = read_columns(
        connection,
        f"select user_id, movie_id from recsys.ratings where rating >= {float(threshold)!r}::real"
        f"{then}",
        user_id="i8",
        movie_id="i8",
    )
    return Interactions.from_pairs(columns["user_id"], columns["movie_id"])


def liked_digests(connection: Connection, positives: Interactions) -> NDArray[np.int64]:
    """Return each user's exclusive or of the hashes of their films, ``(n_users,)`` int64.

    The database computes the same of the ratings as they are, and so finds out which vectors are
    out of date.
    """
    hashes = connection.exec_driver_sql(
        "select array(select hashint8extended(id, 0)"
        " from unnest(%s::bigint[]) with ordinality as film (id, place) order by place)",
        (positives.movie_ids.tolist(),),
    ).scalar_one()
    if not len(positives.user_index):
        return np.empty(0, dtype=np.int64)
    first = np.searchsorted(positives.user_index, np.arange(len(positives.user_ids)))
    films = np.array(hashes, dtype=np.int64)[positives.movie_index]  # (n,)
    digests: NDArray[np.int64] = np.bitwise_xor.reduceat(films, first)
    return digests


def hold_out(user_index: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    """Choose a random share of each user's pairs.

    Parameters
    ----------
    user_index
        ``(n,)`` int64, which user each pair belongs to.
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
