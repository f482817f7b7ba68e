"""users_for and similar_users against brute force, with users whose likes have changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.helpers.examples import examples
from tests.helpers.oracle import Array, Catalogue, call, rate

STRANGER = 10**12
POOL = 100  # so many users more than k are made anew

relaxed = settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
lengths = st.one_of(st.integers(1, 20), st.integers(1, 1200))
places = st.integers(0, 10_000)


def a_film(catalogue: Catalogue, place: int) -> int:
    return int(catalogue.movie_ids[place % len(catalogue.movie_ids)])


def scores_of(catalogue: Catalogue, movie_id: int, users: dict[int, Array]) -> dict[int, float]:
    """What each user without a rating of the film would score it."""
    film = catalogue.matrix[catalogue.row[movie_id]] * catalogue.norm
    return {
        user: float(vector @ film)
        for user, vector in users.items()
        if movie_id not in catalogue.ratings.get(user, ())
    }


def likeness(users: dict[int, Array], user_id: int, own: Array) -> dict[int, float]:
    own = own / np.linalg.norm(own)
    return {u: float(v @ own / np.linalg.norm(v)) for u, v in users.items() if u != user_id}


def check_users(rows: list[dict[str, Any]], truth: dict[int, float], k: int) -> None:
    """Compare with the true score of each user; the answer's own scores put it in order."""
    best = sorted(truth.values(), reverse=True)[:k]
    assert [row["rank"] for row in rows] == list(range(1, len(best) + 1))
    assert len({row["user_id"] for row in rows}) == len(rows)
    scores = [row["score"] for row in rows]
    assert scores == pytest.approx([truth[row["user_id"]] for row in rows], abs=1e-4)
    assert scores == pytest.approx(best, abs=1e-4)
    order = [(-row["score"], row["user_id"]) for row in rows]
    assert order == sorted(order)


def change(
    connection: Connection, catalogue: Catalogue, user_id: int, liked: list[int], taste: str
) -> Array | None:
    """Let a user like these films and no others; return the vector that counts now."""
    connection.exec_driver_sql("delete from recsys.ratings where user_id = %s", (user_id,))
    rate(connection, user_id, dict.fromkeys(liked, 4))
    if not liked:
        return None
    prior = catalogue.prior if taste == "ranking" and len(liked) < 3 else 0
    return catalogue.solved(liked) + prior


@relaxed
@given(place=places, k=lengths)
def test_users_for_equals_brute_force(
    sample: Connection, catalogue: Catalogue, place: int, k: int
) -> None:
    movie_id = a_film(catalogue, place)
    rows = call(sample, "users_for", movie_id=movie_id, k=k)
    check_users(rows, scores_of(catalogue, movie_id, catalogue.users), k)


def test_films_by_content_count(sample: Connection, catalogue: Catalogue) -> None:
    assert catalogue.content
    for movie_id in catalogue.content:
        rows = call(sample, "users_for", movie_id=movie_id)
        check_users(rows, scores_of(catalogue, movie_id, catalogue.users), 10)


def test_the_scores_are_those_of_score_movies(sample: Connection) -> None:
    for user in call(sample, "users_for", movie_id=1, k=20):
        [film] = call(sample, "score_movies", user_id=user["user_id"], movie_ids=[1])
        assert film["score"] == user["score"]
        listed = call(sample, "recommend", user_id=user["user_id"], k=999, rerank=False)
        [again] = [row for row in listed if row["movie_id"] == 1]
        assert again["score"] == pytest.approx(user["score"], abs=1e-5)


@relaxed
@given(user_id=st.integers(1, 1005), k=lengths)
def test_similar_users_equals_brute_force(
    sample: Connection, catalogue: Catalogue, user_id: int, k: int
) -> None:
    rows = call(sample, "similar_users", user_id=user_id, k=k)
    own = catalogue.users.get(user_id)
    check_users(rows, {} if own is None else likeness(catalogue.users, user_id, own), k)


@relaxed
@given(
    place=places,
    k=lengths,
    changes=st.dictionaries(
        st.integers(0, 30), st.lists(places, max_size=6, unique_by=lambda p: p % 97), max_size=8
    ),
)
@pytest.mark.parametrize("function", ["users_for", "similar_users"])
def test_users_whose_likes_have_changed_count_as_of_now(
    sample: Connection,
    catalogue: Catalogue,
    function: str,
    place: int,
    k: int,
    changes: dict[int, list[int]],
) -> None:
    """Those changed are among the best, and so among the ones that are made anew."""
    if function == "users_for":
        asked, taste = {"movie_id": a_film(catalogue, place)}, "ranking"
    else:
        asked, taste = {"user_id": list(catalogue.users)[place % len(catalogue.users)]}, "embedding"
    best = [row["user_id"] for row in call(sample, function, **asked, k=31)]
    users = dict(catalogue.users)
    for rank, films in changes.items():
        user_id = best[rank % len(best)]
        liked = list({a_film(catalogue, p) for p in films} - {asked.get("movie_id")})
        now = change(sample, catalogue, user_id, liked, taste)
        del users[user_id]
        if now is not None:
            users[user_id] = now
        best.remove(user_id)
    rows = call(sample, function, **asked, k=k)
    sample.rollback()
    if function == "users_for":
        movie_id = asked["movie_id"]
        film = catalogue.matrix[catalogue.row[movie_id]] * catalogue.norm
        raters = {u for u, rated in catalogue.ratings.items() if movie_id in rated}
        truth = {u: float(v @ film) for u, v in users.items() if u not in raters}
    else:
        truth = likeness(users, asked["user_id"], catalogue.users[asked["user_id"]])
    check_users(rows, truth, k)


