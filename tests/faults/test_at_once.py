"""Two works at once on one database: each ends whole or in one line, and nothing is half."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import Engine

from recsys.database.errors import reported_errors
from recsys.database.views import refresh
from recsys.errors import InvalidRequest, RecsysError
from recsys.loading.load import load
from recsys.models.lists import recommend_all
from recsys.models.versions import activate_model, active_model, drop_model
from recsys.parameters import Parameters
from recsys.sources import open_source
from recsys.training.train import train

QUICK = Parameters(factors=4, epochs=1, alpha=0.3, regularization=0.01)
OLDEST = "select coalesce(min(model_id), 0) from recsys.models"
# What must not be there, whichever of the two came first.
HALF = """
    select 'films of ratings', count(*) from recsys.ratings r
        left join recsys.movies m using (movie_id) where m.movie_id is null
    union all select 'films of lists', count(*) from recsys.recommendations r
        left join recsys.movies m using (movie_id) where m.movie_id is null
    union all select 'counts', count(*) from recsys.movies m
        where m.rating_count <> (select count(*) from recsys.ratings r where r.movie_id = m.movie_id)
    union all select 'models of vectors', count(*) from recsys.movie_vectors v
        left join recsys.models m using (model_id) where m.model_id is null
    union all select 'vectors of models', count(*) from recsys.models m
        where not exists (select from recsys.movie_vectors v where v.model_id = m.model_id)
    union all select 'sessions', count(*) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()
"""


def oldest(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(OLDEST).scalar_one())


def merge(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("select recsys.merge_movies(1, 2)")


def activate(engine: Engine) -> None:
    with engine.begin() as connection:
        activate_model(connection, oldest(engine))


def drop(engine: Engine) -> None:
    with engine.begin() as connection:
        drop_model(connection, oldest(engine))


WORKS: dict[str, Callable[[Engine], object]] = {
    "load": lambda engine: load(engine, open_source("sample")),
    "replace": lambda engine: load(engine, open_source("sample"), replace_all=True),
    "train": lambda engine: train(engine, QUICK, device="cpu"),
    "lists": lambda engine: recommend_all(engine, 3),
    "refresh": refresh,
    "merge": merge,
    "activate": activate,
    "drop": drop,
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "pair",
    [
        "load load",
        "load replace",
        "load merge",
        "load train",
        "replace train",
        "replace lists",
        "replace refresh",
        "replace activate",
        "train merge",
        "train lists",
        "activate drop",
        "activate activate",
        "drop drop",
    ],
)
def test_two_at_once(sample_engine: Engine, pair: str) -> None:
    train(sample_engine, QUICK, device="cpu")  # so that there is one to drop
    together = Barrier(2)

    def run(work: str) -> str:
        together.wait()
        try:
            with reported_errors():
                WORKS[work](sample_engine)
        except RecsysError as error:
            return str(error)
        return "done"

    with ThreadPoolExecutor(2) as threads:
        ends = list(threads.map(run, pair.split(), timeout=120))
    assert "done" in ends, ends
    assert all(len(end.splitlines()) == 1 and "deadlock" not in end for end in ends), ends
    with sample_engine.connect() as connection:
        found = {row[0]: row[1] for row in connection.exec_driver_sql(HALF)}
        assert not any(found.values()), (found, ends)
        models = connection.exec_driver_sql("select count(*) from recsys.models").scalar()
        assert (active_model(connection) is None) == (models == 0)
        assert len(connection.exec_driver_sql("select recsys.recommend(1)").all()) == 10


def test_a_model_that_is_being_activated_is_not_dropped(sample_engine: Engine) -> None:
    first = oldest(sample_engine)
    train(sample_engine, QUICK, device="cpu")
    with sample_engine.connect() as activating, ThreadPoolExecutor() as threads:
        activate_model(activating, first)
        dropping = threads.submit(drop, sample_engine)
        with pytest.raises(TimeoutError):
            dropping.result(timeout=1)
        activating.commit()
        with pytest.raises(InvalidRequest, match="is the active one"):
            dropping.result(timeout=60)
        assert active_model(activating) == first


def test_without_the_active_model_the_one_before_answers(sample_engine: Engine) -> None:
    """An administrator may delete it, though `recsys models drop` does not."""
    first = oldest(sample_engine)
    second = train(sample_engine, QUICK, device="cpu")
    for deleted, answering in ((second, first), (first, None)):
        with sample_engine.begin() as connection:
            connection.exec_driver_sql("delete from recsys.models where model_id = %s", (deleted,))
            found = connection.exec_driver_sql(
                "select distinct model_id, source in ('popular') from recsys.recommend(1)"
            ).all()
            assert found == [(answering, answering is None)]
