"""Where reading all films and asking the HNSW index cross: behind `nearest_movies` in SQL.

    python -m benchmarks.speed.retrieval [--films 5000 10000 20000 60000] [--calls 30]

Made-up vectors of 128 factors: 200 directions with noise around them, one that all share, and
norms that are all equal or nearly so (log-normal, sigma 0.02: the bound by norm rules nothing
out, so everything is read) or as skewed as trained ones (sigma 1.5). recommend and similar_movies
are asked for 10 films, of any genre and of genres of 50 to 0.1 % of the films, with the setting
recsys.retrieval at exact, index and auto by turns, so that a noisy moment of the machine hits all
alike. "passing" is how many films pass the filter, recall is against the exact way's answer,
"lost" is the time of auto over that of the quicker of the others. Then the index again
by its ef_search.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import time
from datetime import timedelta
from typing import Any, cast

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy import Connection as Transaction

from benchmarks.scratch import scratch_database
from recsys.arrays import Vectors
from recsys.models.vectors import TrainedModel, write_model
from recsys.models.versions import activate_model

FACTORS, DIRECTIONS, USERS, RATED, K = 128, 200, 40, 50, 10
NORMS = {"equal": 0.0, "alike": 0.02, "skewed": 1.5}
SHARES = {None: 1.0, "50%": 0.5, "10%": 0.1, "3%": 0.03, "1%": 0.01, "0.1%": 0.001}  # by genre
WAYS = ("exact", "index", "auto")
HEADING = f" films norms  {'':14} genre"
EF_SEARCH = ("100", "200", "400")
QUERIES = {
    "recommend": "select movie_id from recsys.recommend(%s, genres => %s, rerank => false)",
    "similar_movies": "select movie_id from recsys.similar_movies(%s, genres => %s)",
}
FILMS = """
    insert into recsys.movies (movie_id, title)
    select id, 'Film ' || id from generate_series(1, %s) as id
"""
GENRE = """
    with added as (insert into recsys.genres (name) values (%s) returning genre_id)
    insert into recsys.movie_genres (movie_id, genre_id)
    select movie_id, genre_id from recsys.movies, added
    where hashint8extended(movie_id, genre_id) & 65535 < %s * 65536
"""
LISTED = """
    select case when g.names is null then (select movie_count from recsys.models)
        else cardinality(recsys_internal.list_movies(
            recsys_internal.find_filters(g.names, null, null, null, null, null))) end
    from (select %s::text[]) g (names)
"""
DEFINITION = "select pg_get_functiondef('recsys_internal.nearest_by_index'::regproc)"

Connection = psycopg.Connection[tuple[Any, ...]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, nargs="+", default=[5_000, 10_000, 20_000, 60_000])
    parser.add_argument("--calls", type=int, default=30, help="of each statement, each way")
    arguments = parser.parse_args()
    print("ms are p50")
    for films in arguments.films:
        for norms, sigma in NORMS.items():
            with scratch_database() as engine:
                say(f"{films:,} films, {norms} norms")
                with engine.begin() as transaction:
                    asked = make_data(transaction, films, sigma)
                with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as pooled:
                    connection = cast(Connection, pooled.connection.driver_connection)
                    connection.execute("vacuum analyze")
                    label = f"{films:6,} {norms:6}"
                    compare_ways(connection, label, asked, arguments.calls)
                    if films >= 20_000:
                        compare_ef(connection, label, asked, arguments.calls)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def make_data(transaction: Transaction, films: int, sigma: float) -> dict[str, list[int]]:
    """Write films, genres, a model and ratings; return the users and films to ask for."""
    generator = np.random.default_rng(0)
    users, movies, norms = make_vectors(generator, films, USERS, sigma)
    user_ids, movie_ids = np.arange(1, USERS + 1), np.arange(1, films + 1)
    model = TrainedModel(
        "made up", user_ids, movie_ids, users, movies, {}, {}, {}, {}, timedelta(0)
    )
    transaction.exec_driver_sql(FILMS, (films,))
    for genre, share in SHARES.items():
        if genre:
            transaction.exec_driver_sql(GENRE, (genre, share))
    known = np.argsort(-norms, kind="stable")[:2000] + 1  # people rate and ask for what is popular
    ratings = [
        (user, film, 5)
        for user in range(1, USERS + 1)
        for film in generator.choice(known, RATED, replace=False).tolist()
    ]
    transaction.exec_driver_sql("insert into recsys.ratings values (%s, %s, %s)", ratings)
    activate_model(transaction, write_model(transaction, model))
    similar = generator.choice(known, USERS, replace=False).tolist()
    return {"recommend": list(range(1, USERS + 1)), "similar_movies": similar}


def make_vectors(
    generator: np.random.Generator, films: int, users: int, sigma: float
) -> tuple[Vectors, Vectors, Vectors]:
    """Return vectors of users and films, and the norms of the films'."""
    shared = unit(generator.normal(size=FACTORS))
    centres = unit(generator.normal(size=(DIRECTIONS, FACTORS)))
    noise = 0.8 * unit(generator.normal(size=(films, FACTORS)))
    movies = unit(0.7 * shared + centres[generator.integers(0, DIRECTIONS, films)] + noise)
    norms = np.exp(sigma * generator.normal(size=films)).astype(np.float32)
    mixed = centres[generator.integers(0, DIRECTIONS, (users, 3))].sum(axis=1)
    towards = unit(0.7 * shared + mixed + 0.8 * unit(generator.normal(size=(users, FACTORS))))
    return towards, movies * norms[:, None], norms


