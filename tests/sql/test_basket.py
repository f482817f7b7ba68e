"""recsys.recommend_for: lists for liked films alone, as a user gets who rates just these."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from tests.helpers.examples import examples
from tests.helpers.oracle import Catalogue, brute_force, call, check_list, filter_sets, rate

STRANGER = 10**12
films = st.lists(st.integers(1, 147), min_size=1, max_size=40)


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(liked=films, k=st.integers(1, 200), filters=filter_sets())
def test_a_basket_is_answered_as_a_new_user_who_rates_it(
    sample: Connection, liked: list[int], k: int, filters: dict[str, Any]
) -> None:
    answer = call(sample, "recommend_for", liked=liked, k=k, **filters)
    rate(sample, STRANGER, dict.fromkeys(liked, 5))
    user = call(sample, "recommend", user_id=STRANGER, k=k, rerank=False, **filters)
    sample.rollback()
    assert answer == [{**row, "predicted_rating": None} for row in user]


def test_the_vector_is_the_exact_one_and_liked_films_are_left_out(
    sample: Connection, catalogue: Catalogue
) -> None:
    liked = [3, 14, 15, 92, 65]
    answer = call(sample, "recommend_for", liked=liked, k=200)
    exact = catalogue.solved(liked)
    check_list(answer, brute_force(catalogue, catalogue.scores(exact), liked, {}), 200, "live")
    added = catalogue.contributions(liked, [row["movie_id"] for row in answer])
    assert answer[0]["because_movie_id"] in liked
    assert added.shape == (len(answer), len(liked))


def test_a_film_that_is_named_twice_counts_once(sample: Connection) -> None:
    once = call(sample, "recommend_for", liked=[7, 8, 9])
    assert call(sample, "recommend_for", liked=[9, 7, 8, 7, 9, 9]) == once


def test_without_an_equation_and_without_a_model_it_is_what_is_popular(
    sample: Connection,
) -> None:
    popular = [
        (row["movie_id"], row["score"])
        for row in call(sample, "popular", k=20, exclude_movies=[1, 2])
    ]
    sample.exec_driver_sql("update recsys.models set solve_diagonal = null, solve_ridge = null")
    fixed = call(sample, "recommend_for", liked=[1, 2], k=20)
    sample.exec_driver_sql("update recsys.models set activated_at = null")
    none = call(sample, "recommend_for", liked=[1, 2], k=20)
    for answer in (fixed, none):
        assert [(row["movie_id"], row["score"]) for row in answer] == popular
        assert {row["source"] for row in answer} == {"popular"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("'{1,9999}'", "unknown movie: 9999"),
        ("'{1,null}'", "unknown movie: null"),
        ("'{}'", "liked is '{}': name at least one film"),
        ("null", "liked is null: name at least one film"),
        ("'{1}', 0", "k is 0: it must be 1 or more"),
        ("'{1}', genres => '{Comdy}'", "unknown genre: 'Comdy'"),
        ("'{1}', model_id => 99", "unknown model: 99"),
    ],
)
def test_what_has_no_answer_is_refused(sample: Connection, arguments: str, says: str) -> None:
    with pytest.raises(DBAPIError) as caught:
        sample.exec_driver_sql(f"select recsys.recommend_for({arguments})")
    assert caught.value.orig.sqlstate == "22023"  # type: ignore[union-attr]
    assert caught.value.orig.diag.message_primary == says  # type: ignore[union-attr]


def test_it_writes_nothing(sample_engine: Engine) -> None:
    with sample_engine.connect() as connection:
        connection.exec_driver_sql("set transaction read only")
        assert len(call(connection, "recommend_for", liked=[1, 2, 3])) == 10
