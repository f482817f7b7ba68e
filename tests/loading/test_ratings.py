"""The merge of ratings against the same in Python, row by row; what it leaves to the foreign key."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import IntegrityError

from recsys.database.migrations import upgrade
from recsys.loading.ratings import RatingWriter
from recsys.sources.batches import Batch
from tests.helpers.databases import add_films, open_database
from tests.helpers.examples import examples

Row = tuple[int, int, float, float]

row = st.tuples(
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from([0.5, 3.0, 5.0]),
    st.sampled_from([1e9, 1e9 + 0.5, 1.5e9]),
)
SILENT = "select current_setting('session_replication_role')"


def write(connection: Connection, rows: list[Row], at_once: int) -> tuple[int, int, int]:
    """Write rows in batches; return how many were duplicates, new, and changes."""
    writer = RatingWriter(connection)
    frame = pd.DataFrame(rows, columns=["user_id", "movie_id", "rating", "rated_at"])
    for place in range(0, len(frame), at_once):
        writer.write(Batch("ratings", "ratings.csv", frame[place : place + at_once]))
    return writer.finish()


def merged(
    before: list[Row], rows: list[Row]
) -> tuple[dict[tuple[int, int], tuple[float, float]], tuple[int, int, int]]:
    """Return the ratings after a merge by hand, and how it counts."""
    newest: dict[tuple[int, int], tuple[float, float]] = {}
    for user, movie, stars, seconds in rows:
        if (user, movie) not in newest or seconds >= newest[user, movie][1]:
            newest[user, movie] = stars, seconds
    held = {(user, movie): (stars, seconds) for user, movie, stars, seconds in before}
    new = newest.keys() - held.keys()
    changed = {
        key
        for key, (stars, seconds) in newest.items()
        if key in held and seconds >= held[key][1] and (stars, seconds) != held[key]
    }
    after = held | {key: newest[key] for key in new | changed}
    return after, (len(rows) - len(newest), len(new), len(changed))


@settings(
    max_examples=examples(80),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    before=st.lists(row, min_size=1, max_size=8, unique_by=lambda one: one[:2]),
    rows=st.lists(row, max_size=20),
    at_once=st.integers(1, 20),
)
def test_a_merge_is_what_it_is_row_by_row(
    engine: Engine, before: list[Row], rows: list[Row], at_once: int
) -> None:
    with engine.connect() as connection:
        add_films(connection, *((movie, f"Film {movie}", 2000) for movie in range(1, 5)))
        for one in before:
            connection.exec_driver_sql(
                "insert into recsys.ratings values (%s, %s, %s, to_timestamp(%s))", one
            )
        expected, counts = merged(before, rows)
        assert write(connection, rows, at_once) == counts
        found = connection.exec_driver_sql(
            "select user_id, movie_id, rating, extract(epoch from rated_at)::float8"
            " from recsys.ratings"
        )
        assert {(user, movie): (stars, at) for user, movie, stars, at in found} == expected
        assert connection.exec_driver_sql(SILENT).scalar() == "origin"


def test_a_film_that_went_meanwhile_is_found_out(engine: Engine) -> None:
    with engine.connect() as connection:
        add_films(connection, (1, "One", 2000))
        write(connection, [(1, 1, 4.0, 1e9)], 1)
        with pytest.raises(IntegrityError, match="fk_ratings_movie_id_movies"):
            write(connection, [(2, 1, 4.0, 1e9), (2, 7, 4.0, 1e9)], 2)


def test_a_film_stays_until_the_merge_ends(engine: Engine) -> None:
    with engine.begin() as connection:
        add_films(connection, (1, "One", 2000), (2, "Two", 2000))
        write(connection, [(1, 1, 4.0, 1e9)], 1)
    with engine.connect() as connection, engine.connect() as other:
        write(connection, [(2, 2, 4.0, 1e9)], 1)
        other.exec_driver_sql("set lock_timeout = '50ms'")
        with pytest.raises(Exception, match="lock timeout"):
            other.exec_driver_sql("delete from recsys.movies where movie_id = 2")


def test_a_trigger_of_ones_own_is_called(engine: Engine) -> None:
    with engine.connect() as connection:
        add_films(connection, (1, "One", 2000))
        write(connection, [(1, 1, 4.0, 1e9)], 1)
        connection.exec_driver_sql(
            "create table seen (user_id bigint);"
            "create function see() returns trigger language plpgsql as"
            " 'begin insert into seen values (new.user_id); return new; end';"
            "create trigger see after insert on recsys.ratings"
            " for each row execute function see()"
        )
        write(connection, [(2, 1, 4.0, 1e9)], 1)
        assert connection.exec_driver_sql("select user_id from seen").scalars().all() == [2]


def test_an_owner_without_that_right_merges_too(owner_url: URL) -> None:
    owned = open_database(owner_url, owner_url.database or "")
    upgrade(owned)
    with owned.connect() as connection:
        add_films(connection, (1, "One", 2000))
        assert write(connection, [(1, 1, 4.0, 1e9)], 1) == (0, 1, 0)
        assert write(connection, [(1, 1, 5.0, 2e9), (2, 1, 5.0, 2e9)], 2) == (0, 1, 1)
