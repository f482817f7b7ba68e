"""recommend and similar_movies on ml-latest-small, by each way of retrieval, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.helpers.examples import examples
from tests.helpers.oracle import (
    Catalogue,
    brute_force,
    call,
    check_list,
    filter_sets,
    rate,
    user_vector,
)
from tests.helpers.order_oracle import ListOrder, retrieved
from tests.helpers.ranker_oracle import ratings_of

STRANGER = 10**12
WAYS = ["auto", "exact", "index"]
REAL_GENRES = [
    "Action", "Children", "Comedy", "Documentary", "Drama", "Film-Noir", "IMAX", "Sci-Fi",
    "Western", "War",
]  # fmt: skip

many_films = st.lists(st.integers(0, 9_000), max_size=40)
real_filters = filter_sets(REAL_GENRES, most_movies=3000, most_ratings=120)
relaxed = settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def prepare(connection: Connection, way: str) -> None:
    # What the caller asked of pgvector must not decide whether an answer is complete.
    connection.exec_driver_sql("set local hnsw.ef_search = 1")
    connection.exec_driver_sql(f"set local recsys.retrieval = '{way}'")


def ranking_of(connection: Connection, catalogue: Catalogue, user_id: int, live: bool) -> Any:
    """The vector that ranks, of the one that user_vector gives."""
    vector = user_vector(connection, user_id)
    liked = connection.exec_driver_sql(
        "select movie_id from recsys.ratings where user_id = %s and rating >= 4", (user_id,)
    ).scalars()
    few = live and sum(m in catalogue.row for m in liked) < 3
    return vector + catalogue.prior if few and vector is not None else vector


@pytest.mark.parametrize("way", WAYS)
@relaxed
@given(
    user_id=st.one_of(st.integers(1, 610), st.just(STRANGER)),
    places=st.one_of(st.just([]), many_films),
    stars=st.sampled_from([2.5, 4.0, 5.0]),
    k=st.integers(1, 200),
    include_rated=st.booleans(),
    filters=real_filters,
)
def test_recommend_keeps_its_promises(
    real: Connection,
    real_catalogue: Catalogue,
    way: str,
    user_id: int,
    places: list[int],
    stars: float,
    k: int,
    include_rated: bool,
    filters: dict[str, Any],
) -> None:
    films = list(real_catalogue.films)
    added = {films[place]: stars for place in places}
    before = real_catalogue.ratings.get(user_id, {})
    liked_before, liked = (
        {m for m, rating in ratings.items() if rating >= 4} for ratings in (before, before | added)
    )
    live = liked != liked_before
    try:
        prepare(real, way)
        rate(real, user_id, added)
        rows = call(
            real, "recommend", user_id=user_id, k=k, include_rated=include_rated, rerank=False,
            **filters,
        )  # fmt: skip
        ranking = ranking_of(real, real_catalogue, user_id, live)
    finally:
        real.rollback()
    if not live:
        trained = real_catalogue.users.get(user_id)
        assert np.array_equal(ranking, trained) if trained is not None else ranking is None
    truth = {} if ranking is None else real_catalogue.scores(ranking)
    barred = () if include_rated else before | added
    check_list(
        rows,
        brute_force(real_catalogue, truth, barred, filters),
        k,
        source="live" if live else "personal",
        exact=way == "exact",
    )


@pytest.mark.parametrize("way", WAYS)
@relaxed
@given(place=st.integers(0, 9_741), k=st.integers(1, 200), filters=real_filters)
def test_similar_movies_keeps_its_promises(
    real: Connection,
    real_catalogue: Catalogue,
    way: str,
    place: int,
    k: int,
    filters: dict[str, Any],
) -> None:
    movie_id = list(real_catalogue.films)[place]
    try:
        prepare(real, way)
        rows = call(real, "similar_movies", movie_id=movie_id, k=k, **filters)
    finally:
        real.rollback()
    direction = real_catalogue.direction([movie_id])
    truth = {} if direction is None else real_catalogue.likeness(direction)
    everything = brute_force(real_catalogue, truth, [movie_id], filters)
    check_list(rows, everything, k, exact=way == "exact")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "filters",
    [{"genres": ["Drama"]}, {"genres": ["Drama"], "year_from": 1950}, {"genres": ["War"]}],
)
def test_predicted_genres_count_by_each_way(
    real: Connection, real_catalogue: Catalogue, way: str, filters: dict[str, Any]
) -> None:
    """Random filters seldom ask for them where many films pass."""
    prepare(real, way)
    wanted = set(filters["genres"])
    for function, arguments in (("recommend", {"user_id": 1}), ("similar_movies", {"movie_id": 1})):
        rows = call(real, function, **arguments, k=300, **filters, include_predicted_genres=True)
        films = [real_catalogue.films[row["movie_id"]] for row in rows]
        assert all(film.genres & wanted or film.predicted & wanted for film in films)
        assert any(not film.genres & wanted for film in films)
        rows = call(
            real, function, **arguments, k=300, exclude_genres=["Drama"],
            include_predicted_genres=True,
        )  # fmt: skip
        films = [real_catalogue.films[row["movie_id"]] for row in rows]
        assert not any("Drama" in film.genres | film.predicted for film in films)


@pytest.mark.parametrize("way", ["auto", "index"])
def test_the_ten_best_films_are_found(
    real: Connection, real_catalogue: Catalogue, way: str
) -> None:
    """Recall of 200 users' lists; films as good as the tenth count."""
    prepare(real, way)
    found = 0
    users = sorted(real_catalogue.users)[::3][:200]
    for user_id in users:
        truth = real_catalogue.scores(real_catalogue.users[user_id])
        rated = real_catalogue.ratings[user_id]
        best = sorted((s for m, s in truth.items() if m not in rated), reverse=True)[9]
        rows = call(real, "recommend", user_id=user_id, rerank=False)
        found += sum(truth[row["movie_id"]] >= best - 1e-6 for row in rows)
    assert found / (10 * len(users)) >= 0.99


