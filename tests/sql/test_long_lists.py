"""What is bounded in long answers: reasons, diversity, and lists of films to leave out."""

from __future__ import annotations

from typing import Any

import numpy as np
import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from tests.helpers.oracle import Catalogue, call, read_catalogue

ALL = 10_000
EXPLAINED = 500  # films of a list
CHOSEN, POOLED = 300, 1000  # by diversity, of the best


@pytest.fixture
def wide(sample: Connection) -> Connection:
    """The sample nine times over: films as it has, under other numbers, a little less good."""
    sample.exec_driver_sql("set local recsys.bulk = on")
    for statement in (
        "insert into recsys.movies (movie_id, title)"
        " select movie_id + 1000 * n, title || n from recsys.movies, generate_series(1, 8) n",
        "insert into recsys.movie_vectors (model_id, movie_id, embedding, norm, content)"
        " select model_id, movie_id + 1000 * n, embedding, norm, content"
        " from recsys.movie_vectors, generate_series(1, 8) n",
        "insert into recsys.order_films (model_id, movie_id, liked, rated, outward, age)"
        " select model_id, movie_id + 1000 * n, liked, rated, outward, age"
        " from recsys.order_films, generate_series(1, 8) n",
    ):
        sample.exec_driver_sql(statement)
    return sample


@pytest.mark.parametrize(
    ("function", "who"),
    [
        ("recommend", {"user_id": 4}),
        ("recommend", {"user_id": 4, "rerank": False}),
        pytest.param("recommend_group", {"user_ids": [4, 5, 6]}, marks=pytest.mark.slow),
        ("recommend_group", {"user_ids": [4, 5, 6], "strategy": "least_misery"}),
    ],
)
def test_the_first_films_have_reasons(wide: Connection, function: str, who: dict[str, Any]) -> None:
    rows = call(wide, function, k=ALL, **who)
    assert len(rows) > EXPLAINED + 100
    assert rows[:EXPLAINED] == call(wide, function, k=EXPLAINED, **who)
    named = [row["rank"] for row in rows if row["because_title"] is not None]
    assert EXPLAINED - 50 < max(named) <= EXPLAINED


def test_the_first_films_are_unlike_and_the_others_keep_their_order(wide: Connection) -> None:
    diversity = 0.5
    catalogue = read_catalogue(wide)
    plain = call(wide, "recommend", user_id=4, k=ALL, rerank=False)
    rows = call(wide, "recommend", user_id=4, k=ALL, rerank=False, diversity=diversity)
    assert [row["rank"] for row in rows] == list(range(1, len(plain) + 1))
    ids = [row["movie_id"] for row in plain if row["source"] != "popular"]
    assert len(ids) > POOLED
    scores = np.array([row["score"] for row in plain[:POOLED]])
    relevance = (scores - min(scores.min(), 0)) / (scores.max() - min(scores.min(), 0))
    units = catalogue.unit[[catalogue.row[m] for m in ids[:POOLED]]]
    nearest, left = np.zeros(POOLED), np.full(POOLED, True)
    for place in range(CHOSEN):
        worth = (1 - diversity) * relevance - diversity * nearest
        chosen = ids.index(rows[place]["movie_id"])
        assert left[chosen]
        assert worth[chosen] >= worth[left].max() - 1e-5
        likeness = units @ units[chosen]
        nearest = np.maximum(nearest, likeness) if place else likeness
        left[chosen] = False
    first = {row["movie_id"] for row in rows[:CHOSEN]}
    rest = [row["movie_id"] for row in plain if row["movie_id"] not in first]
    assert [row["movie_id"] for row in rows[CHOSEN:]] == rest
    shorter = call(wide, "recommend", user_id=4, k=CHOSEN + 20, rerank=False, diversity=diversity)
    assert [row["movie_id"] for row in shorter[CHOSEN:]] == [
        m for m in ids if m not in {row["movie_id"] for row in shorter[:CHOSEN]}
    ][:20]


@pytest.mark.parametrize(
    ("function", "who"),
    [("recommend", {"user_id": 4}), ("similar_movies", {"movie_id": 4}), ("popular", {})],
)
def test_very_many_films_are_left_out(
    sample: Connection, catalogue: Catalogue, function: str, who: dict[str, Any]
) -> None:
    """Unknown ones, nulls and several dimensions do no harm."""
    known = catalogue.movie_ids[20:60].tolist()
    many = [*range(10**6, 10**6 + 20_000), None, *known, *known, None]
    few = call(sample, function, k=ALL, exclude_movies=known, **who)
    assert not {row["movie_id"] for row in few} & set(known)
    assert call(sample, function, k=ALL, exclude_movies=many, **who) == few
    square = [many[: len(many) // 2], many[len(many) // 2 :]]
    assert call(sample, function, k=ALL, exclude_movies=square, **who) == few


def test_a_long_answer_ends_by_the_servers_time_limit(sample: Connection) -> None:
    sample.exec_driver_sql("set local statement_timeout = '30ms'")
    with pytest.raises(OperationalError) as raised:
        sample.exec_driver_sql(
            "select count(*) from recsys.recommend_group(array("
            "select u from generate_series(1000000, 1500000) u))"
        )
    assert isinstance(raised.value.orig, psycopg.errors.QueryCanceled)
