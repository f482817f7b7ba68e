"""recsys.recommend and recsys.similar_movies against brute force in NumPy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from recsys.models.vectors import TrainedModel, write_model
from recsys.models.versions import activate_model
from tests.helpers.examples import examples
from tests.helpers.oracle import Catalogue, brute_force, call, check_list, filter_sets


@settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    user_id=st.integers(1, 1005),
    k=st.integers(1, 160),
    include_rated=st.booleans(),
    filters=filter_sets(),
)
def test_recommend_equals_brute_force(
    sample: Connection,
    catalogue: Catalogue,
    user_id: int,
    k: int,
    include_rated: bool,
    filters: dict[str, Any],
) -> None:
    """The retrieval alone; see test_ranker_answers.py for the lists that are put in order."""
    rows = call(
        sample, "recommend", user_id=user_id, k=k, include_rated=include_rated, rerank=False,
        **filters,
    )  # fmt: skip
    barred = () if include_rated else catalogue.ratings.get(user_id, ())
    user = catalogue.users.get(user_id)
    truth = {} if user is None else catalogue.scores(user)
    check_list(rows, brute_force(catalogue, truth, barred, filters), k)


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(movie_id=st.integers(1, 150), k=st.integers(1, 160), filters=filter_sets())
def test_similar_movies_equals_brute_force(
    sample: Connection, catalogue: Catalogue, movie_id: int, k: int, filters: dict[str, Any]
) -> None:
    rows = call(sample, "similar_movies", movie_id=movie_id, k=k, **filters)
    direction = catalogue.direction([movie_id])
    truth = {} if direction is None else catalogue.likeness(direction)
    check_list(rows, brute_force(catalogue, truth, [movie_id], filters), k)


@settings(
    max_examples=examples(20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 10_000), skew=st.sampled_from([0.0, 0.3, 1.0, 3.0]), k=st.integers(1, 40)
)
def test_the_norm_bound_never_costs_a_film(engine: Engine, seed: int, skew: float, k: int) -> None:
    """More films than the head of longest vectors, norms from equal to wildly different."""
    generator = np.random.default_rng(seed)
    movies = generator.normal(size=(700, 6)) * np.exp(skew * generator.normal(size=(700, 1)))
    user = generator.normal(size=(1, 6))
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title) select n, 'Film' || n "
            "from generate_series(1, 700) n on conflict do nothing"
        )
        model = TrainedModel(
            "test",
            np.array([7], dtype=np.int64),
            np.arange(1, 701, dtype=np.int64),
            user.astype(np.float32),
            movies.astype(np.float32),
            {},
            {},
            {},
            {},
            timedelta(0),
        )
        activate_model(connection, write_model(connection, model))
        rows = call(connection, "recommend", user_id=7, k=k)
        connection.rollback()
    scores = np.sort(movies @ user[0])[::-1][:k]
    assert [row["score"] for row in rows] == pytest.approx(scores, abs=2e-5 * np.abs(scores).max())


def test_a_new_rating_is_excluded_by_the_next_statement(sample: Connection) -> None:
    before = [row["movie_id"] for row in call(sample, "recommend", user_id=1, k=11, rerank=False)]
    sample.exec_driver_sql(
        "insert into recsys.ratings (user_id, movie_id, rating) values (1, %s, 1)", (before[0],)
    )
    after = call(sample, "recommend", user_id=1, rerank=False)
    assert [row["movie_id"] for row in after] == before[1:]
    # The default list, which the rating puts in another order, does without the film, too.
    ranked = call(sample, "recommend", user_id=1, k=100)
    assert before[0] not in {row["movie_id"] for row in ranked}


def test_columns_are_those_of_the_contract(sample: Connection) -> None:
    assert list(call(sample, "recommend", user_id=1)[0]) == [
        "rank", "movie_id", "title", "year", "genres", "score", "predicted_rating", "source",
        "because_movie_id", "because_title", "model_id", "variant",
    ]  # fmt: skip
    assert list(call(sample, "similar_movies", movie_id=1)[0]) == [
        "rank", "movie_id", "title", "year", "genres", "score", "source", "model_id",
    ]  # fmt: skip


def test_before_any_model_answers_are_popular(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title, popularity) "
            "values (1, 'A', 3), (2, 'B', 5), (3, 'C', 5)"
        )
        rows = call(connection, "recommend", user_id=1, k=5)
        assert [
            (row["movie_id"], row["score"], row["source"], row["model_id"]) for row in rows
        ] == [
            (2, 5, "popular", None),
            (3, 5, "popular", None),
            (1, 3, "popular", None),
        ]
        assert [row["source"] for row in call(connection, "similar_movies", movie_id=1)] == [
            "popular",
            "popular",
        ]


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        ("recommend", {"user_id": 1, "k": 0}, "k is 0"),
        ("recommend", {"user_id": 1, "k": None}, "k is null"),
        ("recommend", {"user_id": 1, "genres": ["Comedy", "Comdy"]}, "'Comdy'"),
        ("recommend", {"user_id": 1, "exclude_genres": ["Bad'; --"]}, "'Bad''; --'"),
        ("recommend", {"user_id": 1, "model_id": 77}, "77"),
        ("similar_movies", {"movie_id": 9999}, "9999"),
        ("similar_movies", {"movie_id": 1, "k": -1}, "k is -1"),
        ("search_titles", {"query": "  "}, "empty"),
    ],
)
def test_refusals_name_the_value(
    sample: Connection, function: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(DBAPIError) as caught:
        call(sample, function, **arguments)
    assert isinstance(caught.value.orig, psycopg.errors.InvalidParameterValue)  # 22023
    assert named in str(caught.value.orig)


def test_genres_are_found_in_any_case(sample: Connection) -> None:
    lower = call(sample, "recommend", user_id=1, genres=["film-noir"])
    assert lower == call(sample, "recommend", user_id=1, genres=["Film-Noir"])


def test_nulls_among_excluded_films_exclude_nothing(sample: Connection) -> None:
    plain = call(sample, "recommend", user_id=1)
    assert call(sample, "recommend", user_id=1, exclude_movies=[None]) == plain
    assert call(sample, "recommend", user_id=1, include_rated=None) == plain


def test_a_read_only_transaction_is_enough(sample: Connection) -> None:
    sample.exec_driver_sql("set transaction read only")
    assert len(call(sample, "recommend", user_id=1)) == 10
    assert len(call(sample, "similar_movies", movie_id=1)) == 10


def test_no_setting_is_left_behind(sample: Connection) -> None:
    def settings_now() -> list[Any]:
        return list(sample.exec_driver_sql("select name, setting from pg_settings order by name"))

    call(sample, "recommend", user_id=1)  # the first vector loads pgvector and its settings
    before = settings_now()
    call(sample, "recommend", user_id=1)
    assert settings_now() == before


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("the godfahter", "The Godfather"),
        ("Godfather, The", "The Godfather"),
        ("amelie", "Amélie"),
        ("heat 1995", "Heat"),
        ("y tu mama tambien", "Y Tu Mamá También"),
    ],
)
def test_titles_are_found(sample: Connection, query: str, title: str) -> None:
    assert call(sample, "search_titles", query=query, k=3)[0]["title"] == title


def test_the_sample_is_worth_recommending_from(sample: Connection, catalogue: Catalogue) -> None:
    """The planted tastes are learned: fans of a genre pair get more of it than others do."""
    rows = sample.exec_driver_sql("""
        with fans as (
            select r.user_id, avg((m.genres && '{Horror}')::int) as share
            from recsys.ratings r join recsys_bi.movies m using (movie_id)
            where r.rating >= 4 group by r.user_id
        ), ends as (
            (select user_id, true as fan from fans order by share desc, user_id limit 50)
            union all (select user_id, false from fans order by share, user_id limit 50)
        )
        select fan, avg((r.genres && '{Horror}')::int)::float
        from ends, recsys.recommend(ends.user_id, rerank => false) r group by fan order by fan
    """).all()
    others, fans = rows[0][1], rows[1][1]
    assert fans > 3 * others