@pytest.mark.parametrize("way", ["auto", "index"])
def test_the_ten_most_similar_films_are_found(
    real: Connection, real_catalogue: Catalogue, way: str
) -> None:
    prepare(real, way)
    found = 0
    movies = [
        m for m in list(real_catalogue.row)[::30] if real_catalogue.direction([m]) is not None
    ]
    for movie_id in movies:
        direction = real_catalogue.direction([movie_id])
        assert direction is not None
        truth = real_catalogue.likeness(direction)
        best = sorted((s for m, s in truth.items() if m != movie_id), reverse=True)[9]
        rows = call(real, "similar_movies", movie_id=movie_id)
        found += sum(truth[row["movie_id"]] >= best - 1e-6 for row in rows)
    assert found / (10 * len(movies)) >= 0.99


def test_least_misery_looks_as_far_as_it_must(real: Connection, real_catalogue: Catalogue) -> None:
    """The hundred films that suit the mean best are often not enough."""
    generator = np.random.default_rng(0)
    for _ in range(12):
        members = generator.choice(list(real_catalogue.users), 4, replace=False).tolist()
        scores = [real_catalogue.scores(real_catalogue.users[user]) for user in members]
        truth = {m: min(s[m] for s in scores) for m in real_catalogue.row}
        barred = {m for user in members for m in real_catalogue.ratings[user]}
        rows = call(real, "recommend_group", user_ids=members, strategy="least_misery", k=30)
        check_list(rows, brute_force(real_catalogue, truth, barred, {}), 30)


