"""How long an answer takes, through the socket, on ml-latest-small.

    python -m benchmarks.speed.latency [--calls N]

One connection, prepared statements as a pooled application has them; the statements take turns,
so that a noisy moment of the machine hits all alike. `select 1` is what the way itself costs.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import psycopg

from benchmarks.scratch import data_set, scratch_database
from recsys.loading.load import load
from recsys.parameters import Parameters
from recsys.sources import open_source
from recsys.training.train import train

STATEMENTS = {
    "select 1": "select 1 + 0 * %(user)s::bigint",
    "recommend": "select * from recsys.recommend(%(user)s)",
    "recommend, retrieval alone": "select * from recsys.recommend(%(user)s, rerank => false)",
    "recommend, one genre": "select * from recsys.recommend(%(user)s, genres => '{Comedy}')",
    "recommend, genre and years": "select * from recsys.recommend(%(user)s, "
    "exclude_genres => '{Drama}', year_from => 1990)",
    "recommend, unknown user": "select * from recsys.recommend(1000000 + %(user)s)",
    "score_movies, 100 films": "select * from recsys.score_movies(%(user)s, %(movies)s)",
    "similar_movies": "select * from recsys.similar_movies(%(movie)s)",
    "users_for": "select * from recsys.users_for(%(movie)s)",
    "similar_users": "select * from recsys.similar_users(%(user)s)",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000, help="of each statement")
    parser.add_argument("--factors", type=int, default=Parameters.factors)
    arguments = parser.parse_args()
    with scratch_database() as engine:
        load(engine, open_source(str(data_set("ml-latest-small"))))
        train(engine, Parameters(factors=arguments.factors))
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            measure(driver, arguments.calls)


def measure(driver: psycopg.Connection[tuple[object, ...]], calls: int) -> None:
    cursor = driver.cursor()
    users = np.random.default_rng(0).integers(1, 611, calls)
    movies = [
        row[0]
        for row in cursor.execute(
            "select movie_id::int from recsys.movie_vectors order by norm desc limit 500"
        )
    ]
    seconds: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for turn in range(-10, calls):  # ten turns to warm up
        values = {
            "user": int(users[turn]),
            "movie": movies[turn % len(movies)],
            "movies": movies[turn % 400 :][:100],
        }
        for name, statement in STATEMENTS.items():
            begun = time.perf_counter()
            cursor.execute(statement, values, prepare=True).fetchall()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - begun)
    print(f"{'':28}  p50 ms  p95 ms   ({calls} calls each)")
    for name, taken in seconds.items():
        p50, p95 = np.percentile(np.array(taken) * 1000, [50, 95])
        print(f"{name:28}  {p50:6.2f}  {p95:6.2f}")


if __name__ == "__main__":
    main()
