"""recsys.popular, movies.popularity and the view of trends against NumPy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from recsys.learning.popularity import decayed_counts
from recsys.models.vectors import write_model
from recsys.models.versions import activate_model
from tests.helpers.databases import add_films
from tests.helpers.examples import examples
from tests.helpers.models import a_model
from tests.helpers.oracle import Catalogue, brute_force, call, check_list, filter_sets

relaxed = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ages = st.floats(1e-6, 1e9).map(lambda seconds: timedelta(seconds=seconds))
LIKES = (
    "select movie_id, extract(epoch from rated_at)::float8 from recsys.ratings where rating >= 4"
)
COUNTS = (
    "select popularity, rating_count, rating_mean, liked_count from recsys.movies order by movie_id"
)
POPULARITY = "select movie_id, popularity from recsys.movies order by 1"


def counted(connection: Connection, half_life: timedelta | None) -> dict[int, float]:
    """The popularity of the films with likes, by the arrays' way to count it."""
    rows = np.array(connection.exec_driver_sql(LIKES).all(), dtype=np.float64).reshape(-1, 2)
    movie_ids, movies = np.unique(rows[:, 0].astype(np.int64), return_inverse=True)
    seconds = None if half_life is None else half_life.total_seconds()
    counts = decayed_counts(movies, rows[:, 1], seconds, len(movie_ids))
    return dict(zip(movie_ids.tolist(), counts.tolist(), strict=True))


@relaxed
@given(k=st.integers(1, 160), half_life=st.none() | ages, filters=filter_sets())
@example(k=10, half_life=timedelta(microseconds=1), filters={})
@example(k=12, half_life=timedelta(seconds=32), filters={})  # some likes are 1000 halvings old
@example(k=160, half_life=timedelta(days=300_000), filters={})
def test_popular_equals_brute_force(
    sample: Connection,
    catalogue: Catalogue,
    k: int,
    half_life: timedelta | None,
    filters: dict[str, Any],
) -> None:
    rows = call(sample, "popular", k=k, half_life=half_life, **filters)
    assert all(row["model_id"] is None for row in rows)
    if half_life is None:
        check_list(rows, brute_force(catalogue, {}, (), filters), k)
        return
    counts = counted(sample, half_life)
    best = [(m, counts.get(m, 0.0), "popular") for m, *_ in brute_force(catalogue, {}, (), filters)]
    best.sort(key=lambda row: (-row[1], -catalogue.films[row[0]].liked_count, row[0]))
    check_list(rows, best, k)


rated = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from([3.5, 4, 5]),
        st.sampled_from([
            *("2018-01-01 Z", "2018-01-02 Z", "2018-01-03 12:00 Z", "1970-01-01 Z"),
            *("0001-01-02 Z", "9999-12-30 Z"),
        ]),
    ),
    max_size=12,
)  # fmt: skip


@relaxed
@given(ratings=rated, half_life=st.none() | ages)
@example(ratings=[(1, 5, "9999-12-30 Z"), (2, 5, "0001-01-02 Z")], half_life=None)
@example(ratings=[(3, 5, "0001-01-02 Z")], half_life=timedelta(days=1))
@example(ratings=[(1, 4, "9999-12-30 Z"), (2, 4, "0001-01-02 Z")], half_life=timedelta(seconds=1))
def test_whatever_the_times_a_refresh_counts_by_the_half_life_of_the_active_model(
    engine: Engine, ratings: list[tuple[int, float, str]], half_life: timedelta | None
) -> None:
    with engine.connect() as connection:
        add_films(connection, (1, "One", 2000), (2, "Two", 2000), (3, "Three", 2000))
        model_id = write_model(connection, a_model(np.eye(3), np.eye(3)))
        activate_model(connection, model_id)
        connection.exec_driver_sql("update recsys.models set half_life = %s", (half_life,))
        for user, (movie, stars, time) in enumerate(ratings):
            connection.exec_driver_sql(
                "insert into recsys.ratings (user_id, movie_id, rating, rated_at)"
                " values (%s, %s, %s, %s)",
                (user, movie, stars, time),
            )
        connection.exec_driver_sql("select recsys.refresh_popularity()")
        now = [
            seconds
            for (seconds,) in connection.exec_driver_sql(
                "select extract(epoch from rated_at)::float8 from recsys.ratings"
                " where rating >= 4 and rated_at <= now()"
            )
        ]
        newest = max(now, default=-np.inf)
        expected = dict.fromkeys((1, 2, 3), 0.0)
        for movie, seconds in connection.exec_driver_sql(LIKES):
            age = max(newest - seconds, 0.0)
            expected[movie] += 1 if half_life is None else 2 ** -(age / half_life.total_seconds())
        found = connection.exec_driver_sql(POPULARITY).all()
        assert [row[0] for row in found] == [1, 2, 3]
        assert [row[1] for row in found] == pytest.approx(list(expected.values()), abs=1e-12)
        connection.exec_driver_sql("update recsys.movies set popularity = 7, rating_count = 7")
        connection.exec_driver_sql("select recsys_internal.refresh_movie_counts()")
        again = connection.exec_driver_sql(COUNTS).all()
        assert [row.popularity for row in again] == pytest.approx(
            [row.popularity for row in found], abs=1e-12
        )
        for movie, counts in enumerate(again, start=1):
            rated = [given for rated_movie, given, _ in ratings if rated_movie == movie]
            assert counts.rating_count == len(rated)
            assert counts.liked_count == sum(given >= 4 for given in rated)
            assert counts.rating_mean == (pytest.approx(np.mean(rated)) if rated else None)
        before = [row.popularity for row in found]
        listed = call(connection, "popular", k=3, half_life=half_life)
        assert [row["score"] for row in listed] == pytest.approx(sorted(before)[::-1], abs=1e-12)