def unit(vectors: NDArray[Any]) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return cast(Vectors, (vectors / lengths).astype(np.float32))


def compare_ways(
    connection: Connection, label: str, asked: dict[str, list[int]], calls: int
) -> None:
    times = "  ".join(f"{way:>6}" for way in WAYS)
    print(f"\n{HEADING}  passing  {times}  lost  recall: index  auto")
    for function, genre in itertools.product(QUERIES, SHARES):
        genres = [genre] if genre else None
        passing = connection.execute(LISTED, (genres,)).fetchall()[0][0]
        taken: dict[str, list[float]] = {way: [] for way in WAYS}
        recalls: dict[str, list[float]] = {way: [] for way in WAYS}
        for turn in range(-3, calls):  # three turns to warm up
            exact: set[int] = set()
            for way in WAYS:
                found, milliseconds = ask(connection, function, asked, turn, genres, way)
                exact = exact or found  # the first way
                if turn >= 0:
                    taken[way].append(milliseconds)
                    recalls[way].append(len(exact & found) / max(len(exact), 1))
        p50 = {way: float(np.median(taken[way])) for way in WAYS}
        times = "  ".join(f"{p50[way]:6.2f}" for way in WAYS)
        lost = p50["auto"] / min(p50["exact"], p50["index"])
        shares = "  ".join(f"{np.mean(recalls[way]):.3f}" for way in WAYS[1:])
        print(f"{label} {function:14} {genre or 'any':>5} {passing:7}  {times}  {lost:4.2f}  "
              f"        {shares}", flush=True)  # fmt: skip


def compare_ef(connection: Connection, label: str, asked: dict[str, list[int]], calls: int) -> None:
    definition = connection.execute(DEFINITION).fetchall()[0][0]
    print(f"\n{HEADING}  " + "  ".join(f"ef {ef}: ms, recall" for ef in EF_SEARCH))
    for function, genre in itertools.product(QUERIES, (None, "50%", "10%")):
        genres = [genre] if genre else None
        exact = [ask(connection, function, asked, n, genres, "exact")[0] for n in range(calls)]
        line = f"{label} {function:14} {genre or 'any':>5}  "
        for ef in EF_SEARCH:
            connection.execute(
                re.sub("case measure when 'score' then '400' .*? end", f"'{ef}'", definition)
            )
            answers = [ask(connection, function, asked, n, genres, "index") for n in range(calls)]
            found = sum(len(best & films) for best, (films, _) in zip(exact, answers, strict=True))
            p50 = np.median([milliseconds for _, milliseconds in answers])
            line += f"    {p50:6.2f}  {found / sum(map(len, exact)):.3f}   "
        print(line.rstrip(), flush=True)
    connection.execute(definition)


def ask(
    connection: Connection,
    function: str,
    asked: dict[str, list[int]],
    turn: int,
    genres: list[str] | None,
    way: str,
) -> tuple[set[int], float]:
    """Return the films of one answer and its milliseconds."""
    connection.execute("select set_config('recsys.retrieval', %s, false)", (way,))
    values = (asked[function][turn % USERS], genres)
    begun = time.perf_counter()
    rows = connection.execute(QUERIES[function], values, prepare=True).fetchall()
    return {row[0] for row in rows}, (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    main()
