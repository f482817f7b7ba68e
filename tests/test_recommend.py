"""recsys.recommend and recsys.similar_movies against brute force in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgvector import Vector
from recsys.vectors import TrainedModel, activate_model, write_model
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

GENRES = ["Action", "Comedy", "Drama", "Film-Noir", "Western"]


@dataclass
class Catalogue:
    """Everything that brute force needs, read once."""

    films: dict[int, tuple[int, set[str], int, int]]  # year, genres, rating_count, liked_count
    rated: dict[int, set[int]]
    vectors: dict[int, np.ndarray]
    users: dict[int, np.ndarray]
    norm: float
    factors: int


@pytest.fixture(scope="module")
def catalogue(server_url: Any, sample_name: str) -> Catalogue:
    from conftest import open_database

    def parse(value: str) -> np.ndarray:
        return Vector.from_text(value).to_numpy().astype(np.float64)

    with open_database(server_url, sample_name).connect() as connection:
        films = {
            row[0]: (row[1], set(row[2]), row[3], row[4])
            for row in connection.exec_driver_sql(
                "select movie_id, year, genres, rating_count, liked_count from recsys_bi.movies"
            )
        }
        rated: dict[int, set[int]] = {}
        for user_id, movie_id in connection.exec_driver_sql(
            "select user_id, movie_id from recsys.ratings"
        ):
            rated.setdefault(user_id, set()).add(movie_id)
        vectors, users = (
            {
                row[0]: parse(row[1])
                for row in connection.exec_driver_sql(f"select {key}, embedding::text from {table}")
            }
            for key, table in (
                ("movie_id", "recsys.movie_vectors"),
                ("user_id", "recsys.user_vectors"),
            )
        )
        norm, factors = connection.exec_driver_sql(
            "select item_norm, factors from recsys.models"
        ).one()
    return Catalogue(films, rated, vectors, users, norm, factors)


def passes(catalogue: Catalogue, movie_id: int, filters: dict[str, Any]) -> bool:
    year, genres, rating_count, _ = catalogue.films[movie_id]
    return (
        ("genres" not in filters or bool(genres & set(filters["genres"])))
        and not genres & set(filters.get("exclude_genres", ()))
        and year >= filters.get("year_from", 0)
        and year <= filters.get("year_to", 9999)
        and rating_count >= filters.get("min_ratings", 0)
        and movie_id not in filters.get("exclude_movies", ())
    )


def brute_force(
    catalogue: Catalogue, user_id: int, k: int, include_rated: bool, filters: dict[str, Any]
) -> list[tuple[int, float, str]]:
    """Personal films by dot product, then popular ones: (movie_id, score, source)."""
    barred = set() if include_rated else catalogue.rated.get(user_id, set())
    allowed = [m for m in catalogue.films if m not in barred and passes(catalogue, m, filters)]
    user = catalogue.users.get(user_id)
    personal = []
    if user is not None:
        personal = [
            (m, float(catalogue.vectors[m] @ user) * catalogue.norm, "personal")
            for m in allowed
            if m in catalogue.vectors
        ]
    personal.sort(key=lambda row: (-row[1], row[0]))
    known = {row[0] for row in personal}
    popular = [(m, float(catalogue.films[m][3]), "popular") for m in allowed if m not in known]
    popular.sort(key=lambda row: (-row[1], row[0]))
    return (personal + popular)[:k]


def call(connection: Connection, function: str, **arguments: Any) -> list[dict[str, Any]]:
    casts = {"genres": "::text[]", "exclude_genres": "::text[]", "exclude_movies": "::bigint[]"}
    named = ", ".join(f"{name} => %({name})s{casts.get(name, '')}" for name in arguments)
    found = connection.exec_driver_sql(
        f"select * from recsys.{function}({named}) order by rank", arguments
    )
    return [dict(row) for row in found.mappings()]


filter_sets = st.fixed_dictionaries(
    {},
    optional={
        "genres": st.lists(st.sampled_from(GENRES), max_size=3),
        "exclude_genres": st.lists(st.sampled_from(GENRES), max_size=2),
        "year_from": st.integers(1920, 2025),
        "year_to": st.integers(1920, 2025),
        "min_ratings": st.integers(0, 600),
        "exclude_movies": st.lists(st.integers(1, 160), max_size=30),
    },
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    user_id=st.integers(1, 1005),
    k=st.integers(1, 160),
    include_rated=st.booleans(),
    filters=filter_sets,
)
def test_recommend_equals_brute_force(
    sample: Connection,
    catalogue: Catalogue,
    user_id: int,
    k: int,
    include_rated: bool,
    filters: dict[str, Any],
) -> None:
    rows = call(sample, "recommend", user_id=user_id, k=k, include_rated=include_rated, **filters)
    expected = brute_force(catalogue, user_id, k, include_rated, filters)
    assert [row["rank"] for row in rows] == list(range(1, len(expected) + 1))
    assert [row["source"] for row in rows] == [row[2] for row in expected]
    # Films of equal score may come in any order that float4 gives them.
    assert [row["score"] for row in rows] == pytest.approx([row[1] for row in expected], abs=1e-5)
    popular = [row["movie_id"] for row in rows if row["source"] == "popular"]
    assert popular == [row[0] for row in expected if row[2] == "popular"]
    truth = {m: s for m, s, _ in brute_force(catalogue, user_id, 999, include_rated, filters)}
    for row in rows:
        assert row["score"] == pytest.approx(truth[row["movie_id"]], abs=1e-5)
    assert len({row["movie_id"] for row in rows}) == len(rows)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(movie_id=st.integers(1, 150), k=st.integers(1, 160), filters=filter_sets)
def test_similar_movies_equals_brute_force(
    sample: Connection, catalogue: Catalogue, movie_id: int, k: int, filters: dict[str, Any]
) -> None:
    rows = call(sample, "similar_movies", movie_id=movie_id, k=k, **filters)
    allowed = [m for m in catalogue.films if m != movie_id and passes(catalogue, m, filters)]
    known = [m for m in allowed if m in catalogue.vectors] if movie_id in catalogue.vectors else []

    def likeness(movie: int) -> float:
        one, two = (catalogue.vectors[m][: catalogue.factors] for m in (movie_id, movie))
        return float(one @ two / (np.linalg.norm(one) * np.linalg.norm(two)))

    expected = sorted((likeness(m) for m in known), reverse=True)[:k]
    assert len(rows) == min(k, len(allowed))
    personal = [row for row in rows if row["source"] == "personal"]
    assert [row["score"] for row in personal] == pytest.approx(expected, abs=1e-5)
    assert {row["movie_id"] for row in rows} <= set(allowed)
    for row in personal:
        assert row["score"] == pytest.approx(likeness(row["movie_id"]), abs=1e-5)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
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
    before = [row["movie_id"] for row in call(sample, "recommend", user_id=1, k=11)]
    sample.exec_driver_sql(
        "insert into recsys.ratings (user_id, movie_id, rating) values (1, %s, 1)", (before[0],)
    )
    assert [row["movie_id"] for row in call(sample, "recommend", user_id=1)] == before[1:]


def test_columns_are_those_of_the_contract(sample: Connection) -> None:
    assert list(call(sample, "recommend", user_id=1)[0]) == [
        "rank", "movie_id", "title", "year", "genres", "score", "predicted_rating", "source",
        "because_movie_id", "because_title", "model_id",
    ]  # fmt: skip
    assert list(call(sample, "similar_movies", movie_id=1)[0]) == [
        "rank", "movie_id", "title", "year", "genres", "score", "source", "model_id",
    ]  # fmt: skip


def test_before_any_model_answers_are_popular(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title, liked_count) "
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
        from ends, recsys.recommend(ends.user_id) r group by fan order by fan
    """).all()
    others, fans = rows[0][1], rows[1][1]
    assert fans > 3 * others
