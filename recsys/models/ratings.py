"""The ratings and the films of the database as arrays: the one place where they are read."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection

from recsys.database.copy import read_columns
from recsys.database.engine import driver
from recsys.learning.ratings import SECONDS_1970_TO_2000, Films, Ratings

# A timestamptz's bytes are those of a bigint.
RATINGS = """
    select user_id, movie_id, rating, rated_at, recsys_internal.rating_hash(movie_id, rating)
    from recsys.ratings
"""
MOVIES = "select movie_id, recsys_internal.like_hash(movie_id) from recsys.movies order by movie_id"
YEARS = "select coalesce(year, 0) from recsys.movies order by movie_id"
GENRES = """
    select g.name, coalesce(string_agg(int8send(mg.movie_id), ''::bytea), '')
    from recsys.genres g left join recsys.movie_genres mg on mg.genre_id = g.genre_id
    group by g.name order by g.name
"""


def read_ratings(connection: Connection) -> Ratings:
    """Read all ratings, in one pass; the same ones give the same arrays, however they lie."""
    rows = read_columns(
        connection, RATINGS, user_id="i8", movie_id="i8", stars="f4", rated_at="i8", hash="i8"
    )
    films = read_columns(connection, MOVIES, movie_id="i8", hash="i8")
    n = len(rows["stars"])
    # What is not needed any more goes at once: for many ratings, each column is large.
    rows["movie_index"] = np.searchsorted(films["movie_id"], rows.pop("movie_id")).astype("i4")
    users, movies = rows["user_id"], rows["movie_index"]
    same, ascends = users[1:] == users[:-1], movies[1:] > movies[:-1]
    if not ((users[1:] > users[:-1]) | same & ascends).all():
        order = np.lexsort((movies, users))
        for name in rows:
            rows[name] = rows[name][order]
        del order
    users = rows.pop("user_id")
    del movies
    first = 1 + np.flatnonzero(users[1:] != users[:-1])  # of each user's ratings
    first = np.insert(first, 0, 0) if n else first
    hashes = rows.pop("hash")
    return Ratings(
        user_ids=users[first],
        movie_ids=films["movie_id"],
        user_index=np.repeat(np.arange(len(first), dtype="i4"), np.diff(first, append=n)),
        movie_index=rows["movie_index"],
        stars=rows["stars"],
        rated_at=rows["rated_at"],
        digests=np.bitwise_xor.reduceat(hashes, first) if n else hashes,
        movie_hashes=films["hash"],
    )


def read_films(connection: Connection, ratings: Ratings) -> Films:
    """Read what the films of the catalogue are."""
    years = read_columns(connection, YEARS, year="i4")["year"]
    with driver(connection).cursor(binary=True) as cursor:
        listed = cursor.execute(GENRES).fetchall()
    genres = np.zeros((len(ratings.movie_ids), len(listed)), dtype=bool)
    for column, (_, ids) in enumerate(listed):
        genres[np.searchsorted(ratings.movie_ids, np.frombuffer(ids, dtype=">i8")), column] = True
    return Films(
        years=np.where(years > 0, years.astype(np.float64), np.nan),
        genres=genres,
        genre_names=[row[0] for row in listed],
    )


def time_of(connection: Connection, microseconds: int) -> str:
    """Return a time of `Ratings.rated_at` as PostgreSQL writes it."""
    hours, rest = divmod(microseconds, 3_600_000_000)
    written: str = connection.exec_driver_sql(
        "select (timestamptz '2000-01-01 00:00:00+00'"
        " + make_interval(hours => %s, secs => %s::float8 / 1000000))::text",
        (hours, rest),
    ).scalar_one()
    return written


def microseconds_of(connection: Connection, time: str) -> int:
    """Return what `time_of` writes as the number that it was."""
    found: int = connection.exec_driver_sql(
        "select ((extract(epoch from %s::timestamptz) - %s) * 1000000)::bigint",
        (time, SECONDS_1970_TO_2000),
    ).scalar_one()
    return found