def test_k_users_come_where_all_that_are_made_anew_like_nothing_any_more(
    sample: Connection, catalogue: Catalogue
) -> None:
    k = 3
    truth = scores_of(catalogue, 1, catalogue.users)
    first = [row["user_id"] for row in call(sample, "users_for", movie_id=1, k=POOL + k)]
    sample.exec_driver_sql("delete from recsys.ratings where user_id = any (%s)", (first,))
    rows = call(sample, "users_for", movie_id=1, k=k)
    check_users(rows, {u: score for u, score in truth.items() if u not in first}, k)


def test_a_rating_of_the_film_takes_the_user_off_the_list(
    sample: Connection, catalogue: Catalogue
) -> None:
    rows = call(sample, "users_for", movie_id=1, k=11)
    rate(sample, rows[0]["user_id"], {1: 0.5})  # no like: the vector stays
    after = call(sample, "users_for", movie_id=1)
    assert [row["user_id"] for row in after] == [row["user_id"] for row in rows[1:]]


def test_a_user_of_no_training_has_similar_users_and_is_not_found(
    sample: Connection, catalogue: Catalogue
) -> None:
    liked = catalogue.liked(7)[:5]
    own = change(sample, catalogue, STRANGER, liked, "embedding")
    assert own is not None
    rows = call(sample, "similar_users", user_id=STRANGER, k=2000)
    check_users(rows, likeness(catalogue.users, STRANGER, own), 2000)
    assert STRANGER not in {row["user_id"] for row in call(sample, "users_for", movie_id=1, k=2000)}


def test_a_user_without_likes_is_like_none(sample: Connection) -> None:
    assert call(sample, "similar_users", user_id=STRANGER) == []
    assert call(sample, "similar_users", user_id=None) == []
    rate(sample, STRANGER, {1: 2, 2: 3})
    assert call(sample, "similar_users", user_id=STRANGER) == []


def test_no_user_has_a_score_of_a_film_without_a_direction(sample: Connection) -> None:
    sample.exec_driver_sql("insert into recsys.movies (movie_id, title) values (900001, 'New')")
    assert call(sample, "users_for", movie_id=900_001) == []
    sample.exec_driver_sql("update recsys.movie_vectors set norm = 0 where movie_id = 1")
    assert call(sample, "users_for", movie_id=1) == []
    sample.exec_driver_sql("update recsys.models set activated_at = null")
    assert call(sample, "users_for", movie_id=2) == []
    assert call(sample, "similar_users", user_id=1) == []


def test_ties_break_by_user_id(sample: Connection, catalogue: Catalogue) -> None:
    sample.exec_driver_sql(
        "update recsys.user_vectors u set embedding = one.embedding, liked_count = null "
        "from recsys.user_vectors one where one.user_id = 1"
    )
    others = sorted(catalogue.users.keys() - {1})
    rows = call(sample, "similar_users", user_id=1, k=300)
    assert [row["user_id"] for row in rows] == others[:300]
    rows = call(sample, "users_for", movie_id=1, k=300)
    left = [user for user in sorted(catalogue.users) if 1 not in catalogue.ratings[user]]
    assert [row["user_id"] for row in rows] == left[:300]


def test_vectors_from_elsewhere_stay_as_they_are(sample: Connection, catalogue: Catalogue) -> None:
    sample.exec_driver_sql("update recsys.models set solve_diagonal = null, solve_ridge = null")
    sample.exec_driver_sql("update recsys.user_vectors set liked_count = null, liked_digest = null")
    sample.exec_driver_sql("delete from recsys.ratings where user_id <= 500")
    users = call(sample, "users_for", movie_id=1, k=2000)
    rated = {user for user in range(501, 1006) if 1 in catalogue.ratings.get(user, ())}
    film = catalogue.matrix[catalogue.row[1]] * catalogue.norm
    truth = {user: float(v @ film) for user, v in catalogue.users.items() if user not in rated}
    check_users(users, truth, 2000)
    rows = call(sample, "similar_users", user_id=1)
    check_users(rows, likeness(catalogue.users, 1, catalogue.users[1]), 10)


def test_any_length_and_a_read_only_transaction_will_do(
    sample: Connection, catalogue: Catalogue
) -> None:
    sample.exec_driver_sql("set transaction read only")
    most = 2**31 - 1
    rows = call(sample, "users_for", movie_id=1, k=most)
    check_users(rows, scores_of(catalogue, 1, catalogue.users), most)
    assert len(call(sample, "similar_users", user_id=1, k=most)) == len(catalogue.users) - 1
