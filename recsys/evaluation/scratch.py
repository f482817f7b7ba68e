"""A scratch database that held-out ratings never enter, and its answers."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine

from recsys.arrays import Index
from recsys.database.copy import write_columns
from recsys.database.engine import create_database, driver
from recsys.database.errors import reported_errors
from recsys.database.migrations import upgrade
from recsys.database.tables import (
    genres,
    movie_genres,
    movie_keywords,
    movie_people,
    movie_text_vectors,
    movies,
    people,
    text_encoders,
)
from recsys.errors import DatabaseError, EvaluationError
from recsys.learning.metrics import NO_MOVIE
from recsys.progress import Progress

# The films' counts come from all ratings, held-out ones too: they are not copied. Nor is what keeps
# films from answers: what is measured may recommend the same films as what it is compared with.
LEFT_OUT = ("rating_count", "rating_mean", "liked_count", "popularity", "adult", "withdrawn_at")
# What the films are, as the training reads it. Tags are not copied: held-out users set them, too.
CATALOGUE = (
    *(movies, genres, movie_genres, people, movie_people, movie_keywords),
    *(text_encoders, movie_text_vectors),
)
NEWEST_TERMS = " where encoder_id = (recsys_internal.find_encoder('terms')).encoder_id"
USERS_A_CHUNK = 100
ASK = """
    select u.place, array_agg(r.movie_id order by r.rank)
    from unnest(%s::bigint[]) with ordinality as u (user_id, place)
    cross join lateral recsys.recommend(
        u.user_id, k => %s, rerank => %s, model_id => %s::bigint) r
    group by u.place
"""
ASK_STARS = """
    select u.place, s.movie_id, s.predicted_rating
    from unnest(%s::bigint[]) with ordinality as u (user_id, place)
    cross join lateral recsys.score_movies(u.user_id, array(
        select h.movie_id from held_out h where h.user_id = u.user_id), model_id => %s::bigint) s
    where s.predicted_rating is not null
"""


@contextmanager
def scratch_database(engine: Engine) -> Iterator[Engine]:
    """Yield a new database with the schema, on the engine's server; it is dropped at the end.

    Raises
    ------
    EvaluationError
        The role may not create databases, or the extensions in them.
    """
    own = (engine.url.database or "recsys").encode()[:40].decode(errors="ignore")
    url = engine.url.set(database=f"{own}_evaluation_{secrets.token_hex(4)}")
    scratch = create_engine(url, poolclass=NullPool)
    try:
        _create(url)
        _install(scratch)
        yield scratch
    finally:
        drop_database(url)


def _create(url: URL) -> None:
    try:
        create_database(url)
    except DatabaseError as error:
        if isinstance(error.__cause__, InsufficientPrivilege):
            raise EvaluationError(
                "an evaluation trains in a scratch database of its own, and the role "
                f"{url.username} may not make one: ask an administrator for "
                f"`alter role {url.username} createdb`"
            ) from error
        raise


def _install(engine: Engine) -> None:
    try:
        upgrade(engine)
    except DatabaseError as error:
        if "create extension" not in str(error):
            raise
        raise EvaluationError(
            f"an evaluation trains in a scratch database of its own, where {engine.url.username} "
            "may not create the extensions: ask an administrator to create vector, pg_trgm, "
            "unaccent and fuzzystrmatch, with schema public, in template1, of which new databases "
            "are copies"
        ) from error


def drop_database(url: URL) -> None:
    """Drop the database that `url` names if it is there, even if it is in use."""
    maintenance = create_engine(
        url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    name = psycopg.sql.Identifier(url.database or "")
    statement = psycopg.sql.SQL("drop database if exists {} with (force)").format(name)
    with reported_errors(), maintenance.connect() as connection:
        connection.exec_driver_sql(statement.as_string(), execution_options={"no_parameters": True})


def read_catalogue(connection: Connection) -> dict[str, bytes]:
    """Return what the films are as binary COPY, without their counts of ratings."""
    catalogue = {}
    for table in CATALOGUE:
        columns = ", ".join(
            column.name
            for column in table.columns
            if column.computed is None and column.name not in LEFT_OUT
        )
        chosen = NEWEST_TERMS if "encoder_id" in table.columns else ""
        query = (
            f"copy (select {columns} from recsys.{table.name}{chosen}) to stdout (format binary)"
        )
        with driver(connection).cursor().copy(query.encode()) as rows:
            catalogue[f"recsys.{table.name} ({columns})"] = b"".join(rows)
    return catalogue


def write_catalogue(connection: Connection, catalogue: dict[str, bytes]) -> None:
    """COPY in what `read_catalogue` read."""
    connection.exec_driver_sql("set local recsys.bulk = on")  # vectors of texts come along
    for name, rows in catalogue.items():
        with driver(connection).cursor().copy(f"copy {name} from stdin (format binary)") as copy:
            copy.write(rows)


def write_ratings(connection: Connection, columns: dict[str, NDArray[Any]]) -> None:
    """COPY ratings in: the columns user_id, movie_id, rating and rated_at."""
    write_columns(connection, "recsys.ratings", columns)


def send_held_out(connection: Connection, users: Index, movies: Index) -> None:
    """COPY pairs into a temporary table ``held_out``, for as long as the connection lives."""
    connection.exec_driver_sql("drop table if exists held_out")
    connection.exec_driver_sql("create temp table held_out (user_id bigint, movie_id bigint)")
    write_columns(connection, "held_out", {"user_id": users, "movie_id": movies})
    connection.exec_driver_sql("analyze held_out")


def require_no_leak(connection: Connection, when: str) -> None:
    """Refuse to go on if a pair of ``held_out`` is in the database's ratings."""
    leaked = connection.exec_driver_sql(
        "select count(*) from held_out join recsys.ratings using (user_id, movie_id)"
    ).scalar_one()
    if leaked:
        raise EvaluationError(
            f"{leaked:,} held-out ratings are in the scratch database {when}: "
            "the figures would be too good, so none are given; please report this"
        )


def ask_lists(
    connection: Connection, model_id: int, users: Index, k: int, rerank: bool, progress: Progress
) -> Index:
    """Return what ``recsys.recommend`` gives each user, ``(n_users, k)`` film ids."""
    lists = np.full((len(users), k), NO_MOVIE, dtype=np.int64)
    for start in range(0, len(users), USERS_A_CHUNK):
        chunk = users[start : start + USERS_A_CHUNK]
        for place, films in connection.exec_driver_sql(ASK, (chunk.tolist(), k, rerank, model_id)):
            lists[start + place - 1, : len(films)] = films
        progress("asking", start + len(chunk), len(users))
    return lists


def ask_stars(connection: Connection, model_id: int, users: Index) -> list[tuple[int, int, float]]:
    """Return the user's row, the film and the predicted stars of each pair of ``held_out``.

    Pairs without a prediction are left out. A model that predicts none for the first users is not
    asked further.
    """
    found: list[tuple[int, int, float]] = []
    for start in range(0, len(users), USERS_A_CHUNK):
        chunk = users[start : start + USERS_A_CHUNK]
        rows = connection.exec_driver_sql(ASK_STARS, (chunk.tolist(), model_id)).all()
        if not rows and not found:
            return []
        found += [(start + place - 1, film, stars) for place, film, stars in rows]
    return found
