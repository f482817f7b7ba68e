"""more_like, recommend_group, score_movies and diversity against brute force; and refusals."""

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

from tests.helpers.examples import examples
from tests.helpers.oracle import Catalogue, brute_force, call, check_list, filter_sets, rate

STRANGER = 10**12

relaxed = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
movie_lists = st.lists(st.integers(1, 150), min_size=1, max_size=8)


@relaxed
@given(
    liked=movie_lists,
    disliked=st.one_of(st.none(), st.just([]), movie_lists),
    k=st.integers(1, 160),
    filters=filter_sets(),
)
def test_more_like_equals_brute_force(
    sample: Connection,
    catalogue: Catalogue,
    liked: list[int],
    disliked: list[int] | None,
    k: int,
    filters: dict[str, Any],
) -> None:
    rows = call(sample, "more_like", liked=liked, disliked=disliked, k=k, **filters)
    direction = catalogue.direction(liked, disliked or [])
    truth = {} if direction is None else catalogue.likeness(direction)
    everything = brute_force(catalogue, truth, [*liked, *(disliked or [])], filters)
    check_list(rows, everything, k)


@relaxed
@given(movie_id=st.integers(1, 150), k=st.integers(1, 160), filters=filter_sets())
def test_more_like_one_film_is_similar_movies(
    sample: Connection, movie_id: int, k: int, filters: dict[str, Any]
) -> None:
    one = call(sample, "more_like", liked=[movie_id], k=k, **filters)
    other = call(sample, "similar_movies", movie_id=movie_id, k=k, **filters)
    # One of the two rounds the film's direction to single precision once more.
    close = 1e-6
    assert [row.pop("score") for row in one] == pytest.approx(
        [row.pop("score") for row in other], abs=close
    )
    assert one == other


@pytest.mark.parametrize("strategy", ["mean", "least_misery"])
@relaxed
@given(
    user_ids=st.lists(
        st.one_of(st.integers(1, 1005), st.sampled_from([-1, STRANGER, 10**13])),
        min_size=1,
        max_size=6,
    ),
    doubled=st.booleans(),
    n=st.integers(0, 4),
    k=st.integers(1, 160),
    filters=filter_sets(),
)
def test_recommend_group_equals_brute_force(
    sample: Connection,
    catalogue: Catalogue,
    strategy: str,
    user_ids: list[int],
    doubled: bool,
    n: int,
    k: int,
    filters: dict[str, Any],
) -> None:
    """Members may be unknown, named twice, or live with the prior."""
    liked = catalogue.movie_ids[n * 7 : n * 8].astype(int).tolist()
    rate(sample, STRANGER, dict.fromkeys(liked, 4))
    rows = call(
        sample,
        "recommend_group",
        user_ids=user_ids * (1 + doubled),
        strategy=strategy,
        k=k,
        **filters,
    )
    sample.rollback()
    rankings = {user: catalogue.users[user] for user in user_ids if user in catalogue.users}
    if STRANGER in user_ids and liked:
        prior = catalogue.prior if len(liked) < 3 else 0
        rankings[STRANGER] = catalogue.solved(liked) + prior
    scores = [catalogue.scores(ranking) for ranking in rankings.values()]
    combine: Any = np.mean if strategy == "mean" else np.min
    truth = {m: float(combine([s[m] for s in scores])) for m in catalogue.row if scores}
    barred = {m for user in user_ids for m in catalogue.ratings.get(user, ())}
    barred.update(liked if STRANGER in user_ids else ())
    everything = brute_force(catalogue, truth, barred, filters)
    check_list(rows, everything, k, source="live" if STRANGER in rankings else "personal")


def test_a_group_of_one_is_that_user(sample: Connection) -> None:
    one = call(sample, "recommend", user_id=1, rerank=False)
    for strategy in ("mean", "least_misery"):
        group = call(sample, "recommend_group", user_ids=[1], strategy=strategy)
        assert [row["movie_id"] for row in group] == [row["movie_id"] for row in one]
        assert [row["because_movie_id"] for row in group] == [r["because_movie_id"] for r in one]