@pytest.mark.parametrize("filters", [{}, {"min_ratings": 2, "exclude_genres": ["Western"]}])
@pytest.mark.parametrize(
    ("function", "arguments", "measure"),
    [
        ("recommend", {"user_id": 1}, "score"),
        ("similar_movies", {"movie_id": 1}, "likeness"),
        ("more_like", {"liked": [1, 2], "disliked": [3]}, "likeness"),
        ("recommend_group", {"user_ids": [1, 2]}, "score"),
    ],
)
def test_the_index_answers_when_it_is_told_to(
    real: Connection,
    real_catalogue: Catalogue,
    function: str,
    arguments: dict[str, Any],
    measure: str,
    filters: dict[str, Any],
) -> None:
    def scans() -> int:
        # Of this transaction alone, so that no other session's scans are counted.
        found: int = real.exec_driver_sql(
            "select pg_stat_get_xact_numscans("
            "('recsys.' || recsys_internal.index_name(%s, %s))::regclass)",
            (real_catalogue.model_id, measure),
        ).scalar_one()
        return found

    for way, expected in (("index", 1), ("exact", 0)):
        prepare(real, way)
        before = scans()
        call(real, function, **arguments, **filters)
        assert scans() - before == expected, way


def test_the_index_needs_no_barred_films(real: Connection, real_catalogue: Catalogue) -> None:
    """With nothing to leave out, the list of what is left out must not be null."""
    prepare(real, "index")
    found = real.exec_driver_sql(
        "select count(*) from recsys_internal.nearest_by_index(recsys_internal.find_model(null), "
        "recsys.user_vector(1), 'score', 10, null, "
        "recsys_internal.find_filters(null, null, null, null, null, null))"
    )
    assert found.scalar_one() == 10


def test_pgvectors_settings_are_put_back(real: Connection) -> None:
    prepare(real, "index")
    real.exec_driver_sql("set local hnsw.iterative_scan = relaxed_order")
    call(real, "recommend", user_id=1)
    call(real, "similar_movies", movie_id=1, genres=["Comedy"])
    for name, value in (("ef_search", "1"), ("iterative_scan", "relaxed_order")):
        assert real.exec_driver_sql(f"show hnsw.{name}").scalar_one() == value


@pytest.mark.parametrize("n", [1, 10, 100, 1000, 2000])
def test_a_new_user_of_any_diligence_is_solved_exactly(
    real: Connection, real_catalogue: Catalogue, n: int
) -> None:
    movie_ids = real_catalogue.movie_ids.tolist()
    liked = np.random.default_rng(n).choice(movie_ids, n, replace=False).tolist()
    rate(real, STRANGER, dict.fromkeys(liked, 4.5))
    vector, exact = user_vector(real, STRANGER), real_catalogue.solved(liked)
    assert vector is not None
    assert np.linalg.norm(vector - exact) <= 1e-4 * np.linalg.norm(exact)
    rows = call(real, "recommend", user_id=STRANGER, k=3)
    assert [row["source"] for row in rows] == ["live"] * 3


def test_lists_and_their_reasons_are_brute_forces(
    real: Connection, real_catalogue: Catalogue
) -> None:
    """By the order that the training has learned."""
    order = ListOrder(real, real_catalogue.model_id)
    assert order.row.name not in ("popular", "retrieval")
    for user_id in [user for user in sorted(real_catalogue.users) if user % 40 == 1]:
        ratings = ratings_of(real, user_id)
        stars = {movie_id: given for movie_id, given, _ in ratings}
        found = retrieved(real, real_catalogue, user_id, stars, stars, {})
        who = order.standing(ratings)
        wanted = order.reranked(who, real_catalogue, found, 100)[:100]
        rows = call(real, "recommend", user_id=user_id, k=100)
        scores = [row["score"] for row in rows]
        assert scores == pytest.approx([score for _, score, _ in wanted], abs=1e-3, rel=1e-4)
        truth = {movie_id: score for movie_id, score, _ in wanted}
        assert sum(row["movie_id"] in truth for row in rows) >= 99  # one may be as good
        for row in rows:
            added = order.additions(who, row["movie_id"])
            of_liked = {m: value for m, value in added.items() if m in who.liked}
            most = max(of_liked.values(), default=0)
            if row["because_movie_id"] is None:
                assert most <= 1e-6
            else:
                reason = of_liked[row["because_movie_id"]]
                assert reason == pytest.approx(most, abs=1e-6, rel=1e-4)
