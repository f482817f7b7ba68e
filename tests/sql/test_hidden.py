"""Films for adults alone, and withdrawn ones: in no answer unless asked for, and nothing is short."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from recsys.database.engine import libpq_url
from recsys.models.lists import recommend_all
from tests.helpers.databases import open_database
from tests.helpers.examples import examples
from tests.helpers.lists import assert_same, leave_some_users
from tests.helpers.oracle import (
    Catalogue,
    brute_force,
    call,
    check_list,
    filter_sets,
    read_catalogue,
)
from tests.helpers.order_oracle import teach

LIVE, STRANGER = 10**12, 10**13
LIKED = [3, 6, 14, 20, 40]
ADULT = {m for m in range(1, 151) if m % 7 == 0}
GONE = {m for m in range(1, 151) if m % 5 == 1}
COMING = {m for m in range(1, 151) if m % 11 == 2} - GONE  # to be withdrawn, but not yet

relaxed = settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
asked_for: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}), st.just({"include_adult": False}), st.just({"include_adult": True})
)
users = st.one_of(st.integers(1, 1005), st.sampled_from([LIVE, STRANGER]))
wishes = st.tuples(filter_sets(), asked_for).map(lambda both: both[0] | both[1])


def hide(connection: Connection) -> None:
    run = connection.exec_driver_sql
    run("update recsys.movies set adult = true where movie_id = any (%s)", (list(ADULT),))
    run("select recsys.withdraw_movie(m) from unnest(%s::bigint[]) m", (list(GONE),))
    run(
        "select recsys.withdraw_movie(m, now() + interval '1 hour') from unnest(%s::bigint[]) m",
        (list(COMING),),
    )
    run(
        "insert into recsys.ratings (user_id, movie_id, rating) "
        "select %s, m, 5 from unnest(%s::bigint[]) m",
        (LIVE, LIKED),
    )


def look_each_up(connection: Connection) -> None:
    """Take few hidden films for too many to be barred."""
    source = connection.exec_driver_sql(
        "select pg_get_functiondef('recsys_internal.hidden_movies'::regproc)"
    ).scalar_one()
    assert "most_barred constant integer := 2000" in source
    connection.exec_driver_sql(source.replace(":= 2000", ":= 3"))


@pytest.fixture(scope="module", params=["barred", "looked up"])
def hidden_name(
    request: pytest.FixtureRequest,
    server_url: URL,
    learned_name: str,
    copies: Callable[[str], str],
) -> str:
    name = copies(learned_name)
    with open_database(server_url, name).begin() as connection:
        hide(connection)
        if request.param == "looked up":
            look_each_up(connection)
    return name


@pytest.fixture
def hidden(server_url: URL, hidden_name: str) -> Iterator[Connection]:
    with open_database(server_url, hidden_name).connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def catalogue(server_url: URL, hidden_name: str) -> Catalogue:
    with open_database(server_url, hidden_name).connect() as connection:
        return read_catalogue(connection)


def left_out(filters: dict[str, Any]) -> set[int]:
    return GONE if filters.get("include_adult") else GONE | ADULT


def prepare(connection: Connection, way: str) -> None:
    connection.exec_driver_sql("set transaction read only")
    connection.exec_driver_sql(f"set local recsys.retrieval = '{way}'")


@pytest.mark.parametrize("way", ["auto", "exact", "index"])
@relaxed
@given(user_id=users, k=st.integers(1, 160), rated=st.booleans(), filters=wishes)
def test_recommend_is_what_is_left_of_brute_force(
    hidden: Connection,
    catalogue: Catalogue,
    way: str,
    user_id: int,
    k: int,
    rated: bool,
    filters: dict[str, Any],
) -> None:
    prepare(hidden, way)
    rows = call(
        hidden, "recommend", user_id=user_id, k=k, include_rated=rated, rerank=False, **filters
    )
    ranking = catalogue.users.get(user_id)
    if user_id == LIVE:
        ranking = catalogue.solved(LIKED)
    truth = {} if ranking is None else catalogue.scores(ranking)
    barred = left_out(filters) | (set() if rated else {*catalogue.ratings.get(user_id, ())})
    check_list(
        rows,
        brute_force(catalogue, truth, barred, filters),
        k,
        source="live" if user_id == LIVE else "personal",
    )
    hidden.rollback()


@pytest.mark.parametrize("way", ["auto", "exact", "index"])
@relaxed
@given(movie_id=st.integers(1, 150), k=st.integers(1, 160), filters=wishes)
def test_films_like_one_are_what_is_left_of_brute_force(
    hidden: Connection,
    catalogue: Catalogue,
    way: str,
    movie_id: int,
    k: int,
    filters: dict[str, Any],
) -> None:
    """A hidden film may be asked about; others like it come."""
    prepare(hidden, way)
    rows = call(hidden, "more_like", liked=[movie_id], k=k, **filters)
    direction = catalogue.direction([movie_id])
    truth = {} if direction is None else catalogue.likeness(direction)
    barred = left_out(filters) | {movie_id}
    check_list(rows, brute_force(catalogue, truth, barred, filters), k)
    for by in ("ratings", "plot", "both"):
        rows = call(hidden, "similar_movies", movie_id=movie_id, k=k, by=by, **filters)
        everything = brute_force(catalogue, {}, barred, filters)
        assert len(rows) == min(k, len(everything))
        assert {row["movie_id"] for row in rows} <= {movie for movie, *_ in everything}
    hidden.rollback()


@relaxed
@given(k=st.integers(1, 160), filters=wishes, aged=st.booleans())
def test_popular_films_are_what_is_left_of_brute_force(
    hidden: Connection, catalogue: Catalogue, k: int, filters: dict[str, Any], aged: bool
) -> None:
    everything = brute_force(catalogue, {}, left_out(filters), filters)
    if aged:
        rows = call(hidden, "popular", k=k, half_life="1000 days", **filters)
        assert len(rows) == min(k, len(everything))
        assert {row["movie_id"] for row in rows} <= {movie for movie, *_ in everything}
    else:
        check_list(call(hidden, "popular", k=k, **filters), everything, k)


@pytest.mark.parametrize("strategy", ["mean", "least_misery"])
@relaxed
@given(
    user_ids=st.lists(st.one_of(st.integers(1, 1005), st.just(STRANGER)), min_size=1, max_size=4),
    k=st.integers(1, 160),
    filters=wishes,
)
def test_groups_get_what_is_left_of_brute_force(
    hidden: Connection,
    catalogue: Catalogue,
    strategy: str,
    user_ids: list[int],
    k: int,
    filters: dict[str, Any],
) -> None:
    rows = call(hidden, "recommend_group", user_ids=user_ids, strategy=strategy, k=k, **filters)
    scores = [catalogue.scores(catalogue.users[u]) for u in {*user_ids} if u in catalogue.users]
    combine: Any = np.mean if strategy == "mean" else np.min
    truth = {m: float(combine([s[m] for s in scores])) for m in catalogue.row if scores}
    barred = left_out(filters) | {m for u in user_ids for m in catalogue.ratings.get(u, ())}
    check_list(rows, brute_force(catalogue, truth, barred, filters), k)


@relaxed
@given(
    user_id=users,
    k=st.integers(1, 160),
    diversity=st.sampled_from([0.0, 0.4]),
    filters=wishes,
)
def test_lists_in_a_learned_order_have_none_and_are_full(
    hidden: Connection,
    catalogue: Catalogue,
    user_id: int,
    k: int,
    diversity: float,
    filters: dict[str, Any],
) -> None:
    teach(hidden)
    rows = call(hidden, "recommend", user_id=user_id, k=k, diversity=diversity, **filters)
    hidden.rollback()
    barred = left_out(filters) | {*catalogue.ratings.get(user_id, ())}
    everything = brute_force(catalogue, {}, barred, filters)
    assert len(rows) == min(k, len(everything))
    assert {row["movie_id"] for row in rows} <= {movie for movie, *_ in everything}


@pytest.mark.parametrize("adult", [False, True])
def test_searches_find_the_others_as_before(
    hidden: Connection, server_url: URL, learned_name: str, catalogue: Catalogue, adult: bool
) -> None:
    titles = hidden.exec_driver_sql("select title from recsys.movies").scalars()
    barred = left_out({"include_adult": adult})
    asked = [("search_titles", title) for title in titles]
    asked += [("search_plots", words) for words in ("a robot", "love and war", "a family")]
    with open_database(server_url, learned_name).connect() as usual:
        for function, query in asked:
            everything = call(usual, function, query=query, k=150)
            found = call(hidden, function, query=query, k=150, include_adult=adult)
            left = [row["movie_id"] for row in everything if row["movie_id"] not in barred]
            assert [row["movie_id"] for row in found] == left, query
    assert barred < {*catalogue.films}


def test_the_table_of_all_users_has_none(server_url: URL, learned_engine: Engine) -> None:
    with learned_engine.begin() as connection:
        leave_some_users(connection)
        hide(connection)
        teach(connection)
    for k in (10, 40):
        recommend_all(learned_engine, k)
        with learned_engine.begin() as connection:
            assert_same(connection, k)
            films = connection.exec_driver_sql("select movie_id from recsys.recommendations")
            assert films.rowcount > 0
            assert not {*films.scalars()} & left_out({})


def test_a_hidden_film_that_is_named_is_answered(hidden: Connection) -> None:
    adult, gone = min(ADULT - GONE), min(GONE - ADULT)
    scored = call(hidden, "score_movies", user_id=1, movie_ids=[adult, gone])
    assert {row["movie_id"] for row in scored} == {adult, gone}
    assert call(hidden, "explain", user_id=1, movie_id=gone)
    assert call(hidden, "users_for", movie_id=gone)


def test_it_is_gone_from_the_next_statement_on_and_back(learned_engine: Engine) -> None:
    """Also for a transaction that began before, whose `now()` is earlier."""
    url = libpq_url(learned_engine.url)
    with psycopg.connect(url) as reader, psycopg.connect(url, autocommit=True) as writer:

        def first() -> int:
            row = reader.execute("select movie_id from recsys.recommend(1)").fetchone()
            assert row is not None
            return int(row[0])

        best = first()
        vector = reader.execute("select recsys.user_vector(1)").fetchone()
        writer.execute("select recsys.withdraw_movie(%s::bigint)", (best,))
        assert first() != best
        assert reader.execute("select recsys.user_vector(1)").fetchone() == vector
        writer.execute("select recsys.restore_movie(%s::bigint)", (best,))
        assert first() == best
        soon = datetime.now(UTC) + timedelta(seconds=1)
        writer.execute("select recsys.withdraw_movie(%s::bigint, %s)", (best, soon))
        assert first() == best or datetime.now(UTC) >= soon
        writer.execute("select pg_sleep_until(%s)", (soon,))
        assert first() != best


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("select recsys.withdraw_movie(-7)", "unknown movie: -7"),
        ("select recsys.restore_movie(-7)", "unknown movie: -7"),
        ("select recsys.withdraw_movie(null)", "unknown movie: null"),
        ("select recsys.withdraw_movie(1, null)", "withdrawn_at is null"),
        (
            "select recsys.withdraw_movie(1, 'infinity')",
            "withdrawn_at is 'infinity': choose a time",
        ),
        (
            "select recsys.withdraw_movie(1, '0001-01-01Z')",
            "withdrawn_at is '0001-01-01 .*': choose",
        ),
    ],
)
def test_refusals(sample: Connection, statement: str, why: str) -> None:
    with pytest.raises(DBAPIError, match=why) as refused:
        sample.exec_driver_sql(statement)
    assert refused.value.orig.sqlstate == "22023"  # type: ignore[union-attr]


def test_a_film_made_of_two_is_adult_if_one_was(sample: Connection) -> None:
    sample.exec_driver_sql("update recsys.movies set adult = true where movie_id = 2")
    sample.exec_driver_sql("select recsys.merge_movies(1, 2)")
    adult = sample.exec_driver_sql("select adult from recsys.movies where movie_id = 1")
    assert adult.scalar_one() is True