@relaxed
@given(
    user_id=st.integers(1, 1005),
    movie_ids=st.lists(st.integers(1, 150), max_size=200),
    new=st.booleans(),
)
def test_score_movies_equals_brute_force(
    sample: Connection, catalogue: Catalogue, user_id: int, movie_ids: list[int], new: bool
) -> None:
    """Rated or not; each film once; films without a vector last, by how many like them."""
    if new:
        sample.exec_driver_sql(
            "insert into recsys.movies (movie_id, title, popularity) "
            "values (900001, 'New', 2), (900002, 'Newer', 7)"
        )
    given = [*movie_ids, *([900_001, 900_002] if new else [])]
    rows = call(sample, "score_movies", user_id=user_id, movie_ids=given)
    sample.rollback()
    user = catalogue.users.get(user_id)
    truth = {} if user is None else catalogue.scores(user)
    likes = {900_001: (2, 0), 900_002: (7, 0)} | {
        m: (film.popularity, film.liked_count) for m, film in catalogue.films.items()
    }
    known = [m for m in set(given) if m in truth]
    rest = sorted(set(given) - set(known), key=lambda m: (-likes[m][0], -likes[m][1], m))
    count = len(known)
    assert {row["movie_id"] for row in rows[:count]} == set(known)
    assert [row["movie_id"] for row in rows[count:]] == rest
    scores = [row["score"] for row in rows]
    assert scores[:count] == sorted(scores[:count], reverse=True)
    assert scores[:count] == pytest.approx([truth[r["movie_id"]] for r in rows[:count]], abs=1e-5)
    assert scores[count:] == [likes[m][0] for m in rest]
    assert [row["source"] for row in rows] == [
        "content" if row["movie_id"] in catalogue.content else "personal" for row in rows[:count]
    ] + ["popular"] * len(rest)


@relaxed
@given(
    user_id=st.integers(1, 1005),
    k=st.integers(1, 40),
    diversity=st.sampled_from([0.05, 0.3, 0.5, 0.9, 1.0]),
    filters=filter_sets(),
)
def test_diversity_is_maximal_marginal_relevance(
    sample: Connection,
    catalogue: Catalogue,
    user_id: int,
    k: int,
    diversity: float,
    filters: dict[str, Any],
) -> None:
    """Every choice is the best of the pool, given those before it."""
    barred = catalogue.ratings.get(user_id, {})
    user = catalogue.users.get(user_id)
    truth = {} if user is None else catalogue.scores(user)
    everything = brute_force(catalogue, truth, barred, filters)
    rows = call(
        sample, "recommend", user_id=user_id, k=k, diversity=diversity, rerank=False, **filters
    )
    assert len(rows) == min(k, len(everything))
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    pool = {m: s for m, s, source in everything[: max(5 * k, 100)] if source != "popular"}
    chosen = [row["movie_id"] for row in rows if row["source"] != "popular"]
    assert len(set(chosen)) == len(chosen) == min(k, len(pool))
    lowest = min(0, *pool.values()) if pool else 0
    largest = max(pool.values(), default=1) - lowest or 1  # of one film below zero
    units = {m: catalogue.unit[catalogue.row[m]] for m in pool}

    def worth(movie_id: int, before: list[int]) -> float:
        likeness = max((float(units[movie_id] @ units[m]) for m in before), default=0)
        return (1 - diversity) * (pool[movie_id] - lowest) / largest - diversity * likeness

    for place, movie_id in enumerate(chosen):
        before = chosen[:place]
        best = max(worth(m, before) for m in pool if m not in before)
        assert worth(movie_id, before) >= best - 1e-5
        assert rows[place]["score"] == pytest.approx(pool[movie_id], abs=1e-5)
    popular = [entry[0] for entry in everything if entry[2] == "popular"]
    assert [row["movie_id"] for row in rows[len(chosen) :]] == popular[: len(rows) - len(chosen)]


def test_without_diversity_the_order_is_the_usual_one(sample: Connection) -> None:
    assert call(sample, "recommend", user_id=1, diversity=0) == call(sample, "recommend", user_id=1)


@pytest.mark.parametrize("diversity", [0.5, 1])
def test_popular_films_answer_whatever_the_diversity(sample: Connection, diversity: float) -> None:
    rows = call(sample, "recommend", user_id=STRANGER, diversity=diversity)
    assert len(rows) == 10
    assert rows == call(sample, "recommend", user_id=STRANGER)


