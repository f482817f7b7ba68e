"""Predicted stars, against the ranker by brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from recsys.database.tables import metadata
from recsys.models.vectors import write_model
from recsys.models.versions import activate_model
from recsys.parameters import Parameters
from recsys.training.data import read
from recsys.training.learn import fit_model
from tests.helpers.examples import examples
from tests.helpers.oracle import (
    Catalogue,
    brute_force,
    call,
    filter_sets,
    passes,
    rate,
)
from tests.helpers.ranker_oracle import Ranker, ratings_of

STRANGER = 10**12
CLOSE = 1e-4
NEW = 900_001

relaxed = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
users = st.one_of(st.integers(1, 1005), st.just(STRANGER))
additions = st.dictionaries(
    st.integers(1, 150), st.sampled_from([0.5, 1.5, 3.0, 4.0, 5.0]), max_size=30
)


def check_stars(rows: list[dict[str, Any]], stars: dict[int, float]) -> None:
    assert [row["predicted_rating"] for row in rows] == pytest.approx(
        [stars[row["movie_id"]] for row in rows], abs=CLOSE
    )
    assert all(0.5 <= row["predicted_rating"] <= 5 for row in rows)


@relaxed
@given(
    user_id=users,
    added=st.one_of(st.just({}), additions),
    k=st.integers(1, 160),
    rerank=st.booleans(),
    include_rated=st.booleans(),
    filters=filter_sets(),
)
def test_recommend_predicts_what_brute_force_does(
    sample: Connection,
    catalogue: Catalogue,
    user_id: int,
    added: dict[int, float],
    k: int,
    rerank: bool,
    include_rated: bool,
    filters: dict[str, Any],
) -> None:
    """For users as they were, who have just rated, or without ratings."""
    try:
        ranker = Ranker(sample, catalogue.model_id)
        rate(sample, user_id, added)
        rows = call(
            sample, "recommend", user_id=user_id, k=k, include_rated=include_rated, rerank=rerank,
            **filters,
        )  # fmt: skip
        stars = ranker.stars(ranker.rater(ratings_of(sample, user_id)))
    finally:
        sample.rollback()
    barred = () if include_rated else catalogue.ratings.get(user_id, {}) | added
    everything = brute_force(catalogue, {}, barred, filters)
    assert len(rows) == min(k, len(everything))  # the films that are put in order cost none
    check_stars(rows, stars)


@pytest.mark.parametrize("change", ["delete", "change the stars", "another film"])
def test_other_ratings_are_noticed(sample: Connection, catalogue: Catalogue, change: str) -> None:
    """Deleted; as many films with other stars; as many stars on other films."""
    ranker = Ranker(sample, catalogue.model_id)
    rated = catalogue.ratings[5]
    film, other = next(iter(rated)), next(m for m in catalogue.films if m not in rated)
    before = ranker.stars(ranker.rater(ratings_of(sample, 5)))
    if change == "change the stars":
        rate(sample, 5, {film: 5 if rated[film] < 3 else 0.5})
    else:
        sample.exec_driver_sql(
            "delete from recsys.ratings where user_id = 5 and movie_id = %s", (film,)
        )
    if change == "another film":
        rate(sample, 5, {other: rated[film]})
    stars = ranker.stars(ranker.rater(ratings_of(sample, 5)))
    assert max(abs(stars[m] - before[m]) for m in stars) > 10 * CLOSE
    check_stars(call(sample, "score_movies", user_id=5, movie_ids=list(stars)), stars)


@pytest.mark.parametrize("when", ["9999-12-30Z", "0001-01-02Z", "2005-02-28"])
def test_times_of_ratings_count_as_far_as_those_learned_from(
    sample: Connection, catalogue: Catalogue, when: str
) -> None:
    ranker = Ranker(sample, catalogue.model_id)
    sample.exec_driver_sql("update recsys.ratings set rated_at = %s where user_id = 5", (when,))
    stars = ranker.stars(ranker.rater(ratings_of(sample, 5)))
    check_stars(call(sample, "score_movies", user_id=5, movie_ids=list(stars)), stars)


@relaxed
@given(user_id=users, movie_ids=st.lists(st.integers(1, 150), max_size=60), added=additions)
def test_score_movies_predicts_the_same(
    sample: Connection,
    catalogue: Catalogue,
    user_id: int,
    movie_ids: list[int],
    added: dict[int, float],
) -> None:
    """Films named twice are answered once."""
    try:
        ranker = Ranker(sample, catalogue.model_id)
        rate(sample, user_id, added)
        rows = call(sample, "score_movies", user_id=user_id, movie_ids=movie_ids * 2)
        stars = ranker.stars(ranker.rater(ratings_of(sample, user_id)))
    finally:
        sample.rollback()
    assert sorted(row["movie_id"] for row in rows) == sorted(set(movie_ids))
    check_stars(rows, stars)


@pytest.mark.parametrize(("strategy", "combine"), [("mean", np.mean), ("least_misery", np.min)])
@pytest.mark.parametrize("k", [12, 160])
def test_a_group_is_predicted_what_its_members_are(
    sample: Connection, catalogue: Catalogue, strategy: str, combine: Any, k: int
) -> None:
    """Popular films that fill the list, too; a member of whom nothing is known has no say."""
    rate(sample, STRANGER, {3: 4.0, 9: 1.5})
    members = [1, 2, STRANGER]
    movie_ids = list(catalogue.films)
    of_members = [
        {r["movie_id"]: r["predicted_rating"] for r in rows}
        for rows in (
            call(sample, "score_movies", user_id=user, movie_ids=movie_ids) for user in members
        )
    ]
    rows = call(sample, "recommend_group", user_ids=[*members, 1, -7], strategy=strategy, k=k)
    expected = {m: float(combine([stars[m] for stars in of_members])) for m in movie_ids}
    check_stars(rows, expected)


def test_a_group_of_strangers_is_predicted_what_a_stranger_is(
    sample: Connection, catalogue: Catalogue
) -> None:
    ranker = Ranker(sample, catalogue.model_id)
    rows = call(sample, "recommend_group", user_ids=[-7, -8])
    check_stars(rows, ranker.stars(ranker.rater([])))


def test_a_model_without_a_ranker_predicts_nothing(
    sample: Connection, catalogue: Catalogue
) -> None:
    """As a model from elsewhere, which has no order either."""
    with_one = call(sample, "recommend", user_id=1, k=160, rerank=False)
    sample.exec_driver_sql("delete from recsys.rankers")
    rows = call(sample, "recommend", user_id=1, k=160, rerank=False)
    assert rows == [row | {"predicted_rating": None} for row in with_one]
    sample.exec_driver_sql("delete from recsys.orders")
    without = {"because_movie_id": None, "because_title": None}
    for rerank in (True, False):
        answer = call(sample, "recommend", user_id=1, k=160, rerank=rerank)
        assert answer == [row | without for row in rows]
    others = [
        *call(sample, "score_movies", user_id=1, movie_ids=[1, 2]),
        *call(sample, "recommend_group", user_ids=[1, 2]),
        *call(sample, "recommend", user_id=STRANGER),
    ]
    assert {row["predicted_rating"] for row in others} == {None}
    for table in ("units", "films", "terms", "users"):
        found = sample.exec_driver_sql(f"select count(*) from recsys.ranker_{table}")
        assert found.scalar_one() == 0


def test_another_model_brings_its_own_ranker(sample: Connection, catalogue: Catalogue) -> None:
    parameters = Parameters(factors=6, epochs=2, alpha=0.7, regularization=0.05)
    other = write_model(sample, fit_model(read(sample, 3.0), parameters))
    for table, changed in (
        ("rankers", {"mean": "mean - 0.5"}),
        ("ranker_units", {}),
        ("ranker_films", {}),
        ("ranker_terms", {}),
    ):
        columns = [column.name for column in metadata.tables[f"recsys.{table}"].columns]
        values = {name: name for name in columns} | {"model_id": str(other)} | changed
        sample.exec_driver_sql(
            f"insert into recsys.{table} ({', '.join(columns)}) "
            f"select {', '.join(values[name] for name in columns)} from recsys.{table}"
        )
    rated = ratings_of(sample, 1)
    first, second = (Ranker(sample, model_id) for model_id in (catalogue.model_id, other))
    stars, others = (one.stars(one.rater(rated)) for one in (first, second))
    assert max(abs(others[m] - stars[m]) for m in stars) > 10 * CLOSE
    asked = {"user_id": 1, "movie_ids": list(stars)}
    check_stars(call(sample, "score_movies", **asked), stars)
    check_stars(call(sample, "score_movies", **asked, model_id=other), others)
    check_stars(call(sample, "recommend", user_id=1, model_id=other), others)
    activate_model(sample, other)
    check_stars(call(sample, "score_movies", **asked), others)
    check_stars(call(sample, "recommend", user_id=1), others)
    check_stars(call(sample, "recommend_group", user_ids=[1]), others)


@pytest.mark.parametrize("year", [None, 1931, 2024])
@pytest.mark.parametrize("genres", [set(), {"Comedy"}, {"Drama", "Western", "Invented"}])
def test_a_film_that_came_later_is_predicted_by_its_terms(
    sample: Connection, catalogue: Catalogue, year: int | None, genres: set[str]
) -> None:
    run = sample.exec_driver_sql
    run("insert into recsys.movies (movie_id, title, year) values (%s, 'New', %s)", (NEW, year))
    run("insert into recsys.genres (name) values ('Invented')")
    run(
        "insert into recsys.movie_genres (movie_id, genre_id) "
        "select %s, genre_id from recsys.genres where name = any (%s)",
        (NEW, list(genres)),
    )
    ranker = Ranker(sample, catalogue.model_id)
    for user_id in (1, STRANGER):
        rater = ranker.rater(ratings_of(sample, user_id))
        stars = ranker.stars_of(rater, ranker.expected(year, genres))
        [row] = call(sample, "score_movies", user_id=user_id, movie_ids=[NEW])
        check_stars([row], {NEW: stars})
        rows = call(sample, "recommend", user_id=user_id, k=1000)
        check_stars([row for row in rows if row["movie_id"] == NEW], {NEW: stars})
        assert NEW in {row["movie_id"] for row in rows}
    rate(sample, STRANGER, {NEW: 2, 5: 4})  # its stars count in the facts alone
    stars_now = ranker.stars(ranker.rater(ratings_of(sample, STRANGER)))
    check_stars(
        call(sample, "score_movies", user_id=STRANGER, movie_ids=list(stars_now)), stars_now
    )


def test_terms_say_what_a_film_without_ratings_has(
    sample: Connection, catalogue: Catalogue
) -> None:
    """Genres, year and constant are what the training writes for the films that it knows."""
    ranker = Ranker(sample, catalogue.model_id)
    n = len(next(iter(ranker.spread.values())))
    for movie_id, film in list(catalogue.films.items())[:20]:
        expected = ranker.expected(film.year, film.genres)
        learned = ranker.features[movie_id]
        # After them come popularity and time, which ratings say, the constant, and the bias.
        known = slice(n, len(learned) - 4)
        assert expected[known] == pytest.approx(learned[known], abs=CLOSE)
        assert expected[-2] == learned[-2] == 1


@relaxed
@given(k=st.integers(1, 160), filters=filter_sets())
def test_filters_still_let_k_films_through(
    sample: Connection, catalogue: Catalogue, k: int, filters: dict[str, Any]
) -> None:
    rows = call(sample, "recommend", user_id=1, k=k, **filters)
    allowed = {
        m
        for m, film in catalogue.films.items()
        if m not in catalogue.ratings[1] and passes(film, m, filters)
    }
    assert len(rows) == min(k, len(allowed))
    assert {row["movie_id"] for row in rows} <= allowed


def test_a_read_only_transaction_is_enough(sample_engine: Engine) -> None:
    with sample_engine.begin() as connection:
        rate(connection, STRANGER, {1: 4, 2: 5, 3: 1})
        rate(connection, 1, {5: 5})
    with sample_engine.connect() as connection:
        connection.exec_driver_sql("set transaction read only")
        for user_id in (1, 2, STRANGER, -7):
            answers = [
                call(connection, "recommend", user_id=user_id),
                call(connection, "recommend", user_id=user_id, diversity=0.5),
                call(connection, "recommend_group", user_ids=[user_id, 3]),
                call(connection, "score_movies", user_id=user_id, movie_ids=[1, 2]),
            ]
            assert all(row["predicted_rating"] for rows in answers for row in rows)
