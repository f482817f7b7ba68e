"""The longest questions, cut off at any moment: an error or all rows, and a session as it was."""

from __future__ import annotations

import time
from random import Random

import psycopg
import pytest
from psycopg.errors import QueryCanceled
from sqlalchemy import URL

from recsys.database.engine import libpq_url

MANY = "array(select n from generate_series(1, {}) n)"
PLOT = "repeat('a detective hunts a killer in the snow ', 2500)"
LONGEST = [
    "recommend(1, k => 100000)",
    "recommend(1, k => 5000, diversity => 0.5)",
    f"recommend(1, exclude_movies => array(select -n from unnest({MANY.format(10**6)}) n))",
    "recommend(1, genres => array_fill('Drama'::text, array[10000]))",
    f"recommend_group(array[1, 2] || array(select n + 10000 from unnest({MANY.format(10**5)}) n))",
    f"recommend_group({MANY.format(3)}, k => 100000, strategy => 'least_misery')",
    f"recommend_for({MANY.format(100)}, k => 100000)",
    "similar_movies(1, k => 100000)",
    "users_for(1, k => 100000)",
    "similar_users(1, k => 100000)",
    "explain(1, 2, k => 100000)",
    "score_movies(1, array(select movie_id from recsys.movies, generate_series(1, 1000)))",
    f"search_plots({PLOT}, k => 100000)",
    f"predict_genres({PLOT})",
]
MOMENTS = 4  # of each at which it is cut off


@pytest.mark.slow
def test_cut_off_at_any_moment(server_url: URL, learned_name: str) -> None:
    chance, cut = Random(1), 0
    with psycopg.connect(
        libpq_url(server_url.set(database=learned_name)), autocommit=True
    ) as connection:
        for question in LONGEST:
            statement = f"select * from recsys.{question}"
            begun = time.monotonic()
            whole = connection.execute(statement).fetchall()
            took = time.monotonic() - begun
            settings = connection.execute("select name, setting from pg_settings").fetchall()
            assert whole, question
            for _ in range(MOMENTS):
                limit = max(1, round(1000 * took * chance.random()))
                connection.execute(f"set statement_timeout = {limit}")
                try:
                    assert connection.execute(statement).fetchall() == whole, question
                except QueryCanceled:
                    cut += 1
                connection.execute("reset statement_timeout")
            found = connection.execute("select name, setting from pg_settings").fetchall()
            assert found == settings, question
    assert cut > 0
