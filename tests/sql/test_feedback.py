"""What users said and did, and what they were shown: the effect on each list, as docs/feedback.md."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection, Engine

from recsys.models.lists import recommend_all
from tests.helpers.databases import open_database
from tests.helpers.lists import assert_same
from tests.helpers.oracle import call, filter_sets
from tests.helpers.order_oracle import rate_at, teach

KINDS = ["seen", "liked", "played", "hidden", "not_now", "watchlist", "clicked"]
WATCHED, AWAY = {"seen", "liked", "played"}, {"hidden", "not_now"}
MARK = "insert into recsys.feedback (user_id, movie_id, kind, at) values (%s, %s, %s, now() - %s::interval)"
SHOWN = (
    "insert into recsys.impressions (user_id, movie_id, rank, shown_at)"
    " values (%s, %s, 1, now() - make_interval(secs => %s))"
)
LIVE, STRANGER = 10**12, 10**13
ALL = 1000
DAY = 86400

relaxed = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
viewers = st.one_of(st.integers(1, 40), st.sampled_from([LIVE, STRANGER]))


@pytest.fixture(scope="module")
def taught_name(server_url: URL, learned_name: str, copies: Callable[[str], str]) -> str:
    """Name of a database with an order that weighs every input, and a live user."""
    name = copies(learned_name)
    with open_database(server_url, name).begin() as connection:
        teach(connection)
        rate_at(connection, LIVE, dict.fromkeys((3, 6, 14, 20, 40), 5), "2020-01-01")
    return name


@pytest.fixture
def taught(server_url: URL, taught_name: str) -> Iterator[Connection]:
    with open_database(server_url, taught_name).connect() as connection:
        yield connection
        connection.rollback()


def mark(
    connection: Connection, user_id: int, movie_id: int, kind: str, age: str = "0 days"
) -> None:
    connection.exec_driver_sql(MARK, (user_id, movie_id, kind, age))


def ids(connection: Connection, function: str, **arguments: Any) -> list[int]:
    return [row["movie_id"] for row in call(connection, function, **arguments)]


def same(rows: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """Compare two lists, which sums in another order may have changed in the last digits."""
    assert [row["rank"] for row in rows] == list(range(1, len(wanted) + 1))
    assert [(row["movie_id"], row["source"]) for row in rows] == [
        (row["movie_id"], row["source"]) for row in wanted
    ]
    scores = [row["score"] for row in wanted]
    assert [row["score"] for row in rows] == pytest.approx(scores, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("user", [1, LIVE, STRANGER])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_effect(taught: Connection, kind: str, user: int) -> None:
    before = ids(taught, "recommend", user_id=user, k=ALL, rerank=False)
    marked = random.Random(1).sample(before[:20], 5)
    others = ids(taught, "recommend", user_id=2)
    for movie_id in marked:
        mark(taught, user, movie_id, kind)
    left = [movie_id for movie_id in before if movie_id not in marked]
    out = kind in WATCHED | AWAY
    # The rest of retrieval is as it was, for liked films, too: they have no stars to learn from.
    after = ids(taught, "recommend", user_id=user, k=ALL, rerank=False)
    assert after == (left if out else before)
    again = ids(taught, "recommend", user_id=user, k=ALL, include_rated=True)
    assert bool(set(again) & set(marked)) == (kind not in AWAY)
    group = ids(taught, "recommend_group", user_ids=[2, user], k=ALL)
    assert bool(set(group) & set(marked)) != out or not set(before) & set(group) & set(marked)
    assert ids(taught, "recommend", user_id=2) == others
    assert sorted(ids(taught, "watchlist", user_id=user)) == (
        sorted(marked) if kind == "watchlist" else []
    )
    if user == 1:
        told = [row["user_id"] for row in call(taught, "users_for", movie_id=marked[0], k=ALL)]
        assert (user in told) != out


def test_not_now_ends_after_thirty_days(sample: Connection) -> None:
    first, second, *_ = ids(sample, "recommend", user_id=1)
    mark(sample, 1, first, "not_now", "29 days 23 hours")
    mark(sample, 1, second, "not_now", "30 days 1 hour")
    after = ids(sample, "recommend", user_id=1)
    assert first not in after
    assert second in after


@pytest.mark.parametrize(("kind", "stars"), [("seen", 1.0), ("played", 1.0), ("liked", 5.0)])
def test_what_was_watched_teaches_the_order_as_what_was_rated(
    taught: Connection, kind: str, stars: float
) -> None:
    """The order weighs it by when it was, as if rated so low that it is no like, or liked."""
    films, when = ids(taught, "recommend", user_id=5, k=60)[10:14], "2016-05-05 12:00Z"
    ordering = (
        "select o.weights, (select jsonb_object_agg(movie_id, array[share, likes::integer])"
        " from unnest(o.film_ids, o.shares, o.likes) as x (movie_id, share, likes))"
        " from recsys_internal.find_model(null) m, recsys_internal.find_order(m.model_id) c,"
        " recsys_internal.find_ordering(m, c, recsys_internal.find_rated(5), recsys_internal.find_marks(5)) o"
    )
    plain = taught.exec_driver_sql(ordering).one()
    asked = {"user_id": 5, "k": 60}
    with taught.begin_nested() as attempt:
        rate_at(taught, 5, dict.fromkeys(films, stars), when)
        rated, listed = taught.exec_driver_sql(ordering).one(), call(taught, "recommend", **asked)
        attempt.rollback()
    for movie_id in films:
        mark(taught, 5, movie_id, kind)
    taught.exec_driver_sql("update recsys.feedback set at = %s", (when,))
    assert taught.exec_driver_sql(ordering).one() == rated != plain
    if kind != "liked":  # retrieval counts likes of stars alone
        same(call(taught, "recommend", **asked), listed)
    # Of a film that is rated, too, the rating counts.
    rate_at(taught, 5, dict.fromkeys(films, 3.0), "2015-01-01")
    both = taught.exec_driver_sql(ordering).one()
    taught.exec_driver_sql("delete from recsys.feedback")
    assert taught.exec_driver_sql(ordering).one() == both


def test_the_reasons_of_a_watched_film_add_up(taught: Connection) -> None:
    best = call(taught, "recommend", user_id=5, k=30)
    for row in best[20:25]:
        mark(taught, 5, row["movie_id"], "seen")
    first = call(taught, "recommend", user_id=5, k=1)[0]
    reasons = call(taught, "explain", user_id=5, movie_id=first["movie_id"], k=ALL)
    assert sum(row["contribution"] for row in reasons) == pytest.approx(first["score"], abs=1e-3)


shown_films = st.dictionaries(
    st.integers(0, 149), st.lists(st.integers(60, 80 * DAY), min_size=1, max_size=3, unique=True),
    max_size=25,
)  # fmt: skip


def show(connection: Connection, user_id: int, shown: dict[int, list[int]]) -> dict[int, list[int]]:
    """Show films, by their place in the list of all; return the ages in seconds by film."""
    films = ids(connection, "recommend", user_id=user_id, k=ALL, include_rated=True)
    by_film = {films[place]: ages for place, ages in shown.items() if place < len(films)}
    for movie_id, ages in by_film.items():
        for age in ages:
            connection.exec_driver_sql(SHOWN, (user_id, movie_id, age))
    return by_film


def stepped_back(
    rows: list[dict[str, Any]], shown: dict[int, list[int]], fresh: float
) -> list[dict[str, Any]]:
    """The formula of docs/feedback.md, over a whole list."""

    def place(row: dict[str, Any]) -> tuple[bool, float, int]:
        ages = [age for age in shown.get(row["movie_id"], ()) if age < 70 * DAY]
        times = sum(0.5 ** (age / (7 * DAY)) for age in ages)
        return (
            row["source"] == "popular",
            row["rank"] + fresh * 100 * (1 - 0.5**times),
            row["rank"],
        )

    return sorted(rows, key=place)


@relaxed
@given(
    user=viewers, shown=shown_films, days=st.integers(1, 80), fresh=st.sampled_from([0.25, 0.5, 1]),
    k=st.integers(1, 160), rerank=st.booleans(), filters=filter_sets(),
)  # fmt: skip
def test_what_was_shown_is_left_out_or_steps_back(
    taught: Connection, user: int, shown: dict[int, list[int]], days: int, fresh: float, k: int,
    rerank: bool, filters: dict[str, Any],
) -> None:  # fmt: skip
    try:
        ages = show(taught, user, shown)
        asked = {"user_id": user, "rerank": rerank, **filters}
        everything = call(taught, "recommend", k=ALL, **asked)
        since = days * DAY + 30  # between two ages
        lately = {m for m, those in ages.items() if any(age < since for age in those)}
        rows = call(taught, "recommend", k=k, not_shown_since=f"{since} seconds", **asked)
        if not rerank:
            same(rows, [row for row in everything if row["movie_id"] not in lately][:k])
        barred = [*(filters.get("exclude_movies") or []), *lately]
        asked_without = {**asked, "exclude_movies": barred}
        assert rows == call(taught, "recommend", k=k, **asked_without)
        rows = call(taught, "recommend", k=k, fresh=fresh, **asked)
        same(rows, stepped_back(everything, ages, fresh)[:k])
        assert call(taught, "recommend", k=k, fresh=0, **asked) == call(
            taught, "recommend", k=k, **asked
        )
    finally:
        taught.rollback()


def test_a_film_steps_back_further_the_oftener_and_the_later_it_was_shown(
    sample: Connection,
) -> None:
    best, *_ = ids(sample, "recommend", user_id=1)
    places = []
    for age in (60 * DAY, 6 * DAY, DAY, 3600, 0):
        sample.exec_driver_sql(SHOWN, (1, best, age))
        for fresh in (0.1, 0.5, 1):
            places.append(ids(sample, "recommend", user_id=1, k=ALL, fresh=fresh).index(best))
    for fresh in range(3):
        along = places[fresh::3]
        assert along == sorted(along)
        assert along[0] < along[-1]
    for time in range(0, len(places), 3):
        assert places[time : time + 3] == sorted(places[time : time + 3])
    assert max(places) < 100
    sample.exec_driver_sql(
        "insert into recsys.impressions values (1, '9999-12-30Z', %s, 1)", (best,)
    )
    assert ids(sample, "recommend", user_id=1, k=ALL, fresh=1).index(best) >= places[-1]


@relaxed
@given(
    user=viewers, listed=st.sets(st.integers(1, 150), max_size=30),
    hidden=st.sets(st.integers(1, 150), max_size=20), k=st.integers(1, 60), rerank=st.booleans(),
    rated=st.booleans(), way=st.sampled_from(["auto", "exact", "index"]), filters=filter_sets(),
)  # fmt: skip
def test_a_watchlist_is_in_the_order_of_the_model(
    taught: Connection, user: int, listed: set[int], hidden: set[int], k: int, rerank: bool,
    rated: bool, way: str, filters: dict[str, Any],
) -> None:  # fmt: skip
    """It is what remains where all other films are excluded; it comes first where it is asked to."""
    try:
        taught.exec_driver_sql(f"set local recsys.retrieval = '{way}'")
        for movie_id in listed:
            mark(taught, user, movie_id, "watchlist")
        for movie_id in hidden:
            mark(taught, user, movie_id, "hidden")
        without = set(filters.pop("exclude_movies", None) or [])
        films = {row[0] for row in taught.exec_driver_sql("select movie_id from recsys.movies")}
        others = [*(films - listed | without)]
        asked = {"user_id": user, **filters}
        kept = call(taught, "watchlist", k=k, **asked, exclude_movies=[*without])
        whole = call(taught, "recommend", k=k, include_rated=True, **asked, exclude_movies=others)
        same(kept, whole)
        if not filters:
            assert len(kept) == min(k, len(listed - hidden - without))
        asked |= {"include_rated": rated, "rerank": rerank}
        first = call(taught, "recommend", k=k, **asked, exclude_movies=others)
        rest = call(taught, "recommend", k=k, **asked, exclude_movies=[*listed | without])
        rows = call(
            taught, "recommend", k=k, **asked, exclude_movies=[*without], watchlist_first=True
        )
        same(rows, [*first, *rest][:k])
    finally:
        taught.rollback()


def test_a_watchlist_of_thousands_is_whole(engine: Engine) -> None:
    """Longer than lists of films that filters let pass may be."""
    with engine.begin() as connection:
        run = connection.exec_driver_sql
        run(
            "insert into recsys.movies (movie_id, title) select m, 'Film ' || m"
            " from generate_series(1, 3000) m"
        )
        run(
            "insert into recsys.feedback (user_id, movie_id, kind)"
            " select 1, m, 'watchlist' from generate_series(1, 2500) m"
        )
        assert len(ids(connection, "watchlist", user_id=1, k=3000)) == 2500
        run("select recsys.withdraw_movie(7)")
        mark(connection, 1, 8, "hidden")
        rows = ids(connection, "watchlist", user_id=1, k=3000)
        assert sorted(rows) == sorted({*range(1, 2501)} - {7, 8})
        assert len(ids(connection, "recommend", user_id=1, k=3000, watchlist_first=True)) == 2998


@pytest.fixture(scope="module")
def hiding_name(server_url: URL, taught_name: str, copies: Callable[[str], str]) -> str:
    """Name of a database where every user has feedback of all kinds, and was shown films."""
    name = copies(taught_name)
    with open_database(server_url, name).begin() as connection:
        run = connection.exec_driver_sql
        users = [*range(1, 41), LIVE, STRANGER]
        kinds = [kind for kind in KINDS for _ in range(3 if kind == "hidden" else 1)]
        # What would come first is hidden more often than the rest.
        run(
            "insert into recsys.feedback (user_id, movie_id, kind)"
            " select u, r.movie_id, (%s::text[])[1 + (hashint8(u * 1000 + r.rank) & 65535) %% %s]"
            " from unnest(%s::bigint[]) u"
            " cross join lateral recsys.recommend(u, k => 30, include_rated => true) r",
            (kinds, len(kinds), users),
        )
        run(
            "insert into recsys.impressions (user_id, movie_id, rank)"
            " select user_id, movie_id, 1 from recsys.feedback where movie_id & 1 = 0"
        )
    return name


def hidden_by(connection: Connection) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    query = "select user_id, movie_id from recsys.feedback where kind = 'hidden'"
    for user_id, movie_id in connection.exec_driver_sql(query):
        found.setdefault(user_id, set()).add(movie_id)
    return found


@pytest.mark.parametrize(
    "calls", [300, pytest.param(10_000, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_no_answer_has_a_hidden_film(server_url: URL, hiding_name: str, calls: int) -> None:
    with open_database(server_url, hiding_name).connect() as connection:
        hidden = hidden_by(connection)
        assert len(hidden) == 42
        asked = {"hidden films": 0}

        def check(members: list[int], function: str, **arguments: Any) -> None:
            barred = set().union(*(hidden[user] for user in members))
            rows = ids(connection, function, **arguments)
            assert not set(rows) & barred, (function, arguments)
            asked["hidden films"] += len(barred)

        @settings(max_examples=calls, deadline=None, database=None)
        @given(
            st.data(),
            st.sampled_from(
                ["recommend", "recommend", "watchlist", "recommend_group", "users_for"]
            ),
            st.lists(st.sampled_from(sorted(hidden)), min_size=1, max_size=4, unique=True),
            st.integers(1, 160),
            filter_sets(),
        )
        def ask(
            data: st.DataObject, function: str, users: list[int], k: int, filters: dict[str, Any]
        ) -> None:
            way = data.draw(st.sampled_from(["auto", "exact", "index"]))
            connection.exec_driver_sql(f"set recsys.retrieval = '{way}'")
            if function == "recommend":
                filters |= {
                    "include_rated": data.draw(st.booleans()),
                    "rerank": data.draw(st.booleans()),
                    "diversity": data.draw(st.sampled_from([0, 0.5])),
                    "fresh": data.draw(st.sampled_from([0, 0.5, 1])),
                    "watchlist_first": data.draw(st.booleans()),
                }
            if function == "recommend_group":
                strategy = data.draw(st.sampled_from(["mean", "least_misery"]))
                check(users, function, user_ids=users, k=k, strategy=strategy, **filters)
            elif function == "users_for":
                movie_id = data.draw(st.integers(1, 150))
                found = call(connection, function, movie_id=movie_id, k=k)
                told = {row["user_id"] for row in found}
                assert not any(movie_id in hidden.get(user, ()) for user in told)
            else:
                check(users[:1], function, user_id=users[0], k=k, **filters)

        ask()
        assert asked["hidden films"] > calls
        connection.rollback()


@pytest.mark.parametrize("k", [10, pytest.param(70, marks=pytest.mark.slow)])
def test_lists_for_all_are_those_of_the_function(
    server_url: URL, hiding_name: str, copies: Callable[[str], str], k: int
) -> None:
    engine = open_database(server_url, copies(hiding_name))
    recommend_all(engine, k)
    with engine.connect() as connection:
        assert_same(connection, k)
        kept = connection.exec_driver_sql("select user_id, movie_id from recsys.recommendations")
        hidden = hidden_by(connection)
        assert not any(movie_id in hidden.get(user_id, ()) for user_id, movie_id in kept)


def test_a_merge_of_films_keeps_feedback(sample: Connection) -> None:
    one, other, *_ = ids(sample, "recommend", user_id=1)
    for user, movie_id in ((1, one), (1, other), (2, other)):
        mark(sample, user, movie_id, "hidden")
    sample.exec_driver_sql("select recsys.merge_movies(%s, %s)", (one, other))
    found = sample.exec_driver_sql("select user_id, movie_id from recsys.feedback order by 1")
    assert [tuple(row) for row in found] == [(1, one), (2, one)]


def test_a_merge_of_films_keeps_impressions(sample: Connection) -> None:
    one, other, *_ = ids(sample, "recommend", user_id=1)
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
