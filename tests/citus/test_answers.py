"""Every function and every view gives the plain server's rows."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from tests.citus.conftest import Pair

pytestmark = pytest.mark.citus

USERS = """
    select array_agg(user_id) from (
        select user_id from recsys.ratings group by 1 order by hashint8extended(user_id, 1)
        limit 200) u
"""
FILMS = """
    select array_agg(movie_id) from (
        select movie_id from recsys.movies order by hashint8extended(movie_id, 1) limit 50) m
"""
STRANGERS = [-1, 999_999]
OF_USERS = {
    "recommend": "recsys.recommend(%s)",
    "filtered": "recsys.recommend(%s, 20, '{Comedy}', year_from => 1985, diversity => 0.3)",
    "rated too": "recsys.recommend(%s, include_rated => true, rerank => false)",
    "explain": "recsys.explain(%s, 318)",
    "score_movies": "recsys.score_movies(%s, '{1, 2, 318, 50}')",
    "user_vector": "unnest(recsys.user_vector(%s)::real[])",
    "group": "recsys.recommend_group(array[%s::bigint, 1, 2])",
    "least misery": "recsys.recommend_group(array[%s::bigint, 1, 2], strategy => 'least_misery')",
    "watchlist": "recsys.watchlist(%s)",
    "what was shown": "recsys.recommend(%s, fresh => 0.5, not_shown_since => '1 hour',"
    " watchlist_first => true)",
    "experiment": "recsys.recommend(%s, experiment => 'e')",
    "interleave": "recsys.interleave(%s, 'e')",
    "variant_of": "recsys.variant_of(%s, 'e')",
    "similar_users": "recsys.similar_users(%s)",
}
OF_FILMS = {
    "similar_movies": "recsys.similar_movies(%s)",
    "more_like": "recsys.more_like(array[%s::bigint], array[2])",
    "recommend_for": "recsys.recommend_for(array[%s::bigint, 1])",
    "users_for": "recsys.users_for(%s)",
    "predict_movie_genres": "recsys.predict_movie_genres(%s)",
}
OTHERS = {
    "popular": "recsys.popular()",
    "search_plots": "recsys.search_plots('a boy and his toys')",
    "search_titles": "recsys.search_titles('toy stroy')",
    "predict_genres": "recsys.predict_genres('a killer in the house')",
}
LATERAL = """
    select u.user_id, r.* from unnest(%s::bigint[]) as u (user_id)
    cross join lateral recsys.recommend(u.user_id, k => 5) r
"""


@pytest.fixture(scope="module")
def connections(pair: Pair) -> Any:
    plain, divided = pair.engines
    with plain.connect() as one, divided.connect() as other:
        yield one, other


def same(one: Connection, other: Connection, query: str, arguments: tuple[Any, ...] = ()) -> int:
    """Compare the rows, in any order, numbers but for rounding; return how many there are."""
    plain, divided = (
        sorted(connection.exec_driver_sql(query, arguments or None), key=_exact)
        for connection in (one, other)
    )
    assert len(plain) == len(divided), (query, arguments)
    for left, right in zip(plain, divided, strict=True):
        assert _exact(left) == _exact(right), (query, arguments)
        numbers = [value for value in left if isinstance(value, float)]
        assert numbers == pytest.approx(
            [value for value in right if isinstance(value, float)], rel=1e-4, abs=1e-6, nan_ok=True
        ), (query, arguments)
    return len(plain)


def _exact(row: Any) -> str:
    return str([value for value in row if not isinstance(value, float)])


@pytest.mark.parametrize("name", OF_USERS)
def test_of_users(connections: tuple[Connection, Connection], name: str) -> None:
    users = [*connections[0].exec_driver_sql(USERS).scalar_one(), *STRANGERS]
    found = [same(*connections, f"select * from {OF_USERS[name]}", (user,)) for user in users]
    assert len(found) == 202
    assert sum(found) > 200


@pytest.mark.parametrize("name", OF_FILMS)
def test_of_films(connections: tuple[Connection, Connection], name: str) -> None:
    films = connections[0].exec_driver_sql(FILMS).scalar_one()
    assert sum(same(*connections, f"select * from {OF_FILMS[name]}", (film,)) for film in films)


@pytest.mark.parametrize("name", OTHERS)
def test_of_nothing(connections: tuple[Connection, Connection], name: str) -> None:
    assert same(*connections, f"select * from {OTHERS[name]}")


def test_no_function_is_left_out(connections: tuple[Connection, Connection]) -> None:
    names = connections[0].exec_driver_sql(
        "select distinct proname from pg_proc where pronamespace = 'recsys'::regnamespace"
        " and provolatile <> 'v'"
    )
    asked = " ".join([*OF_USERS.values(), *OF_FILMS.values(), *OTHERS.values()])
    assert [name for name in names.scalars() if f"recsys.{name}(" not in asked] == []


def test_laterals(connections: tuple[Connection, Connection]) -> None:
    users = connections[0].exec_driver_sql(USERS).scalar_one()
    assert same(*connections, LATERAL, (users,)) == 1000


def test_every_view(connections: tuple[Connection, Connection]) -> None:
    views = connections[0].exec_driver_sql(
        "select viewname from pg_views where schemaname = 'recsys_bi'"
    )
    names = list(views.scalars())
    assert len(names) > 15
    for name in names:
        ranked = name == "most_divisive_movies"  # where films tie but for rounding
        columns = "v.movie_id, v.rating_stddev" if ranked else "v.*"
        same(*connections, f"select {columns} from recsys_bi.{name} v")


def test_a_rating_counts_in_the_next_statement(pair: Pair) -> None:
    rate = """
        insert into recsys.ratings (user_id, movie_id, rating) values (%s, %s, 5)
    """
    engines: tuple[Engine, Engine] = pair.engines
    with engines[0].connect() as one, engines[1].connect() as other:
        for user in (1, 2, 3, 70_000):
            best = "select movie_id from recsys.recommend(%s) limit 1"
            film = one.exec_driver_sql(best, (user,)).scalar_one()
            for connection in (one, other):
                connection.exec_driver_sql(rate, (user, film))
            assert same(one, other, "select * from recsys.recommend(%s)", (user,)) == 10
            sources = other.exec_driver_sql("select source from recsys.recommend(%s)", (user,))
            assert "live" in list(sources.scalars())
        one.rollback()
        other.rollback()
