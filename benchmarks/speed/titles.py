"""How often a mistyped title is found, and how long that takes, through the socket.

    python -m benchmarks.speed.titles [--seeds N] [--films N]

Titles of ml-latest-small with one or two edits, 200 a seed; a film of the very same title counts
as found. Then again among made-up titles, each a real one's beginning with another one's end.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import psycopg
from sqlalchemy import Connection, Engine

from benchmarks.scratch import data_set, scratch_database
from recsys.loading.load import load
from recsys.sources import open_source
from tests.helpers.mistyped import mistyped_titles

MULTIPLY = """
    with films as (
        select row_number() over (order by movie_id) as number, count(*) over () as films,
            movie_id, title, year
        from recsys.movies
    )
    insert into recsys.movies (movie_id, title, year)
    select one.movie_id + 1000000 * round, case mod(round, 2)
        when 1 then split_part(one.title, ' ', 1) || ' ' || other.title
        else regexp_replace(one.title, '\\S+$', '') || regexp_replace(other.title, '^.* ', '')
        end, one.year
    from films one
    cross join generate_series(1, 1000) as round
    join films other
        on other.number = (one.number * (7919 + 2 * round) + round * 1013) %% one.films + 1
    where round * one.films + one.number <= %s
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="of 200 titles each")
    parser.add_argument("--films", type=int, default=60_000, help="of the larger catalogue")
    arguments = parser.parse_args()
    with scratch_database() as engine:
        load(engine, open_source(str(data_set("ml-latest-small"))))
        with engine.connect() as connection:
            print("just loaded, ", end="")
            measure(connection, arguments.seeds)
            vacuum(engine)
            measure(connection, arguments.seeds)
            connection.exec_driver_sql(MULTIPLY, (arguments.films,))
            connection.commit()
            vacuum(engine)
            measure(connection, arguments.seeds)


def vacuum(engine: Engine) -> None:
    """Do at once what autovacuum does within a minute after a load."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("vacuum analyze recsys.movies")


def measure(connection: Connection, seeds: int) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    cursor = driver.cursor()
    shares, seconds = [], []
    for seed in range(seeds):
        hits = 0
        queries = mistyped_titles(connection, 200, seed)
        for query, title in queries:
            begun = time.perf_counter()
            cursor.execute("select title from recsys.search_titles(%s)", (query,), prepare=True)
            found = cursor.fetchall()
            seconds.append(time.perf_counter() - begun)
            hits += bool(found) and found[0][0] == title
        shares.append(100 * hits / len(queries))
    begun = time.perf_counter()
    pairs = connection.exec_driver_sql("select count(*) from recsys_bi.duplicate_movies").scalar()
    took = time.perf_counter() - begun
    p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
    films = connection.exec_driver_sql("select count(*) from recsys.movies").scalar()
    print(f"{films:,} films: first in {np.mean(shares):.1f} % (seeds: {min(shares):.1f} to "
          f"{max(shares):.1f}), p50 {p50:.1f} ms, p95 {p95:.1f} ms; "
          f"{pairs:,} pairs of near titles in {took:.1f} s")  # fmt: skip


if __name__ == "__main__":
    main()
