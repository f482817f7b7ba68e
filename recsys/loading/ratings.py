"""Ratings of a load into their table: straight into an empty one, else staged and merged.

Readers of a table in use never wait.
"""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection

from recsys.arrays import Index
from recsys.database.copy import write_columns
from recsys.loading.empty_tables import strip
from recsys.loading.staging import run
from recsys.sources.batches import Batch

EPOCH_2000 = 946_684_800  # PostgreSQL counts microseconds from 2000
STAGE = """
create temp table stage_ratings (user_id bigint, movie_id bigint, rating real,
    rated_at timestamptz) on commit drop
"""
# Of several rows for a user and a film the newest stays, of equally old ones the last.
NEWEST = """
select distinct on (user_id, movie_id) user_id, movie_id, rating, rated_at
from {table} order by user_id, movie_id, rated_at desc, ctid desc
"""
# Rows without a time get that of the load: they win, but do not count as newer again. Only the rows
# of others who write meanwhile conflict; there the time of the load is not asked for, since Citus
# refuses to.
WRITE = """
    insert into recsys.ratings as r (user_id, movie_id, rating, rated_at)
    select s.user_id, s.movie_id, s.rating, s.rated_at
    from newest s
    left join recsys.ratings r on r.user_id = s.user_id and r.movie_id = s.movie_id
    where r.user_id is null
       or s.rating <> r.rating and s.rated_at >= r.rated_at
       or s.rated_at > r.rated_at and s.rated_at < transaction_timestamp()
    order by s.user_id, s.movie_id
    on conflict (user_id, movie_id) do update
        set rating = excluded.rating, rated_at = excluded.rated_at
    where excluded.rating <> r.rating and excluded.rated_at >= r.rated_at
       or excluded.rated_at > r.rated_at
"""
MERGE = f"""
with newest as materialized ({NEWEST.format(table="stage_ratings")}),
written as (
    {WRITE}
    returning xmax = 0 as is_new
)
select (select count(*) from newest),
    count(*) filter (where is_new), count(*) filter (where not is_new) from written
"""
# The foreign key would look for the film of each new row, a third of the merge's time. Here all
# films are looked for once, and none can go before the end of the transaction. It takes a right
# that few have, and would silence triggers of others: else the foreign key looks.
HOLD_FILMS = """
select movie_id from recsys.movies where movie_id = any (%s) order by movie_id for key share
"""
LEAVE_FOREIGN_KEY = """
select set_config('session_replication_role', 'replica', true)
where has_parameter_privilege('session_replication_role', 'set') and not exists (
    select from pg_trigger where tgrelid = 'recsys.ratings'::regclass and not tgisinternal)
"""


class RatingWriter:
    """Writes the ratings of one load, batch by batch."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        now = connection.exec_driver_sql(
            "select extract(epoch from transaction_timestamp())::float8"
        ).scalar_one()
        self.now = float(now)
        self.written = 0
        self.films: Index = np.array([], np.int64)
        self.ascending = True
        self.last_key = (-1, -1)
        run(connection, "set local work_mem = '128MB'")
        self.keys = strip(connection, "recsys.ratings", keys=True)
        if self.keys is None:
            run(connection, STAGE)

    def write(self, batch: Batch) -> None:
        """Write one batch."""
        rows = batch.rows
        if len(rows) == 0:
            return
        users = rows["user_id"].to_numpy(np.int64)
        movies = rows["movie_id"].to_numpy(np.int64)
        if self.keys is None:
            self.films = np.union1d(self.films, movies)
        else:
            self._follow(users, movies)
        seconds = rows["rated_at"].to_numpy(np.float64)
        seconds = np.where(np.isnan(seconds), self.now, seconds)
        write_columns(
            self.connection,
            "stage_ratings" if self.keys is None else "recsys.ratings",
            {
                "user_id": users,
                "movie_id": movies,
                "rating": rows["rating"].to_numpy(np.float32),
                # A timestamptz's bytes are those of a bigint.
                "rated_at": ((seconds - EPOCH_2000) * 1_000_000).round().astype(np.int64),
            },
        )
        self.written += len(rows)

    def finish(self) -> tuple[int, int, int]:
        """Return how many rows were duplicates, new, and changes."""
        if self.keys is None:
            return self._merge()
        distinct = self.written if self.ascending else self._sort()
        for statement in self.keys:
            run(self.connection, statement)
        return self.written - distinct, distinct, 0

    def _follow(self, users: Index, movies: Index) -> None:
        """Note whether the keys still ascend: then none is there twice."""
        step = np.diff(users)
        first = (int(users[0]), int(movies[0]))
        self.ascending = (
            self.ascending
            and first > self.last_key
            and bool(((step > 0) | ((step == 0) & (np.diff(movies) > 0))).all())
        )
        self.last_key = (int(users[-1]), int(movies[-1]))

    def _merge(self) -> tuple[int, int, int]:
        """Merge the staged rows into the table; return what `finish` does."""
        run(self.connection, "analyze stage_ratings")
        held = self.connection.exec_driver_sql(HOLD_FILMS, (self.films.tolist(),)).rowcount
        left = held == len(self.films) and run(self.connection, LEAVE_FOREIGN_KEY)
        # Both sides are in the order of the key. A hash of all ratings takes three times as long,
        # but the planner, which thinks that many have the same key, would choose it.
        run(self.connection, "set local enable_hashjoin = off")
        distinct, loaded, updated = self.connection.exec_driver_sql(MERGE).one()
        run(self.connection, "set local enable_hashjoin to default")
        if left:
            run(self.connection, "set local session_replication_role to default")
        return self.written - int(distinct), int(loaded), int(updated)

    def _sort(self) -> int:
        """Keep one row a key, in the order of the key; return how many there are."""
        newest = NEWEST.format(table="recsys.ratings")
        distinct = run(
            self.connection, f"create temp table stage_newest on commit drop as {newest}"
        )
        run(self.connection, "truncate recsys.ratings")
        run(
            self.connection,
            "insert into recsys.ratings (user_id, movie_id, rating, rated_at)"
            " select user_id, movie_id, rating, rated_at from stage_newest",
        )
        return distinct