def test_diverse_films_are_less_alike(sample: Connection, catalogue: Catalogue) -> None:
    for user_id in range(1, 40):
        alike = []
        for diversity in (0, 0.5, 1):
            rows = call(sample, "recommend", user_id=user_id, diversity=diversity, rerank=False)
            units = catalogue.unit[[catalogue.row[row["movie_id"]] for row in rows]]
            alike.append(np.triu(units @ units.T, 1).sum())
        assert max(alike[1:]) <= alike[0] + 1e-6


VALID: dict[str, dict[str, Any]] = {
    "recommend": {"user_id": 1},
    "recommend_group": {"user_ids": [1, 2]},
    "similar_movies": {"movie_id": 1},
    "more_like": {"liked": [1]},
    "popular": {},
    "explain": {"user_id": 1, "movie_id": 1},
    "score_movies": {"user_id": 1, "movie_ids": [1]},
    "users_for": {"movie_id": 1},
    "similar_users": {"user_id": 1},
    "user_vector": {"user_id": 1},
}
LISTS = ["recommend", "recommend_group", "similar_movies", "more_like", "popular"]
WITH_K = [*LISTS, "explain", "users_for", "similar_users"]
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *((name, {"k": 0}, "k is 0") for name in WITH_K),
    *((name, {"k": None}, "k is null") for name in WITH_K),
    *((name, {"model_id": 77}, "unknown model: 77") for name in VALID if name != "popular"),
    *((name, {"genres": ["Drama", "Drana"]}, "'Drana'") for name in LISTS),
    *((name, {"exclude_genres": ["O'Hara"]}, "'O''Hara'") for name in LISTS),
    *((name, {"genres": [None]}, "unknown genre: null") for name in LISTS),
    ("similar_movies", {"movie_id": 9999}, "unknown movie: 9999"),
    ("similar_movies", {"movie_id": None}, "unknown movie: null"),
    ("explain", {"movie_id": 9999}, "unknown movie: 9999"),
    ("users_for", {"movie_id": 9999}, "unknown movie: 9999"),
    ("users_for", {"movie_id": None}, "unknown movie: null"),
    ("score_movies", {"movie_ids": [1, 9999]}, "unknown movie: 9999"),
    ("score_movies", {"movie_ids": [1, None]}, "unknown movie: null"),
    ("more_like", {"liked": [1, 9999]}, "unknown movie: 9999"),
    ("more_like", {"disliked": [9999]}, "unknown movie: 9999"),
    ("more_like", {"liked": []}, "liked is '{}'"),
    ("more_like", {"liked": None}, "liked is null"),
    ("recommend_group", {"user_ids": []}, "user_ids is '{}'"),
    ("recommend_group", {"user_ids": None}, "user_ids is null"),
    ("recommend_group", {"strategy": "Mean"}, "unknown strategy: 'Mean'"),
    ("recommend_group", {"strategy": None}, "unknown strategy: null"),
    ("popular", {"half_life": timedelta(0)}, "half_life is '00:00:00'"),
    ("popular", {"half_life": timedelta(days=-3)}, "half_life is '-3 days'"),
    ("recommend", {"diversity": -0.1}, "diversity is -0.1"),
    ("recommend", {"diversity": 1.5}, "diversity is 1.5"),
    ("recommend", {"diversity": float("nan")}, "diversity is NaN"),
    ("recommend", {"diversity": None}, "diversity is null"),
]


@pytest.mark.parametrize(("function", "arguments", "named"), REFUSED)
def test_refusals_name_the_value(
    sample: Connection, function: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(DBAPIError) as caught:
        call(sample, function, **{**VALID[function], **arguments})
    assert isinstance(caught.value.orig, psycopg.errors.InvalidParameterValue)  # 22023
    assert named in str(caught.value.orig)


def test_a_genre_is_unknown_where_there_is_none(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(DBAPIError, match="unknown genre") as caught:
        connection.exec_driver_sql("select * from recsys.popular(genres => '{Drama}')")
    assert caught.value.orig.sqlstate == "22023"  # type: ignore[union-attr]