def test_the_answers_follow_the_active_model(engine: Engine) -> None:
    """Two old likes of the first film, one new like of the second."""
    with engine.connect() as connection:
        add_films(connection, (1, "One", 2000), (2, "Two", 2000), (3, "Three", 2000))
        connection.exec_driver_sql(
            "insert into recsys.ratings (user_id, movie_id, rating, rated_at) values"
            " (1, 1, 5, '2018-01-01 Z'), (2, 1, 4, '2018-01-01 Z'), (1, 2, 5, '2018-01-03 Z')"
        )
        ids = [
            write_model(connection, replace(a_model(np.eye(3), np.eye(3)), half_life=half_life))
            for half_life in (None, timedelta(days=1))
        ]
        connection.exec_driver_sql("select recsys_internal.refresh_movie_counts()")
        scored = {"user_id": -1, "movie_ids": [1, 2, 3]}
        for model_id, best in zip([*ids, ids[0]], ([1, 2, 3], [2, 1, 3], [1, 2, 3]), strict=True):
            activate_model(connection, model_id)
            for rows in (
                call(connection, "popular", k=3),
                call(connection, "recommend", user_id=-1, k=3),
                call(connection, "score_movies", **scored),
            ):
                assert [row["movie_id"] for row in rows] == best
            assert [row["score"] for row in rows] == ([2, 1, 0] if best[0] == 1 else [1, 0.5, 0])
            filled = call(connection, "similar_movies", movie_id=3, k=3, exclude_movies=[])
            assert len(filled) == 2


def test_a_refresh_writes_only_what_changed(sample: Connection) -> None:
    sample.exec_driver_sql("update recsys.models set half_life = '400 days'")
    places = "select movie_id, ctid::text from recsys.movies order by 1"
    sample.exec_driver_sql("select recsys.refresh_popularity()")
    before = sample.exec_driver_sql(places).all()
    sample.exec_driver_sql("select recsys.refresh_popularity()")
    assert sample.exec_driver_sql(places).all() == before
    sample.exec_driver_sql("delete from recsys.ratings where movie_id = 7")
    sample.exec_driver_sql("select recsys.refresh_popularity()")
    after = sample.exec_driver_sql(places).all()
    assert [row[0] for row, old in zip(after, before, strict=True) if row != old] == [7]


def test_trends(sample: Connection) -> None:
    sample.exec_driver_sql("update recsys.models set half_life = '100 days'")
    sample.exec_driver_sql("select recsys.refresh_popularity()")
    rows = sample.exec_driver_sql(
        "select * from recsys_bi.trending_movies order by movie_id"
    ).mappings()
    now, ever = (counted(sample, half_life) for half_life in (timedelta(days=100), None))
    found = {row["movie_id"]: row for row in rows}
    assert found.keys() == ever.keys()
    for movie, row in found.items():
        share, of_all = now[movie] / sum(now.values()), ever[movie] / sum(ever.values())
        assert (row["share_now"], row["share_ever"], row["trend"]) == pytest.approx(
            (share, of_all, share / of_all)
        )
        assert row["rank_ever"] == 1 + sum((-ever[m], m) < (-ever[movie], movie) for m in ever)
        assert row["rank_now"] == 1 + sum(now[m] > now[movie] for m in now)
