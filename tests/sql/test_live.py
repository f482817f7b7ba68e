"""Users as of now: vectors folded in at read time against an exact solve in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from recsys.learning.blocks import Side, solve
from recsys.models.vectors import write_model
from recsys.parameters import Parameters
from recsys.training.data import read
from recsys.training.learn import fit_model
from tests.helpers.examples import examples
from tests.helpers.oracle import (
    Array,
    Catalogue,
    brute_force,
    call,
    check_list,
    filter_sets,
    rate,
    read_catalogue,
    user_vector,
)

STRANGER = 10**12
LOW = 3.5  # just below what counts as liked

old_users = st.integers(1, 1000)
tastes = st.lists(st.integers(0, 10_000), min_size=1, max_size=100)
relaxed = settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def pick(catalogue: Catalogue, places: list[int]) -> list[int]:
    """Films that the model knows."""
    return list({int(catalogue.movie_ids[p % len(catalogue.movie_ids)]): 0 for p in places})


def forget(connection: Connection, user_id: int, movie_ids: list[int] | None = None) -> None:
    connection.exec_driver_sql(
        "delete from recsys.ratings where user_id = %s "
        "and (%s::bigint[] is null or movie_id = any (%s::bigint[]))",
        (user_id, movie_ids, movie_ids),
    )


def check_vector(vector: Array | None, exact: Array) -> None:
    assert vector is not None
    assert vector[-1] == 0
    assert np.linalg.norm(vector - exact) <= 1e-4 * np.linalg.norm(exact)


def sources(connection: Connection, user_id: int) -> set[str]:
    return {
        row["source"] for row in call(connection, "recommend", user_id=user_id, k=5, rerank=False)
    }


@relaxed
@given(user_id=st.one_of(st.just(STRANGER), st.just(-5)), places=tastes)
def test_a_new_user_gets_the_exact_vector(
    sample: Connection, catalogue: Catalogue, user_id: int, places: list[int]
) -> None:
    liked = pick(catalogue, places)
    rate(sample, user_id, dict.fromkeys(liked, 4))
    vector = user_vector(sample, user_id)
    found = sources(sample, user_id)
    sample.rollback()
    check_vector(vector, catalogue.solved(liked))
    assert "live" in found


@relaxed
@given(
    user_id=old_users,
    place=st.integers(0, 10_000),
    how=st.sampled_from(["add", "demote", "delete"]),
)
def test_one_change_moves_an_old_users_vector(
    sample: Connection, catalogue: Catalogue, user_id: int, place: int, how: str
) -> None:
    """A film is added, demoted by an update, or deleted; then all is put back."""
    before = catalogue.liked(user_id)
    if not before:
        return
    if how == "add":
        others = [m for m in catalogue.row if m not in before]
        film = others[place % len(others)]
        rate(sample, user_id, {film: 5})
        liked = [*before, film]
    else:
        film = before[place % len(before)]
        if how == "demote":
            rate(sample, user_id, {film: LOW})
        else:
            forget(sample, user_id, [film])
        liked = [m for m in before if m != film]
    changed = user_vector(sample, user_id)
    found = sources(sample, user_id)
    stars = catalogue.ratings[user_id].get(film)
    if stars is None:
        forget(sample, user_id, [film])
    else:
        rate(sample, user_id, {film: stars})
    restored = user_vector(sample, user_id)
    found_again = sources(sample, user_id)
    sample.rollback()
    if liked:
        check_vector(changed, catalogue.solved(liked))
        assert found == {"live"}
    else:
        assert changed is None
        assert found == {"popular"}
    assert restored is not None
    assert restored.tolist() == catalogue.users[user_id].tolist()
    assert found_again == {"personal"}


def test_swapping_one_film_for_another_is_noticed(sample: Connection, catalogue: Catalogue) -> None:
    """The number of liked films stays the same; only the digest tells."""
    for user_id in range(1, 30):
        liked = catalogue.liked(user_id)
        new = next(m for m in catalogue.row if m not in catalogue.ratings[user_id])
        forget(sample, user_id, liked[:1])
        rate(sample, user_id, {new: 4})
        check_vector(user_vector(sample, user_id), catalogue.solved([*liked[1:], new]))


def test_the_trainer_solves_the_same(sample: Connection, catalogue: Catalogue) -> None:
    liked = pick(catalogue, list(range(0, 60, 3)))
    rate(sample, STRANGER, dict.fromkeys(liked, 5))
    names = ("factors", "epochs", "alpha", "regularization", "seed", "steps")
    parameters = Parameters(**{name: catalogue.parameters[name] for name in names})
    trained = [m for m in catalogue.movie_ids.tolist() if m not in catalogue.content]
    columns = torch.tensor(sorted(trained.index(m) for m in liked))
    side = Side(torch.tensor([len(columns)]), columns, len(trained))
    items = torch.from_numpy(catalogue.learned[[catalogue.row[m] for m in trained]]).float()
    vectors = torch.zeros(1, catalogue.factors)
    solve(vectors, items, side, *parameters.weights, 60, 1e-6)
    check_vector(user_vector(sample, STRANGER), np.append(vectors[0].double().numpy(), 0))


@pytest.mark.parametrize("user_id", [7, STRANGER])
def test_a_low_rating_bars_a_film_and_leaves_the_vector(
    sample: Connection, catalogue: Catalogue, user_id: int
) -> None:
    if user_id == STRANGER:
        rate(sample, user_id, dict.fromkeys(pick(catalogue, [1, 2, 3, 4]), 4))
    before = user_vector(sample, user_id)
    rows = call(sample, "recommend", user_id=user_id, k=11, rerank=False)
    rate(sample, user_id, {rows[0]["movie_id"]: LOW})
    after = user_vector(sample, user_id)
    assert before is not None
    assert after is not None
    assert after.tolist() == before.tolist()
    left = call(sample, "recommend", user_id=user_id, rerank=False)
    assert [row["movie_id"] for row in left] == [row["movie_id"] for row in rows[1:]]
    assert [row["score"] for row in left] == [row["score"] for row in rows[1:]]


def test_nothing_rated_any_more_means_popular_films(
    sample: Connection, catalogue: Catalogue
) -> None:
    forget(sample, 3)
    assert user_vector(sample, 3) is None
    rows = call(sample, "recommend", user_id=3, k=20)
    check_list(rows, brute_force(catalogue, {}, (), {}), 20)


@pytest.mark.parametrize("known", [[], [1, 5, 9, 20]])
def test_films_that_the_model_does_not_know_do_no_harm(
    sample: Connection, catalogue: Catalogue, known: list[int]
) -> None:
    new = [900_001, 900_002]
    sample.exec_driver_sql(
        "insert into recsys.movies (movie_id, title) values (900001, 'New'), (900002, 'Newer')"
    )
    liked = pick(catalogue, known)
    rate(sample, STRANGER, dict.fromkeys([*liked, *new], 5))
    vector = user_vector(sample, STRANGER)
    if known:
        check_vector(vector, catalogue.solved(liked))
    else:
        assert vector is None
    rows = call(sample, "recommend", user_id=STRANGER, k=999)
    assert {row["movie_id"] for row in rows} == catalogue.films.keys() - set(liked)
    [part] = call(sample, "explain", user_id=STRANGER, movie_id=new[0])
    assert (part["because_title"], part["contribution"]) == ("What is popular now", 0)
    rate(sample, 9, dict.fromkeys(new, 5))  # their count and digest change, their vector hardly
    check_vector(user_vector(sample, 9), catalogue.solved(catalogue.liked(9)))


def test_live_answers_in_a_read_only_transaction(sample_engine: Any, catalogue: Catalogue) -> None:
    liked = pick(catalogue, [1, 2])
    with sample_engine.begin() as connection:
        rate(connection, STRANGER, dict.fromkeys(liked, 4))
    with sample_engine.connect() as connection:
        connection.exec_driver_sql("set transaction read only")
        for way in ("exact", "index"):
            connection.exec_driver_sql(f"set local recsys.retrieval = '{way}'")
            assert sources(connection, STRANGER) == {"live"}
            assert call(connection, "recommend", user_id=STRANGER, diversity=0.5)
            assert call(connection, "recommend_group", user_ids=[1, STRANGER])
            assert call(connection, "more_like", liked=liked, disliked=[3])
        assert call(connection, "score_movies", user_id=STRANGER, movie_ids=[1, 2])
        assert call(connection, "explain", user_id=STRANGER, movie_id=5)


@relaxed
@given(n=st.integers(1, 4), seed=st.integers(0, 999), filters=filter_sets())
def test_one_or_two_liked_films_rank_with_the_prior(
    sample: Connection, catalogue: Catalogue, n: int, seed: int, filters: dict[str, Any]
) -> None:
    liked = np.random.default_rng(seed).choice(catalogue.movie_ids, n, replace=False).tolist()
    rate(sample, STRANGER, dict.fromkeys(liked, 4))
    rows = call(sample, "recommend", user_id=STRANGER, k=30, rerank=False, **filters)
    scored = call(sample, "score_movies", user_id=STRANGER, movie_ids=list(catalogue.films))
    vector = user_vector(sample, STRANGER)
    sample.rollback()
    exact = catalogue.solved(liked)
    check_vector(vector, exact)
    truth = catalogue.scores(exact + catalogue.prior if n < 3 else exact)
    check_list(rows, brute_force(catalogue, truth, liked, filters), 30, source="live")
    personal = {row["movie_id"]: row["score"] for row in scored if row["source"] != "popular"}
    assert personal == pytest.approx(truth, abs=1e-5)


def test_an_older_model_has_its_own_equation(sample: Connection, catalogue: Catalogue) -> None:
    """Another threshold, another alpha, other factors; the newer model stays the active one."""
    parameters = Parameters(factors=6, epochs=3, alpha=0.7, regularization=0.05)
    other = write_model(sample, fit_model(read(sample, 3.0), parameters))
    old = read_catalogue(sample, other)
    liked: dict[int, float] = dict.fromkeys(pick(catalogue, [1, 2, 3]), 4)
    liked |= dict.fromkeys([101, 102], 3)
    rate(sample, STRANGER, liked)
    check_vector(user_vector(sample, STRANGER, other), old.solved(list(liked)))
    check_vector(
        user_vector(sample, STRANGER), catalogue.solved([m for m in liked if liked[m] == 4])
    )
    vector = user_vector(sample, STRANGER, other)
    rows = call(sample, "recommend", user_id=STRANGER, model_id=other, k=30)
    assert vector is not None
    check_list(rows, brute_force(old, old.scores(vector), liked, {}), 30, source="live")
    assert {row["model_id"] for row in rows} == {other}
    rate(sample, 1, {next(iter(catalogue.row.keys() - catalogue.ratings[1])): 3})
    # Three stars are liked by the one model and not by the other.
    assert {row["source"] for row in call(sample, "recommend", user_id=1)} == {"personal"}
    one = call(sample, "recommend", user_id=1, model_id=other)
    assert {row["source"] for row in one} == {"live"}


def test_vectors_from_elsewhere_stay_as_they_are(sample: Connection, catalogue: Catalogue) -> None:
    sample.exec_driver_sql("update recsys.models set solve_diagonal = null, solve_ridge = null")
    sample.exec_driver_sql("update recsys.user_vectors set liked_count = null, liked_digest = null")
    rate(sample, 1, dict.fromkeys(pick(catalogue, [1, 2, 3]), 5))
    vector = user_vector(sample, 1)
    assert vector is not None
    assert vector.tolist() == catalogue.users[1].tolist()
    assert sources(sample, 1) == {"personal"}
