"""A training that is killed leaves what it found; the next one leaves nothing of it behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess

import numpy as np
import pytest
from sqlalchemy import URL, Engine

from recsys.parameters import Parameters
from recsys.training.train import train
from tests.helpers.databases import open_database
from tests.helpers.forked import start
from tests.helpers.killed import train_on
from tests.helpers.loads import rows

ANSWERS = "select u, r.* from generate_series(1, 20) u, recsys.recommend(u) r order by u, rank"
VECTORS = """
    select (select count(*) from recsys.models),
        (select count(distinct model_id) from recsys.movie_vectors),
        (select count(distinct model_id) from recsys.user_vectors),
        (select count(distinct model_id) from recsys.ranker_films),
        (select count(distinct model_id) from recsys.ranker_users),
        (select count(distinct model_id) from recsys.orders),
        (select count(distinct model_id) from recsys.order_films),
        (select count(*) from pg_indexes where schemaname = 'recsys' and indexdef like '%hnsw%')
"""
# So that the trainings of this test make indexes, of however few films.
INDEX_ALWAYS = """
    create or replace function recsys_internal.index_pays(model recsys.models)
    returns boolean language sql immutable as 'select true'
"""


def state(engine: Engine) -> tuple[object, ...]:
    """Whose vectors and indexes there are, once the server has seen that its client is gone."""
    others = (
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    while rows(engine, others) != [(0,)]:
        time.sleep(0.05)
    return rows(engine, VECTORS)[0]


def begin(engine: Engine) -> ForkServerProcess:
    return start(train_on, engine.url.render_as_string(hide_password=False))


@pytest.mark.parametrize(
    "moments", [2, pytest.param(10, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_killed_at_random_moments(
    server_url: URL, sample_name: str, copies: Callable[[str], str], moments: int
) -> None:
    first = open_database(server_url, copies(sample_name))
    before, answers = state(first), rows(first, ANSWERS)
    process, begun = begin(first), time.perf_counter()
    process.join()
    assert process.exitcode == 0
    seconds = time.perf_counter() - begun
    whole = rows(first, ANSWERS)
    assert whole != answers
    killed = 0
    for moment in np.random.default_rng(moments).uniform(0, seconds, moments):
        engine = open_database(server_url, copies(sample_name))
        with engine.begin() as connection:
            connection.exec_driver_sql(INDEX_ALWAYS)
        process = begin(engine)
        time.sleep(moment)
        process.kill()
        process.join()
        killed += process.exitcode != 0
        if state(engine) == before:
            assert rows(engine, ANSWERS) == answers
        else:
            assert [row[2:] for row in rows(engine, ANSWERS)] == [row[2:] for row in whole]
        models = rows(engine, "select count(*) from recsys.models")[0][0]
        train(engine, Parameters(8, alpha=0.3, regularization=0.01), device="cpu")
        assert state(engine) == (*[models + 1] * 7, 2 * (models + 1))
    assert killed > 0
