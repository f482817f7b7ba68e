"""What users have seen without rating it: out of their lists, and no like."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import Connection, Engine

from recsys.models.lists import recommend_all
from tests.helpers.loads import rows

SEEN = "insert into recsys.feedback (user_id, movie_id, kind) values (%s, %s, %s)"


def ids(connection: Connection, call: str) -> list[int]:
    return [row[0] for row in connection.exec_driver_sql(f"select movie_id from recsys.{call}")]


@pytest.mark.parametrize("kind", ["seen", "liked"])
@pytest.mark.parametrize("user", [1, 5_000_000])
def test_seen_films_leave_the_lists(sample: Connection, kind: str, user: int) -> None:
    before = ids(sample, f"recommend({user}, k => 40, rerank => false)")
    seen = random.Random(1).sample(before[:20], 5)
    for movie_id in seen:
        sample.exec_driver_sql(SEEN, (user, movie_id, kind))
    # The rest is as it was: what was seen teaches nothing.
    left = [movie_id for movie_id in before if movie_id not in seen]
    assert ids(sample, f"recommend({user}, k => 35, rerank => false)") == left
    assert not set(ids(sample, f"recommend({user}, k => 60)")) & set(seen)
    assert not set(ids(sample, f"recommend_group(array[2, {user}], k => 60)")) & set(seen)
    assert set(seen) & set(ids(sample, f"recommend({user}, k => 60, include_rated => true)"))


def test_a_watchlist_bars_nothing_and_others_see_no_difference(sample: Connection) -> None:
    mine, others = ids(sample, "recommend(1)"), ids(sample, "recommend(2)")
    for movie_id in mine:
        sample.exec_driver_sql(SEEN, (1, movie_id, "watchlist"))
    assert (ids(sample, "recommend(1)"), ids(sample, "recommend(2)")) == (mine, others)


def test_who_has_seen_a_film_is_not_told_of_it(sample: Connection) -> None:
    movie_id = ids(sample, "recommend(1)")[0]
    told = f"select user_id from recsys.users_for({movie_id}, k => 5)"
    first = [row[0] for row in sample.exec_driver_sql(told)]
    sample.exec_driver_sql(SEEN, (first[0], movie_id, "seen"))
    after = [row[0] for row in sample.exec_driver_sql(told)]
    assert first[0] not in after
    assert after[:4] == first[1:]


def test_lists_for_all_leave_out_what_was_seen(sample_engine: Engine) -> None:
    with sample_engine.begin() as connection:
        seen = ids(connection, "recommend(1)")[:3]
        for movie_id in seen:
            connection.exec_driver_sql(SEEN, (1, movie_id, "seen"))
    recommend_all(sample_engine, 10)
    with sample_engine.connect() as connection:
        fresh = ids(connection, "recommend(1)")
    kept = "select movie_id from recsys.recommendations where user_id = 1 order by rank"
    assert [movie_id for (movie_id,) in rows(sample_engine, kept)] == fresh
    assert not set(fresh) & set(seen)


def test_a_merge_of_films_keeps_feedback(sample: Connection) -> None:
    one, other, *_ = ids(sample, "recommend(1)")
    for user, movie_id in ((1, one), (1, other), (2, other)):
        sample.exec_driver_sql(SEEN, (user, movie_id, "seen"))
    sample.exec_driver_sql("select recsys.merge_movies(%s, %s)", (one, other))
    found = sample.exec_driver_sql("select user_id, movie_id from recsys.feedback order by 1")
    assert [tuple(row) for row in found] == [(1, one), (2, one)]


def test_a_merge_of_films_keeps_impressions(sample: Connection) -> None:
    one, other, *_ = ids(sample, "recommend(1)")
    for user, movie_id, rank, shown_at in (
        (1, one, 1, "2026-01-01"),
        (1, other, 2, "2026-01-01"),  # on the same list: one of them stays
        (1, other, 3, "2026-01-02"),
        (2, other, 4, "2026-01-01"),
    ):
        sample.exec_driver_sql(
            "insert into recsys.impressions (user_id, movie_id, rank, shown_at, model_id,"
            " experiment, variant, propensity) values (%s, %s, %s, %s, 9, 'e', 'v', 0.5)",
            (user, movie_id, rank, shown_at),
        )
    sample.exec_driver_sql("select recsys.merge_movies(%s, %s)", (one, other))
    found = sample.exec_driver_sql(
        "select user_id, movie_id, rank, model_id, experiment, variant, propensity"
        " from recsys.impressions order by rank"
    )
    told = (9, "e", "v", 0.5)
    assert [tuple(row) for row in found] == [
        (1, one, 1, *told), (1, one, 3, *told), (2, one, 4, *told)
    ]  # fmt: skip
