"""Merging two films loses nothing, whatever others write meanwhile."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from tests.helpers.databases import add_films
from tests.helpers.examples import examples

# Every table that refers to films, so that a new one is not forgotten by merge_movies.
REFERRING = {
    "feedback", "impressions", "movie_genres", "movie_genres_predicted", "movie_keys", "movie_keywords",
    "movie_people", "movie_terms",
    "movie_text_vectors", "movie_texts", "movie_vectors", "order_films", "ranker_films", "ratings",
    "tags",
}  # fmt: skip


def merge(connection: Connection, keep: int, drop: int) -> dict[str, Any]:
    found = connection.exec_driver_sql("select * from recsys.merge_movies(%s, %s)", (keep, drop))
    return dict(found.mappings().one())


def ratings(connection: Connection) -> dict[tuple[int, int], tuple[float, datetime]]:
    rows = connection.exec_driver_sql(
        "select user_id, movie_id, rating, rated_at from recsys.ratings"
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


rated = st.dictionaries(
    st.integers(1, 6), st.tuples(st.integers(1, 10), st.integers(0, 3)), max_size=6
)


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(kept=rated, dropped=rated)
def test_the_newer_rating_stays(
    engine: Engine, kept: dict[int, tuple[int, int]], dropped: dict[int, tuple[int, int]]
) -> None:
    def stars(value: tuple[int, int]) -> tuple[float, datetime]:
        return value[0] / 2, datetime.fromtimestamp(value[1], UTC)

    with engine.connect() as connection:
        add_films(connection, (1, "One", 2000), (2, "Other", 2000), (3, "Third", 2000))
        for film, given_ratings in ((1, kept), (2, dropped), (3, {1: (1, 1)})):
            for user, value in given_ratings.items():
                connection.exec_driver_sql(
                    "insert into recsys.ratings (user_id, movie_id, rating, rated_at) "
                    "values (%s, %s, %s, %s)",
                    (user, film, *stars(value)),
                )
        merged = merge(connection, 1, 2)
        expected = {(1, 3): stars((1, 1))}
        for user in kept.keys() | dropped.keys():
            both = [value[user] for value in (kept, dropped) if user in value]
            expected[user, 1] = stars(max(both, key=lambda value: value[1]))  # the first of equals
        assert ratings(connection) == expected
        taken = sum(u not in kept or dropped[u][1] > kept[u][1] for u in dropped)
        assert (merged["ratings"], merged["ratings_given_up"]) == (taken, len(dropped) - taken)
        counts = connection.exec_driver_sql(
            "select movie_id, rating_count, rating_mean, liked_count, popularity from recsys.movies "
            "where movie_id < 3"
        ).all()
        connection.exec_driver_sql("select recsys_internal.refresh_movie_counts()")
        connection.exec_driver_sql("select recsys.refresh_popularity()")
        refreshed = connection.exec_driver_sql(
            "select movie_id, rating_count, rating_mean, liked_count, popularity from recsys.movies "
            "where movie_id < 3"
        ).all()
        assert counts == refreshed
        assert [row[0] for row in counts] == [1]
        connection.rollback()


def test_everything_else_moves_too(sample_engine: Engine) -> None:
    with sample_engine.begin() as connection:
        run = connection.exec_driver_sql
        tables = set(
            run(
                "select conrelid::regclass::text from pg_constraint "
                "where confrelid = 'recsys.movies'::regclass"
            ).scalars()
        )
        assert {name.removeprefix("recsys.") for name in tables} == REFERRING
        run("insert into recsys.tags values (1, 1, 'fun'), (1, 2, 'fun'), (2, 2, 'Fun')")
        run("insert into recsys.movie_keywords values (1, 'robot'), (2, 'robot'), (2, 'gang')")
        run(
            "insert into recsys.movie_texts values (2, 'tagline', 'Tonight') on conflict do nothing"
        )
        run("update recsys.movies set imdb_id = 'tt0000001', tmdb_id = 11 where movie_id = 1")
        run(
            "update recsys.movies set imdb_id = 'tt0000002', tmdb_id = 12, poster_path = '/p.jpg' "
            "where movie_id = 2"
        )

        def held(what: str, films: str) -> set[object]:
            return set(run(f"select {what} where movie_id in ({films})").scalars())

        kinds = {
            "genres": "genre_id from recsys.movie_genres",
            "people": "(person_id, role) from recsys.movie_people",
            "keywords": "keyword from recsys.movie_keywords",
            "texts": "kind from recsys.movie_texts",
            "tags": "(user_id, tag) from recsys.tags",
        }
        own = {kind: held(what, "1") for kind, what in kinds.items()}
        before = {kind: held(what, "1, 2") for kind, what in kinds.items()}
        plot = "select text from recsys.movie_texts where movie_id = 1 and kind = 'plot'"
        own_plot = run(plot).scalar()
        merged = merge(connection, 1, 2)
        for kind, what in kinds.items():
            assert held(what, "1") == before[kind]
            assert merged[kind] == len(before[kind] - own[kind]) > 0 or kind == "people"
        assert run(plot).scalar() == own_plot
        ids = run(
            "select imdb_id, tmdb_id, poster_path from recsys.movies where movie_id = 1"
        ).one()
        assert tuple(ids) == ("tt0000001", 11, "/p.jpg")
        for table in tables:
            assert run(f"select count(*) from {table} where movie_id = 2").scalar() == 0
        assert (
            run("select count(*) from recsys.recommend(42, include_rated => true)").scalar() == 10
        )


@pytest.mark.parametrize(
    ("keep", "drop", "named"), [(1, 99, "99"), (99, 1, "99"), (1, 1, "1"), (None, 1, "null")]
)
def test_refusals_name_the_film(engine: Engine, keep: int | None, drop: int, named: str) -> None:
    with engine.connect() as connection:
        add_films(connection, (1, "One", 2000))
        with pytest.raises(DBAPIError) as caught:
            connection.exec_driver_sql("select recsys.merge_movies(%s, %s)", (keep, drop))
        assert isinstance(caught.value.orig, psycopg.errors.InvalidParameterValue)
        assert named in str(caught.value.orig)


@pytest.mark.parametrize("change", [
    "insert into recsys.ratings values (7, 2, 4)",
    "update recsys.ratings set rating = 1 where user_id = 8",
])  # fmt: skip
def test_a_rating_written_meanwhile_is_not_lost(engine: Engine, change: str) -> None:
    """Another transaction has written to the film and commits while the merge waits for it."""
    with engine.begin() as connection:
        add_films(connection, (1, "One", 2000), (2, "Other", 2000))
        connection.exec_driver_sql("insert into recsys.ratings values (8, 2, 5)")
    merging = threading.Thread(target=lambda: merged.append(_merge_alone(engine)))
    merged: list[dict[str, Any]] = []
    with engine.begin() as other:
        other.exec_driver_sql(change)
        merging.start()
        time.sleep(0.3)
        assert merged == []  # it waits
    merging.join(10)
    assert merged
    with engine.connect() as connection:
        left = {user: stars[0] for (user, _), stars in ratings(connection).items()}
        assert left == ({7: 4, 8: 5} if "insert" in change else {8: 1})
        with pytest.raises(DBAPIError, match="fk_ratings"):
            connection.exec_driver_sql("insert into recsys.ratings values (9, 2, 3)")


def test_a_rating_that_comes_during_a_merge_is_refused_not_lost(engine: Engine) -> None:
    with engine.begin() as connection:
        add_films(connection, (1, "One", 2000), (2, "Other", 2000))
    errors: list[BaseException] = []

    def rate() -> None:
        try:
            with engine.begin() as other:
                other.exec_driver_sql("insert into recsys.ratings values (9, 2, 3)")
        except DBAPIError as error:
            errors.append(error)

    rating = threading.Thread(target=rate)
    with engine.begin() as connection:
        merge(connection, 1, 2)
        rating.start()
        time.sleep(0.3)
    rating.join(10)
    assert "fk_ratings" in str(errors[0])


def _merge_alone(engine: Engine) -> dict[str, Any]:
    with engine.begin() as connection:
        return merge(connection, 1, 2)
