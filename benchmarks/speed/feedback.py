"""What feedback and impressions of a user cost `recommend`, and what an impression costs to write.

    python -m benchmarks.speed.feedback [--calls N] [--kinds hidden not_now ...]

On ml-latest-small, 100 users have a twin with the same ratings, who also has 500 rows of feedback,
of the kinds in turn, and was shown 5,000 films in the last 100 days. Both are asked for by turns,
so that a noisy moment of the machine hits both alike. Then impressions are written by turns, one
and ten at a time, into the table, into one with the same key alone, and into one without any key;
each write is committed.
"""

from __future__ import annotations

import argparse
import time
from typing import get_args

import numpy as np
import psycopg
from sqlalchemy import Connection

from benchmarks.scratch import data_set, scratch_database
from recsys.loading.load import load
from recsys.serving.writes import Kind
from recsys.sources import open_source
from recsys.training.train import train

USERS, TWIN = 100, 1_000_000
ASKED = {
    "recommend": "",
    "without stages": ", rerank => false",
    "not_shown_since 1 day": ", not_shown_since => '1 day'",
    "not_shown_since 30 days": ", not_shown_since => '30 days'",
    "fresh": ", fresh => 0.5",
    "watchlist_first": ", watchlist_first => true",
}
TWINS = """
    insert into recsys.ratings (user_id, movie_id, rating, rated_at)
    select %s + user_id, movie_id, rating, rated_at from recsys.ratings where user_id <= %s
"""
FEEDBACK = """
    insert into recsys.feedback (user_id, movie_id, kind, at)
    select %s + u, m.movie_id, (%s::text[])[1 + m.n %% cardinality(%s::text[])],
        now() - m.n * interval '1 hour'
    from generate_series(1, %s) u
    cross join lateral (
        select movie_id, row_number() over () as n
        from (
            select movie_id from recsys.movies order by hashint8(movie_id * 1000 + u) limit 500) x
    ) m
"""
IMPRESSIONS = """
    insert into recsys.impressions (user_id, shown_at, movie_id, rank)
    select %s + u, now() - m.n / 10 * interval '288 minutes', m.movie_id, 1 + m.n %% 10
    from generate_series(1, %s) u
    cross join lateral (
        select movie_id, row_number() over (order by hashint8(movie_id * 999 + u)) as n
        from recsys.movies limit 5000
    ) m
"""
BARE = """
    create table bare (like recsys.impressions including defaults);
    create table keyed (like recsys.impressions including defaults including indexes)
"""
WRITTEN = (
    "insert into {} (user_id, movie_id, rank, model_id)"
    " select %s, m, row_number() over (), 1 from unnest(%s::bigint[]) m"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000, help="of each statement")
    parser.add_argument("--kinds", nargs="+", default=list(get_args(Kind)), help="of feedback")
    arguments = parser.parse_args()
    with scratch_database() as engine:
        load(engine, open_source(str(data_set("ml-latest-small"))))
        with engine.begin() as connection:
            connection.exec_driver_sql(TWINS, (TWIN, USERS))
        train(engine)
        with engine.begin() as connection:
            fill(connection, arguments.kinds)
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            driver.autocommit = True
            driver.execute("vacuum analyze recsys.feedback, recsys.impressions")
            ask(driver, arguments.calls)
            for rows in (1, 10):
                write(driver, arguments.calls, rows)


def fill(connection: Connection, kinds: list[str]) -> None:
    run = connection.exec_driver_sql
    run(FEEDBACK, (TWIN, kinds, kinds, USERS))
    run(IMPRESSIONS, (TWIN, USERS))
    run(BARE)


def ask(driver: psycopg.Connection[tuple[object, ...]], calls: int) -> None:
    taken = np.zeros((len(ASKED), 2, calls))
    for turn in range(-10, calls):  # ten turns to warm up
        for which, options in enumerate(ASKED.values()):
            for twin in (turn % 2, 1 - turn % 2):  # each is the first as often
                user = 1 + turn % USERS + TWIN * twin
                begun = time.perf_counter()
                driver.execute(
                    f"select * from recsys.recommend(%s{options})", (user,), prepare=True
                ).fetchall()
                if turn >= 0:
                    taken[which, twin, turn] = 1000 * (time.perf_counter() - begun)
    print(f"{'p50 ms':24}  {'without':>8} {'with':>8} {'more':>8}")
    for name, (plain, full) in zip(ASKED, np.median(taken, axis=2), strict=True):
        print(f"{name:24}  {plain:8.2f} {full:8.2f} {full - plain:8.2f}")


def write(driver: psycopg.Connection[tuple[object, ...]], calls: int, rows: int) -> None:
    tables = ["bare", "keyed", "recsys.impressions"]
    films = [row[0] for row in driver.execute("select movie_id from recsys.movies limit 2000")]
    taken = np.zeros((len(tables), calls))
    for turn in range(calls):
        start = turn * 10 % (len(films) - 10)
        for which in np.roll(range(len(tables)), turn):
            begun = time.perf_counter()
            driver.execute(
                WRITTEN.format(tables[which]), (turn, films[start : start + rows]), prepare=True
            )
            taken[which, turn] = 1000 * (time.perf_counter() - begun)
    p50 = np.median(taken, axis=1)
    print(f"{rows} impressions, committed: p50 ms, and times a bare insert")
    for name, ms in zip(tables, p50, strict=True):
        print(f"{name:24}  {ms:8.2f} {ms / p50[0]:8.2f}")


if __name__ == "__main__":
    main()
