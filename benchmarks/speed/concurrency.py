"""How many answers a second one connection gets, and many at once, on ml-latest-small.

    python -m benchmarks.speed.concurrency [--connections 1 2 4 16] [--seconds 10]

Every connection is a thread that asks recommend for users in turn, with a prepared statement and
everything on. The threads share Python's lock, but it is the server that works. Numbers of
connections take turns, three rounds, so that a noisy moment of the machine hits all alike.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import psycopg

from benchmarks.scratch import data_set, scratch_database
from benchmarks.speed.loading import libpq
from recsys.loading.load import load
from recsys.parameters import Parameters
from recsys.sources import open_source
from recsys.training.train import train

RECOMMEND = "select * from recsys.recommend(%s)"
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 2, 4, 16])
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    with scratch_database() as engine:
        load(engine, open_source(str(data_set("ml-latest-small"))))
        train(engine, Parameters())
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("vacuum analyze")
            users = list(
                connection.exec_driver_sql("select distinct user_id from recsys.ratings").scalars()
            )
        measure(libpq(engine), users, arguments.connections, arguments.seconds)


def measure(url: str, users: list[int], numbers: list[int], seconds: float) -> None:
    taken: dict[int, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for connections in numbers:
            with ThreadPoolExecutor(connections) as pool:
                for times in pool.map(partial(ask, url, users, seconds), range(connections)):
                    taken[connections] += times
    for connections, times in taken.items():
        p50, p95 = np.percentile(np.array(times) * 1000, [50, 95])
        rate = len(times) / (ROUNDS * seconds)
        print(f"{connections:3} connections  {rate:6.0f} answers/s  p50 {p50:6.2f} ms"
              f"  p95 {p95:6.2f} ms")  # fmt: skip


def ask(url: str, users: list[int], seconds: float, seed: int) -> list[float]:
    """Ask for so many seconds; return what each answer took."""
    generator = np.random.default_rng(seed)
    times = []
    with psycopg.connect(url, autocommit=True) as connection:
        for user in generator.choice(users, 20).tolist():  # it warms up
            connection.execute(RECOMMEND, (user,), prepare=True).fetchall()
        ends = time.perf_counter() + seconds
        while (begun := time.perf_counter()) < ends:
            user = int(generator.choice(users))
            connection.execute(RECOMMEND, (user,), prepare=True).fetchall()
            times.append(time.perf_counter() - begun)
    return times


if __name__ == "__main__":
    main()
