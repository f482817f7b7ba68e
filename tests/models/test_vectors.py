"""Models in the tables: writing, activation, rollback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Connection, Engine

from recsys.errors import InvalidRequest, TrainingError
from recsys.models import versions
from recsys.models.vectors import write_model
from recsys.models.versions import activate_model, drop_model, reclaim_space
from tests.helpers.models import a_model


@pytest.fixture
def three_films(engine: Engine) -> Engine:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title) values (1, 'A'), (2, 'B'), (3, 'C')"
        )
    return engine


def best(connection: Connection) -> list[int]:
    found = connection.exec_driver_sql("select movie_id from recsys.recommend(1) order by rank")
    return [row[0] for row in found]


def test_activation_switches_and_rolls_back(three_films: Engine) -> None:
    user, items = np.array([[1.0, 0]]), np.array([[3.0, 0], [2, 0], [1, 0]])
    with three_films.begin() as connection:
        old = write_model(connection, a_model(user, items))
        assert versions.active_model(connection) is None
        activate_model(connection, old)
        new = write_model(connection, a_model(user, items[::-1]))
        assert best(connection) == [1, 2, 3]  # not activated yet
        activate_model(connection, new)
        assert best(connection) == [3, 2, 1]
        activate_model(connection, old)
        assert best(connection) == [1, 2, 3]
        rows = versions.list_models(connection)
        assert [(row.model_id, row.active) for row in rows] == [(new, False), (old, True)]


def test_readers_keep_the_old_model_until_the_new_one_is_committed(three_films: Engine) -> None:
    user, items = np.array([[1.0, 0]]), np.array([[3.0, 0], [2, 0], [1, 0]])
    with three_films.begin() as connection:
        activate_model(connection, write_model(connection, a_model(user, items)))
    with three_films.begin() as writer, three_films.connect() as reader:
        activate_model(writer, write_model(writer, a_model(user, items[::-1])))
        assert best(reader) == [1, 2, 3]
        writer.commit()
        assert best(reader) == [3, 2, 1]


def test_dropping(three_films: Engine) -> None:
    with three_films.begin() as connection:
        old = write_model(connection, a_model(np.ones((1, 2)), np.eye(3)[:, :2]))
        new = write_model(connection, a_model(np.ones((1, 2)), np.eye(3)[:, :2]))
        activate_model(connection, new)
        for model_id in (old, new):
            connection.exec_driver_sql("select recsys_internal.index_model(%s, true)", (model_id,))
        drop_model(connection, old)
        indexes = connection.exec_driver_sql(
            "select indexname from pg_indexes where indexdef like '%%hnsw%%' order by 1"
        )
        measures = ("likeness", "score")
        assert indexes.scalars().all() == [f"ix_movie_vectors_{m}_{new}" for m in measures]
        left = connection.exec_driver_sql("select distinct model_id from recsys.movie_vectors")
        assert left.scalars().all() == [new]
        with pytest.raises(InvalidRequest, match="active"):
            drop_model(connection, new)


def test_the_next_model_has_the_room_of_dropped_ones(three_films: Engine) -> None:
    size = "select pg_relation_size('recsys.user_vectors')"
    users, sizes = np.random.default_rng(0).random((2000, 50)), list[int]()
    for _ in range(4):
        with three_films.begin() as connection:
            new = write_model(connection, a_model(users, np.random.default_rng(1).random((3, 50))))
            activate_model(connection, new)
        with three_films.begin() as connection:
            if sizes:
                drop_model(connection, new - 1)
        reclaim_space(three_films)
        with three_films.connect() as connection:
            sizes.append(connection.exec_driver_sql(size).scalar_one())
    assert sizes[3] <= sizes[1] <= 2.2 * sizes[0]


@pytest.mark.parametrize("call", [activate_model, drop_model, versions.show_model])
def test_unknown_models_are_named(
    engine: Engine, call: Callable[[Connection, int], object]
) -> None:
    with engine.connect() as connection, pytest.raises(InvalidRequest, match="99"):
        call(connection, 99)


def test_a_zero_user_is_not_stored_and_gets_popular_films(three_films: Engine) -> None:
    with three_films.begin() as connection:
        model = a_model(np.array([[0.0, 0], [1, 0]]), np.array([[3.0, 0], [2, 0], [1, 0]]))
        activate_model(connection, write_model(connection, model))
        sources = connection.exec_driver_sql("select distinct source from recsys.recommend(1)")
        assert sources.scalars().all() == ["popular"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_diverged_model_is_refused(three_films: Engine, bad: float) -> None:
    model = a_model(np.ones((1, 2)), np.array([[bad, 0], [1, 0], [1, 1]]))
    with three_films.begin() as connection, pytest.raises(TrainingError, match="diverged"):
        write_model(connection, model)
    zero = replace(model, movies=np.zeros((3, 2), dtype=np.float32))
    with three_films.begin() as connection, pytest.raises(TrainingError, match="learned nothing"):
        write_model(connection, zero)


def test_what_is_too_small_for_products_in_single_precision_is_zero(three_films: Engine) -> None:
    """Directions that died out in training leave such numbers; pgvector refuses to multiply them."""
    users = np.array([[1, 1e-30, 0], [1e-9, 1e-12, 1e-9]])
    movies = np.array([[1, 1e-25, 1e-3], [0.1, 1e-6, 1e-28], [1e-5, 1e-20, 1e-5]])
    with three_films.begin() as connection:
        write_model(connection, a_model(users, movies))
        smallest, products = connection.exec_driver_sql("""
            select min(abs(e)) filter (where e <> 0), (
                select count(u.embedding * m.embedding)
                from recsys.user_vectors u, recsys.movie_vectors m)
            from (
                select unnest(embedding::real[]) from recsys.user_vectors
                union all select unnest(embedding::real[]) from recsys.movie_vectors
            ) stored (e)
        """).one()
    assert smallest > 1e-15
    assert products == 6
