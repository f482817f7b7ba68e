"""What services get: recommend through Recommender and AsyncRecommender, on ml-latest-small.

    python -m benchmarks.speed.service [--calls 1000] [--concurrent 500] [--pool 10]

One call at a time first: plain SQL over psycopg (prepared, autocommit), Recommender and
AsyncRecommender take turns, so that a noisy moment of the machine hits all alike. Then many calls
of AsyncRecommender at once through a small pool, a call's time counted from the moment when all
were sent, so that it is mostly waiting for those before it. Then, on a server of its own
(DATABASE_URL unset), failures: how long until an error comes, and until answers come again.
Exits with status 1 if any call fails that should not, or succeeds that cannot.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable
from pathlib import Path

import numpy as np
import psycopg
from sqlalchemy import Engine

from benchmarks.scratch import data_set, scratch_database
from recsys import AsyncRecommender, DatabaseUnreachable, Recommender
from recsys.database.engine import libpq_url
from recsys.loading.load import load
from recsys.server.cluster import Cluster
from recsys.sources import open_source
from recsys.training.train import train
from tests.helpers.servers import frozen

USERS = 610
FAIL_AFTER_S = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000, help="one at a time, of each kind")
    parser.add_argument("--concurrent", type=int, default=500, help="calls at once")
    parser.add_argument("--rounds", type=int, default=5, help="of that many calls")
    parser.add_argument("--pool", type=int, default=10, help="connections")
    arguments = parser.parse_args()
    with scratch_database() as engine:
        load(engine, open_source(str(data_set("ml-latest-small"))))
        train(engine)
        url = libpq_url(engine.url)
        asyncio.run(one_at_a_time(url, arguments.calls))
        failed = asyncio.run(at_once(url, arguments.concurrent, arguments.rounds, arguments.pool))
        if "DATABASE_URL" not in os.environ:
            asyncio.run(failures(url, cluster_of(engine)))
    raise SystemExit(failed > 0)


async def one_at_a_time(url: str, calls: int) -> None:
    seconds: dict[str, list[float]] = {"SQL over psycopg": [], "Recommender": []}
    seconds["AsyncRecommender"] = []
    users = np.random.default_rng(0).integers(1, USERS + 1, calls)
    with psycopg.connect(url, autocommit=True) as plain, Recommender(url) as blocking:
        async with AsyncRecommender(url) as awaiting:
            for turn in range(-10, calls):  # ten turns to warm up
                user = int(users[turn])
                times = [time.perf_counter()]
                plain.execute(
                    "select * from recsys.recommend(%s)", (user,), prepare=True
                ).fetchall()
                times.append(time.perf_counter())
                blocking.recommend(user)
                times.append(time.perf_counter())
                await awaiting.recommend(user)
                times.append(time.perf_counter())
                if turn >= 0:
                    for taken, duration in zip(seconds.values(), np.diff(times), strict=True):
                        taken.append(float(duration))
    print(f"{'one at a time':40}  p50 ms  p95 ms   ({calls} calls each)")
    for name, taken in seconds.items():
        print(f"{name:40}  {spread(taken)}")


async def at_once(url: str, concurrent: int, rounds: int, pool_size: int) -> int:
    """Print how long calls take that are all sent at once; return how many failed."""
    taken: list[float] = []
    errors: list[str] = []
    begun = time.perf_counter()

    async def ask(recommender: AsyncRecommender, user: int, sent: float) -> None:
        try:
            films = await recommender.recommend(user)
            if len(films) != 10:
                raise ValueError(f"user {user} got {len(films)} films")
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
        else:
            taken.append(time.perf_counter() - sent)

    async with AsyncRecommender(url, pool_size=pool_size) as recommender:
        await asyncio.gather(*(recommender.recommend(1) for _ in range(pool_size)))
        begun = time.perf_counter()
        for _ in range(rounds):
            sent = time.perf_counter()
            await asyncio.gather(
                *(ask(recommender, number % USERS + 1, sent) for number in range(concurrent))
            )
    rate = rounds * concurrent / (time.perf_counter() - begun)
    title = f"{concurrent} at once, pool of {pool_size}"
    print(f"{title:40}  {spread(taken)}   {len(errors)} errors, {rate:.0f} calls/s")
    for error in errors[:10]:
        print(f"  {error}")
    return len(errors)


async def failures(url: str, cluster: Cluster) -> None:
    """Print how long errors and recovery take; a call that should fail and does not ends all."""
    with Recommender(url, timeout=FAIL_AFTER_S) as blocking:
        async with AsyncRecommender(url, timeout=FAIL_AFTER_S) as awaiting:

            async def ask() -> None:
                blocking.recommend(1)

            async def ask_async() -> None:
                await awaiting.recommend(1)

            await asyncio.gather(ask(), ask_async())
            kill_sessions(url)
            await told("a killed session, Recommender", ask())
            await told("a killed session, AsyncRecommender", ask_async())
            cluster.stop()
            await told("a stopped server, Recommender", ask(), fails=True)
            await told("a stopped server, AsyncRecommender", ask_async(), fails=True)
            cluster.start(None)
            await told("started again, Recommender", ask())
            await told("started again, AsyncRecommender", ask_async())
            with frozen(cluster):
                await told("a frozen server, Recommender", ask(), fails=True)
                await told("a frozen server, AsyncRecommender", ask_async(), fails=True)
            await told("it goes on, Recommender", ask())
            await told("it goes on, AsyncRecommender", ask_async())


async def told(what: str, call: Awaitable[None], fails: bool = False) -> None:
    """Print how long a call takes, and the error that is to come of it."""
    begun = time.perf_counter()
    said = "answers"
    try:
        await call
    except DatabaseUnreachable as error:
        if not fails:
            raise
        said = f"{type(error).__name__}: {error}"
    else:
        if fails:
            raise SystemExit(f"{what}: answers")
    print(f"{what:40}  {1000 * (time.perf_counter() - begun):6.0f} ms  {said}")


def kill_sessions(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 1000) from pg_stat_activity"
            " where application_name = 'recsys' and datname = current_database()"
        )


def cluster_of(engine: Engine) -> Cluster:
    with engine.connect() as connection:
        data = connection.exec_driver_sql("show data_directory").scalar_one()
    return Cluster(Path(data).parent)


def spread(seconds: list[float]) -> str:
    p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
    return f"{p50:6.2f}  {p95:6.2f}"


if __name__ == "__main__":
    main()
