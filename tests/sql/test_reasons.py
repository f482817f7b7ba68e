"""Reasons of retrieval's order: what each liked film adds, against the exact solve in NumPy.

Those of the orders that a model learns are in test_order.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection

from tests.helpers.databases import open_database
from tests.helpers.examples import examples
from tests.helpers.oracle import Catalogue, call, rate
from tests.helpers.order_oracle import ListOrder, teach_plain
from tests.helpers.ranker_oracle import ratings_of

STRANGER = 10**12

places = st.integers(0, 10_000)
relaxed = settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def retrieval_name(server_url: URL, sample_name: str, copies: Callable[[str], str]) -> str:
    """Name of a copy of the sample whose lists are in retrieval's order."""
    name = copies(sample_name)
    with open_database(server_url, name).begin() as connection:
        teach_plain(connection, "retrieval", [1, 0, 0, 0, 0, 0])
    return name


@pytest.fixture
def sample(server_url: URL, retrieval_name: str) -> Iterator[Connection]:
    with open_database(server_url, retrieval_name).connect() as connection:
        yield connection
        connection.rollback()


def pick(catalogue: Catalogue, n: int, seed: int) -> list[int]:
    chosen: list[int] = (
        np.random.default_rng(seed).choice(catalogue.movie_ids, n, replace=False).tolist()
    )
    return chosen


def check_explanation(
    connection: Connection, catalogue: Catalogue, user_id: int, liked: list[int], movie_id: int
) -> set[str]:
    """Compare all contributions with the exact ones and their sum with the score."""
    rows = call(connection, "explain", user_id=user_id, movie_id=movie_id, k=10_000)
    scored = call(connection, "score_movies", user_id=user_id, movie_ids=[movie_id])
    [exact] = catalogue.contributions(liked, [movie_id])
    largest = np.abs(exact).max()
    of_films = {row["because_movie_id"]: row["contribution"] for row in rows}
    del of_films[None]
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    contributions = [row["contribution"] for row in rows]
    assert contributions == sorted(contributions, reverse=True)
    for movie_id, added in zip(liked, exact.tolist(), strict=True):
        assert of_films.pop(movie_id) == pytest.approx(added, rel=1e-4, abs=1e-4 * largest)
    assert not any(of_films.values())  # what was rated and not liked adds nothing
    total = sum(contributions)
    # A score near zero is the difference of large contributions.
    assert total == pytest.approx(scored[0]["score"], rel=1e-4, abs=1e-4 * largest)
    return {row["because_title"] for row in rows if row["because_movie_id"] is None}


@relaxed
@given(user_id=st.integers(1, 1000), place=places)
def test_contributions_add_up_to_a_trained_users_score(
    sample: Connection, catalogue: Catalogue, user_id: int, place: int
) -> None:
    liked = catalogue.liked(user_id)
    if not liked:
        return
    movie_id = int(catalogue.movie_ids[place % len(catalogue.movie_ids)])
    named = check_explanation(sample, catalogue, user_id, liked, movie_id)
    assert named == {"What is popular now", "How long it has been rated"}


@relaxed
@given(n=st.integers(1, 60), seed=st.integers(0, 999), place=places)
def test_contributions_add_up_to_a_live_users_score(
    sample: Connection, catalogue: Catalogue, n: int, seed: int, place: int
) -> None:
    """With one or two liked films, what everybody likes is a row of its own."""
    liked = pick(catalogue, n, seed)
    movie_id = int(catalogue.movie_ids[place % len(catalogue.movie_ids)])
    rate(sample, STRANGER, dict.fromkeys(liked, 4))
    named = check_explanation(sample, catalogue, STRANGER, liked, movie_id)
    rows = call(sample, "explain", user_id=STRANGER, movie_id=movie_id, k=10_000)
    sample.rollback()
    assert ("What everybody likes" in named) == (n < 3)
    for row in rows:
        if row["because_title"] == "What everybody likes":
            share = catalogue.scores(catalogue.prior)[movie_id]
            assert row["contribution"] == pytest.approx(share, abs=1e-6)
            assert row["rating"] is None
        elif row["because_movie_id"] is not None:
            assert row["rating"] == 4


def test_an_explanation_adds_up_to_the_recommended_score(
    sample: Connection, catalogue: Catalogue
) -> None:
    rate(sample, STRANGER, dict.fromkeys(pick(catalogue, 2, 0), 4))
    for user_id in (1, 2, STRANGER):
        for row in call(sample, "recommend", user_id=user_id, k=5, rerank=False):
            parts = call(sample, "explain", user_id=user_id, movie_id=row["movie_id"], k=10_000)
            total = sum(part["contribution"] for part in parts)
            assert total == pytest.approx(row["score"], rel=1e-4)


def test_explain_gives_the_first_k(sample: Connection) -> None:
    everything = call(sample, "explain", user_id=1, movie_id=5, k=10_000)
    assert call(sample, "explain", user_id=1, movie_id=5) == everything[:3]
    assert call(sample, "explain", user_id=1, movie_id=5, k=1) == everything[:1]


def test_a_rated_film_is_explained_too(sample: Connection, catalogue: Catalogue) -> None:
    film = catalogue.liked(1)[0]
    rows = call(sample, "explain", user_id=1, movie_id=film, k=10_000)
    assert film in {row["because_movie_id"] for row in rows}


@relaxed
@given(user_id=st.integers(1, 1000), added=st.booleans(), seed=st.integers(0, 999))
def test_only_liked_films_are_named(
    sample: Connection, catalogue: Catalogue, user_id: int, added: bool, seed: int
) -> None:
    ratings = dict(catalogue.ratings.get(user_id, {}))
    if added:
        new = dict.fromkeys(pick(catalogue, 4, seed), 4.0)
        rate(sample, user_id, new)
        ratings |= new
    liked = {m for m, stars in ratings.items() if stars >= 4}
    one = call(sample, "recommend", user_id=user_id, k=20, rerank=False)
    group = call(sample, "recommend_group", user_ids=[user_id], k=20)
    sample.rollback()
    titles = {row["because_movie_id"]: row["because_title"] for row in one}
    for row in [*one, *group]:
        if row["source"] == "popular":
            assert (row["because_movie_id"], row["because_title"]) == (None, None)
        else:
            assert row["because_movie_id"] in liked | {None}  # none adds anything
            assert row["because_title"] == titles[row["because_movie_id"]]


def test_popular_films_have_no_reason(sample: Connection) -> None:
    rows = call(sample, "recommend", user_id=STRANGER, k=20)
    assert {(row["source"], row["because_movie_id"], row["because_title"]) for row in rows} == {
        ("popular", None, None)
    }
    [part] = call(sample, "explain", user_id=STRANGER, movie_id=1)
    assert (part["because_movie_id"], part["because_title"]) == (None, "What is popular now")


def test_a_group_names_what_its_keenest_member_liked(
    sample: Connection, catalogue: Catalogue
) -> None:
    members = [4, 5, 6]
    scores = {user: catalogue.scores(catalogue.users[user]) for user in members}
    order = ListOrder(sample, catalogue.model_id)
    for row in call(sample, "recommend_group", user_ids=members, k=20):
        keenest = max(members, key=lambda user: scores[user][row["movie_id"]])
        who = order.standing(ratings_of(sample, keenest))
        added = order.additions(who, row["movie_id"], even=True)
        of_liked = {m: added[m] for m in catalogue.liked(keenest)}
        assert row["because_movie_id"] == max(of_liked, key=lambda m: (of_liked[m], -m))
