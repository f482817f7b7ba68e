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
from tests.helpers.commands import BAR_OR_ROOT
from tests.helpers.forked import run_command

pytestmark = pytest.mark.slow

MOMENTS = 5  # of each work at which the server is killed
# What a work leaves: one value before it, and another after it.
WORKS = {
    ("load", "sample", "--replace"): "select count(*), min(xmin::text) from recsys.ratings",
    ("train", "--factors", "8", "--epochs", "2"): (
        "select (select count(*) from recsys.models),"
        " (select count(distinct model_id) from recsys.movie_vectors),"
        " (select count(distinct model_id) from recsys.user_vectors)"
    ),
    ("recommend", "--all", "-k", "3"): (
        "select count(*), count(distinct user_id), min(xmin::text) from recsys.recommendations"
    ),
    ("db", "upgrade"): (
        "select (select version_num from recsys.alembic_version), obj_description('recsys'::regnamespace)"
    ),
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

    asyncio.run(ask())


def work(*arguments: str) -> CompletedProcess[str]:
    return run_command(arguments, {"COLUMNS": "200"}, timeout=300)


@pytest.mark.parametrize("arguments", WORKS)
def test_killed_at_random_moments(
    home: Path, own_engine: Engine, arguments: tuple[str, ...]
) -> None:
    def state() -> tuple[object, ...]:
        embedded_server(home).acquire()
        with own_engine.connect() as connection:
            return tuple(connection.exec_driver_sql(WORKS[arguments]).one())

    def begin_anew() -> tuple[object, ...]:
        if arguments[0] == "db":  # as an older version would have left it
            with own_engine.begin() as connection:
                connection.exec_driver_sql("comment on schema recsys is 'of another version'")
        return state()

    begin_anew()
    begun = time.monotonic()
    assert work(*arguments).returncode == 0
    took = time.monotonic() - begun
    chance, stopped = random.Random(1), 0
    for _ in range(MOMENTS):
        before = begin_anew()
        killer = threading.Timer(took * chance.uniform(0.4, 0.95), kill, (home,))
        killer.start()
        begun = time.monotonic()
        done = work(*arguments)
        took = min(took, time.monotonic() - begun)
        killer.join()
        found = state()
        assert "Traceback" not in done.stderr
        if done.returncode == 0:
            assert found != before
            continue
        stopped += 1
        said = [line for line in done.stderr.splitlines() if not BAR_OR_ROOT.search(line)]
        assert len([line for line in said if line.startswith("recsys: ")]) == 1, done.stderr
        assert found == before
        assert work(*arguments).returncode == 0
        assert state() != before
    assert stopped > 0
