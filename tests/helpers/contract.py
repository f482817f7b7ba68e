"""What the answer of each public function must be, whatever it was asked: from the tables alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg

Arguments = dict[str, Any]
Rows = list[dict[str, Any]]

FILMS = """
    select m.movie_id, m.year, m.rating_count, m.adult,
        coalesce(m.withdrawn_at <= statement_timestamp(), false),
        array(select lower(g.name) from recsys.movie_genres l join recsys.genres g using (genre_id)
            where l.movie_id = m.movie_id),
        array(select lower(p.genre) from recsys.movie_genres_predicted p
            where p.movie_id = m.movie_id)
    from recsys.movies m
"""


@dataclass(frozen=True)
class Film:
    year: int | None
    rating_count: int
    adult: bool
    withdrawn: bool
    genres: frozenset[str]
    predicted: frozenset[str]


class Facts:
    """What the tables say, read once."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        run = connection.execute
        self.films = {
            row[0]: Film(row[1], row[2], row[3], row[4], frozenset(row[5]), frozenset(row[6]))
            for row in run(FILMS)
        }
        self.rated: dict[int, set[int]] = {}
        for user_id, movie_id in run("select user_id, movie_id from recsys.ratings"):
            self.rated.setdefault(user_id, set()).add(movie_id)
        self.feedback: list[tuple[int, int, str, datetime]] = [
            *run("select user_id, movie_id, kind, at from recsys.feedback")
        ]
        self.impressions: list[tuple[int, int, datetime]] = [
            *run("select user_id, movie_id, shown_at from recsys.impressions")
        ]
        [(self.now,)] = run("select now()")

    def marked(self, user_ids: list[int], *kinds: str) -> set[int]:
        """Films of which one of the users said this; not_now counts for 30 days."""
        since = self.now - timedelta(days=30)
        return {
            movie_id
            for user_id, movie_id, kind, at in self.feedback
            if user_id in user_ids and kind in kinds and (kind != "not_now" or at > since)
        }

    def allowed(self, given: Arguments) -> set[int]:
        """Films that pass the filters of a call."""
        return {movie_id for movie_id, film in self.films.items() if self._passes(film, given)} - {
            *flat(given.get("exclude_movies"))
        }

    def _passes(self, film: Film, given: Arguments) -> bool:
        genres = film.genres | (film.predicted if given.get("include_predicted_genres") else set())
        wanted, barred = (
            None if given.get(name) is None else {g.lower() for g in flat(given[name])}
            for name in ("genres", "exclude_genres")
        )
        first, last = given.get("year_from"), given.get("year_to")
        least = given.get("min_ratings")
        return (
            not film.withdrawn
            and (not film.adult or bool(given.get("include_adult")))
            and (wanted is None or bool(genres & wanted))
            and not genres & (barred or set())
            and (first is None or (film.year is not None and film.year >= first))
            and (last is None or (film.year is not None and film.year <= last))
            and (least is None or film.rating_count >= least)
        )

    def away(self, user_ids: list[int], include_rated: bool = False) -> set[int]:
        """Films that are in none of the users' lists."""
        away = self.marked(user_ids, "hidden", "not_now")
        if not include_rated:
            away |= self.marked(user_ids, "seen", "played", "liked")
            away = away.union(*(self.rated.get(user_id, set()) for user_id in user_ids))
        return away

    def shown(self, user_id: int, since: str | None) -> set[int]:
        """Films that a user was shown in this time; of years, only those that all time is in."""
        if since is None:
            return set()
        number, _, unit = since.partition(" ")
        seconds = {"microsecond": 1e-6, "hours": 3600, "day": 86400, "days": 86400}
        longest = 1000 * 365 * 86400.0
        span = timedelta(seconds=float(number) * seconds[unit] if unit in seconds else longest)
        return {
            movie_id
            for user, movie_id, at in self.impressions
            if user == user_id and at > self.now - span
        }


def flat(array: Any) -> list[Any]:
    """The elements of an array, given as a list or as its literal; nulls are left out."""
    if isinstance(array, str):
        inside = array.rpartition("=")[2].replace("{", "").replace("}", "")
        return [int(one) for one in inside.split(",") if one not in ("", "NULL")]
    found: list[Any] = []
    for one in array or ():
        found += flat(one) if isinstance(one, list) else [] if one is None else [one]
    return found


def check_finite(rows: Rows) -> None:
    for row in rows:
        for name, value in row.items():
            assert not isinstance(value, float) or math.isfinite(value), f"{name} is {value}"


def check_ranks(rows: Rows, key: str, k: int) -> None:
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert len({row[key] for row in rows}) == len(rows) <= k


