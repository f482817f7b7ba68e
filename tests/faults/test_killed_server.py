"""The server is killed while something works: it comes back, and nothing is half."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from sqlalchemy import Engine

from recsys import AsyncRecommender, Recommender
from recsys.server.embedded import embedded_server
from tests.helpers.forked import run_command

pytestmark = pytest.mark.slow

MOMENTS = 5  # of each work at which the server is killed
# What tells that a work was done, and what must be the same before and after it.
WORKS = {
    ("load", "sample", "--replace"): "select min(xmin::text), count(*) from recsys.ratings",
    ("train", "--factors", "8", "--epochs", "2"): (
        "select count(*), count(*) filter (where activated_at is null or model_id not in"
        " (select model_id from recsys.movie_vectors intersect"
        " select model_id from recsys.user_vectors)) from recsys.models"
    ),
    ("recommend", "--all", "-k", "3"): (
        "select min(xmin::text), (count(*), count(distinct user_id))::text"
        " from recsys.recommendations"
    ),
    ("bi", "refresh"): (
        "select refreshed_at, rating_count = (select sum(rating_count) from"
        " recsys_bi.user_activity) from recsys_bi.freshness"
    ),
    ("db", "upgrade"): (
        "select obj_description('recsys'::regnamespace), version_num from recsys.alembic_version"
    ),
}
# What there is to do for those that would else change nothing.
CHANGES = {
    "bi": "insert into recsys.ratings select -1 - count(*), 1, 4 from recsys.ratings",
    "db": "comment on schema recsys is 'of another version'",
}


def kill(home: Path) -> None:
    running = embedded_server(home).cluster.running()
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)


def test_a_recommender_survives_its_server(home: Path, own_engine: Engine) -> None:
    with Recommender() as recommender:
        before = recommender.recommend(1)
        kill(home)
        assert recommender.recommend(1) == before


def test_fifty_calls_in_flight_survive_their_server(home: Path, own_engine: Engine) -> None:
    async def ask() -> None:
        async with AsyncRecommender(timeout=60) as recommender:
            before = await recommender.recommend(1)
            calls = [asyncio.create_task(recommender.recommend(1)) for _ in range(50)]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            kill(home)
            assert await asyncio.gather(*calls) == [before] * 50
            assert await recommender.recommend(1) == before

    asyncio.run(ask())


def work(*arguments: str) -> CompletedProcess[str]:
    return run_command(arguments, {"COLUMNS": "200"}, timeout=300)


@pytest.mark.parametrize("arguments", WORKS)
def test_killed_at_random_moments(
    home: Path, own_engine: Engine, arguments: tuple[str, ...]
) -> None:
    def state() -> tuple[object, object]:
        embedded_server(home).acquire()
        with own_engine.connect() as connection:
            mark, whole = connection.exec_driver_sql(WORKS[arguments]).one()
        return mark, whole

    def begin_anew() -> object:
        if (change := CHANGES.get(arguments[0])) is not None:
            with own_engine.begin() as connection:
                connection.exec_driver_sql(change)
        return state()[0]

    begin_anew()
    begun = time.monotonic()
    assert work(*arguments).returncode == 0
    took = time.monotonic() - begun
    whole = state()[1]
    chance, undone = random.Random(1), 0
    for _ in range(MOMENTS):
        before = begin_anew()
        killer = threading.Timer(took * chance.uniform(0.4, 0.95), kill, (home,))
        killer.start()
        begun = time.monotonic()
        done = work(*arguments)
        took = min(took, time.monotonic() - begun)
        killer.join()
        assert "Traceback" not in done.stderr
        said = [line for line in done.stderr.splitlines() if line.startswith("recsys: ")]
        assert len(said) == (done.returncode != 0), done.stderr
        mark, found = state()
        assert found == whole
        assert done.returncode == 1 or mark != before
        if mark == before:
            undone += 1
            assert work(*arguments).returncode == 0
            mark, found = state()
            assert mark != before
            assert found == whole
    assert undone > 0
