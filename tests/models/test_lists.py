"""`recsys recommend --all`: the rows of the table are those that the function gives."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from recsys.errors import InvalidRequest
from recsys.learning import retrieval
from recsys.learning.retrieval import best
from recsys.models import orders
from recsys.models.lists import recommend_all
from tests.helpers.examples import examples
from tests.helpers.lists import assert_same, leave_some_users
from tests.helpers.order_oracle import teach


@pytest.mark.parametrize(
    ("k", "order"),
    [(10, "learned"), (55, "learned"), (90, "learned"), (90, "plain"), (90, "retrieval"),
     (10, "popular")],
)  # fmt: skip
def test_the_rows_are_those_of_the_function(
    sample_engine: Engine, k: int, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an order of 60 films, which makes lists of up to 60 itself, or of 100."""
    monkeypatch.setattr(orders, "USERS_A_CHUNK", 30)
    with sample_engine.begin() as connection:
        run = connection.exec_driver_sql
        if k > 10:
            leave_some_users(connection)
        if order == "learned":
            teach(connection)
        else:
            run("update recsys.orders set name = %s", (order,))
        run("insert into recsys.users (user_id, name) values (5000, 'has rated nothing')")
        # Live ones: one film more, one less, a new user; and one who has rated nearly all.
        run(
            "insert into recsys.ratings (user_id, movie_id, rating) "
            "select 1, movie_id, 5 from recsys.movies where movie_id not in "
            "(select movie_id from recsys.ratings where user_id = 1) limit 1"
        )
        run(
            "delete from recsys.ratings where ctid in "
            "(select ctid from recsys.ratings where user_id = 2 and rating >= 4 limit 1)"
        )
        run("insert into recsys.ratings (user_id, movie_id, rating) values (6000, 1, 5)")
        run(
            "insert into recsys.ratings (user_id, movie_id, rating) "
            "select 3, movie_id, 1 from recsys.movies where movie_id > 8 on conflict do nothing"
        )
        # The retrieval knows likes alone, but all that is rated counts in the order.
        run(
            "insert into recsys.ratings (user_id, movie_id, rating) "
            "select 5, movie_id, 0.5 from recsys.movies where movie_id not in "
            "(select movie_id from recsys.ratings where user_id = 5) limit 1"
        )
        run("update recsys.ratings set rated_at = '9999-12-30Z' where user_id = 6")
        run(
            "update recsys.ratings set rated_at = '0001-01-02Z' where user_id = 7 and movie_id < 40"
        )
        # As a film is that came after the training, or was popular then and is not now.
        run("delete from recsys.order_films where movie_id in (11, 12, 13)")
        run("update recsys.movies set popularity = 0, liked_count = 0 where movie_id = 14")
    done: list[tuple[object, ...]] = []
    users = recommend_all(sample_engine, k, lambda *counts: done.append(counts))
    assert done[-1] == ("recommending", users, users)
    with sample_engine.connect() as connection:
        assert_same(connection, k)
        sources = connection.exec_driver_sql(
            "select user_id, array_agg(distinct source order by source) from recsys.recommendations"
            " where user_id in (1, 2, 3, 4, 5000, 6000) and source <> 'content'"
            " group by 1 order by 1"
        ).all()
    wanted = ["live", "live", "personal", "personal", "popular", "live"]
    assert [row[1][0] for row in sources] == (["popular"] * 6 if order == "popular" else wanted)


def test_a_second_run_replaces_the_first_and_a_broken_one_does_nothing(
    sample_engine: Engine,
) -> None:
    def made() -> list[tuple[datetime, int]]:
        with sample_engine.connect() as connection:
            return [
                (row[0], row[1])
                for row in connection.exec_driver_sql(
                    "select made_at, count(*) from recsys.recommendations group by 1"
                )
            ]

    recommend_all(sample_engine, 3)
    first = made()

    def stop(what: str, done: int, of: int | None = None, note: str = "") -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recommend_all(sample_engine, 4, stop)
    assert made() == first
    recommend_all(sample_engine, 5)
    second = made()
    assert len(first) == len(second) == 1
    assert second[0][0] > first[0][0]
    assert second[0][1] * 3 == first[0][1] * 5


def test_before_any_model_everybody_gets_popular_films(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.movies (movie_id, title) values (1, 'A')")
        connection.exec_driver_sql("insert into recsys.users (user_id) values (7)")
    assert recommend_all(engine) == 1
    with engine.connect() as connection:
        assert_same(connection, 10)
    with pytest.raises(InvalidRequest, match="k is 0"):
        recommend_all(engine, 0)


@settings(max_examples=examples(60), deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 30), block=st.integers(1, 60))
def test_the_best_films_are_brute_forces(seed: int, k: int, block: int) -> None:
    generator = np.random.default_rng(seed)
    films = generator.normal(size=(50, 4)) * np.exp(generator.normal(size=(50, 1)))
    films = films[np.argsort(-np.linalg.norm(films, axis=1))].astype(np.float32)
    users = generator.normal(size=(7, 4)).astype(np.float32)
    barred = generator.random((7, 50)) < generator.random()
    rows, columns = np.nonzero(barred)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "FILMS_A_BLOCK", block)
        scores, places = best(
            torch.from_numpy(users),
            torch.from_numpy(films),
            torch.from_numpy(np.linalg.norm(films, axis=1)),
            torch.from_numpy(rows),
            torch.from_numpy(columns),
            k,
        )
    true = np.where(barred, -np.inf, users @ films.T)
    expected = -np.sort(-true, axis=1)[:, :k]
    assert scores.numpy()[:, : expected.shape[1]] == pytest.approx(expected, abs=1e-5)
    assert np.isneginf(scores.numpy()[:, expected.shape[1] :]).all()
    taken = np.take_along_axis(true, places.numpy(), axis=1)
    finite = np.isfinite(scores.numpy())
    assert taken[finite] == pytest.approx(scores.numpy()[finite], abs=1e-5)