def check_order(rows: Rows, key: str) -> None:
    """By score, of one source after the other where there are several, then by id."""
    sources = [row["source"] == "popular" for row in rows if "source" in row]
    assert sources == sorted(sources)
    for one, other in pairwise(rows):
        if one.get("source") == "popular" or other.get("source") == "popular":
            if one["source"] == other["source"]:  # ties go by likes
                assert one["score"] >= other["score"]
            continue
        assert (-one["score"], one[key]) < (-other["score"], other[key])


def full_list(barred: Callable[[Facts, Arguments], set[int]]) -> Check:
    """Check of a function that gives k films, or all that may come: those not barred."""

    def check(facts: Facts, given: Arguments, rows: Rows) -> None:
        may_come = facts.allowed(given) - barred(facts, given)
        check_ranks(rows, "movie_id", given["k"])
        assert {row["movie_id"] for row in rows} <= may_come
        assert len(rows) == min(given["k"], len(may_come))
        rearranged = any(map(given.get, ("diversity", "fresh", "watchlist_first", "experiment")))
        if not rearranged and given.get("by") != "both":
            check_order(rows, "movie_id")

    return check


def check_watchlist(facts: Facts, given: Arguments, rows: Rows) -> None:
    users = [given["user_id"]]
    listed = facts.marked(users, "watchlist") - facts.marked(users, "hidden")
    others = facts.films.keys() - listed
    full_list(lambda *_: others)(facts, given, rows)


def check_plots(facts: Facts, given: Arguments, rows: Rows) -> None:
    check_ranks(rows, "movie_id", given["k"])
    check_order(rows, "movie_id")
    assert {row["movie_id"] for row in rows} <= facts.allowed(given)


def check_titles(facts: Facts, given: Arguments, rows: Rows) -> None:
    check_ranks(rows, "movie_id", given["k"])
    assert {row["movie_id"] for row in rows} <= facts.allowed(given)
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)


def check_users(facts: Facts, given: Arguments, rows: Rows) -> None:
    check_ranks(rows, "user_id", given["k"])
    check_order(rows, "user_id")
    found = [row["user_id"] for row in rows]
    assert given.get("user_id") not in found
    if "movie_id" in given:
        assert not [user for user in found if given["movie_id"] in facts.away([user])]


def check_scores(facts: Facts, given: Arguments, rows: Rows) -> None:
    assert {row["movie_id"] for row in rows} == {*flat(given["movie_ids"])}
    check_order(rows, "movie_id")


def check_reasons(facts: Facts, given: Arguments, rows: Rows) -> None:
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) <= given["k"]
    watched = facts.away([given["user_id"]])
    assert {row["because_movie_id"] for row in rows} - {None} <= watched


def check_genres(facts: Facts, given: Arguments, rows: Rows) -> None:
    chances = [row["probability"] for row in rows]
    assert chances == sorted(chances, reverse=True)
    least = float(given.get("threshold") or 0) - 1e-6
    assert all(least <= chance <= 1 for chance in chances)


def finite_alone(facts: Facts, given: Arguments, rows: Rows) -> None:
    for row in rows:
        for value in row.values():
            if isinstance(value, str) and value:  # a vector; nothing is the empty text
                assert all(math.isfinite(float(number)) for number in value[1:-1].split(","))


def check_variant(facts: Facts, given: Arguments, rows: Rows) -> None:
    assert rows[0]["variant_of"] in ("plain", "diverse")


Check = Callable[[Facts, Arguments, Rows], None]

CHECKS: dict[str, Check] = {
    "recommend": full_list(
        lambda facts, given: (
            facts.away([given["user_id"]], bool(given.get("include_rated")))
            | facts.shown(given["user_id"], given.get("not_shown_since"))
        )
    ),
    "recommend_for": full_list(lambda facts, given: {*flat(given["liked"])}),
    "recommend_group": full_list(lambda facts, given: facts.away(flat(given["user_ids"]))),
    "interleave": full_list(lambda facts, given: facts.away([given["user_id"]])),
    "similar_movies": full_list(lambda facts, given: {given["movie_id"]}),
    "more_like": full_list(
        lambda facts, given: {*flat(given["liked"]), *flat(given.get("disliked"))}
    ),
    "popular": full_list(lambda facts, given: set()),
    "watchlist": check_watchlist,
    "search_plots": check_plots,
    "search_titles": check_titles,
    "users_for": check_users,
    "similar_users": check_users,
    "score_movies": check_scores,
    "explain": check_reasons,
    "predict_genres": check_genres,
    "predict_movie_genres": check_genres,
    "user_vector": finite_alone,
    "variant_of": check_variant,
    "log_shown": finite_alone,
    "merge_movies": finite_alone,
    "refresh_content": finite_alone,
    "refresh_popularity": finite_alone,
    "withdraw_movie": finite_alone,
    "restore_movie": finite_alone,
}
