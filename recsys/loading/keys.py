"""Ids that are no numbers to numbers: those of earlier loads stay, new ones count on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd
from sqlalchemy import Connection

from recsys.loading.staging import copy_rows
from recsys.sources.batches import Batch

NOT_THERE = -1  # of a film whose key is not known
LAST_USER = """
select greatest((select max(user_id) from recsys.ratings), (select max(user_id) from recsys.users),
    (select max(user_id) from recsys.user_keys), 0)
"""
LAST_MOVIE = """
select greatest((select max(movie_id) from recsys.movies),
    (select max(movie_id) from recsys.movie_keys), 0)
"""


@dataclass
class Numbers:
    """The numbers of the keys of users, or of films."""

    connection: Connection
    table: str
    column: str
    last: str

    @cached_property
    def known(self) -> dict[str, int]:
        """The number of each key."""
        query = f"select key, {self.column} from recsys.{self.table}"
        return dict(map(tuple, self.connection.exec_driver_sql(query)))

    @cached_property
    def next(self) -> int:
        """The number of the next key."""
        return int(self.connection.exec_driver_sql(self.last).scalar_one()) + 1

    def add(self, keys: pd.Series[str]) -> list[tuple[int, str]]:
        """Number the keys that are new, in their order; return them."""
        new = [key for key in dict.fromkeys(keys) if key not in self.known]
        added = list(enumerate(new, start=self.next))
        self.next += len(added)
        self.known.update((key, number) for number, key in added)
        return added

    def of(self, keys: pd.Series[str]) -> pd.Series[int]:
        """Return the numbers of keys."""
        return keys.map(self.known).fillna(NOT_THERE).astype("int64")


class Keys:
    """The numbers of the keys of one load.

    Attributes
    ----------
    numbered_movies
        Whether films got numbers: those of `recsys.movie_keys`.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.users = Numbers(connection, "user_keys", "user_id", LAST_USER)
        self.movies = Numbers(connection, "movie_keys", "movie_id", LAST_MOVIE)
        self.numbered_movies = False
        self.waiting: dict[int, str] = {}  # keys of films that are not written yet

    def number_users(self, batch: Batch) -> Batch:
        """Return a batch with numbers in place of keys of users."""
        if "user_key" not in batch.rows:
            return batch
        keys = batch.rows["user_key"]
        copy_rows(self.connection, "recsys.user_keys (user_id, key)", self.users.add(keys))
        return replace(batch, rows=batch.rows.assign(user_id=self.users.of(keys)))

    def number_movies(self, batch: Batch, new: bool) -> Batch:
        """Return a batch with numbers in place of keys of films; only with `new`, of new ones."""
        if "movie_key" not in batch.rows:
            return batch
        keys = batch.rows["movie_key"]
        if new:
            self.waiting.update(self.movies.add(keys))
            self.numbered_movies = True
        return replace(batch, rows=batch.rows.assign(movie_id=self.movies.of(keys)))

    def write_movies(self) -> None:
        """Write the keys of films, once the films are there."""
        held = self.connection.exec_driver_sql(
            "select movie_id from recsys.movies where movie_id = any (%s)", (list(self.waiting),)
        ).scalars()
        pairs = [(number, self.waiting[number]) for number in held]
        copy_rows(self.connection, "recsys.movie_keys (movie_id, key)", pairs)
        self.waiting = {}
