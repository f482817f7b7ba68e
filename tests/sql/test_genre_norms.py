"""recsys.genre_norms: lists of genres equal what they are made from, and lead to the best films."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from recsys.models.vectors import TrainedModel, write_model
from recsys.models.versions import activate_model
from tests.helpers.examples import examples
from tests.helpers.oracle import call

WRONG = """
    with made as (
        select v.model_id, v.movie_id, g.genre_id, v.norm
        from recsys.movie_vectors v join recsys.movie_genres g using (movie_id)
    )
    (table recsys.genre_norms except table made) union all
    (table made except table recsys.genre_norms)
"""
FILMS, SHARE = 2400, 6


@pytest.mark.parametrize("bulk", ["", "on"])
@pytest.mark.parametrize(
    "change",
    [
        "insert into recsys.movie_genres select 1, genre_id from recsys.genres"
        " on conflict do nothing",
        "delete from recsys.movie_genres where movie_id < 20",
        "update recsys.movie_genres set movie_id = 1000001 where movie_id = 3",
        "insert into recsys.movie_genres select 1000001, genre_id from recsys.genres limit 2",
    ],
)
def test_lists_follow_the_genres(sample: Connection, change: str, bulk: str) -> None:
    assert sample.exec_driver_sql("select count(*) from recsys.genre_norms").scalar_one() > 200
    sample.exec_driver_sql("insert into recsys.movies (movie_id, title) values (1000001, 'New')")
    sample.exec_driver_sql("select set_config('recsys.bulk', %s, true)", (bulk,))
    sample.exec_driver_sql(change)
    if bulk:
        sample.exec_driver_sql("select recsys.refresh_content()")
    assert sample.exec_driver_sql(WRONG).all() == []


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 10_000),
    skew=st.sampled_from([0.0, 0.3, 1.0]),
    k=st.integers(1, 300),
    barred=st.integers(0, 200),
)
def test_the_best_films_of_a_genre_are_found(
    engine: Engine, seed: int, skew: float, k: int, barred: int
) -> None:
    """More films of it than are read first, norms from equal to wildly different."""
    generator = np.random.default_rng(seed)
    movies = generator.normal(size=(FILMS, 6)) * np.exp(skew * generator.normal(size=(FILMS, 1)))
    user = generator.normal(size=(1, 6)).astype(np.float32)
    ids = np.arange(1, FILMS + 1)
    theirs = np.flatnonzero(ids % SHARE == 0)
    scores = movies @ user[0]
    best = theirs[np.argsort(-scores[theirs])]
    with engine.connect() as connection:
        run = connection.exec_driver_sql
        run("set local recsys.bulk = on")
        run("insert into recsys.movies (movie_id, title) select n, 'Film' || n"
            " from generate_series(1, %s) n on conflict do nothing", (FILMS,))  # fmt: skip
        run("insert into recsys.genres (genre_id, name) overriding system value values (77, 'G')")
        run("insert into recsys.movie_genres select movie_id, 77 from recsys.movies"
            " where movie_id %% %s = 0", (SHARE,))  # fmt: skip
        model = TrainedModel(
            "test", np.array([7]), ids, user, movies.astype(np.float32), {}, {}, {}, {},
            timedelta(0),
        )  # fmt: skip
        activate_model(connection, write_model(connection, model))
        rows = call(
            connection, "recommend", user_id=7, k=k, genres=["G"],
            exclude_movies=ids[best[:barred]].tolist(),
        )  # fmt: skip
        connection.rollback()
    expected = scores[best][barred : barred + k]
    assert [row["score"] for row in rows] == pytest.approx(
        expected, abs=2e-5 * np.abs(scores).max()
    )
