"""Whether answers stay right through PgBouncer in transaction mode, on ml-latest-small.

    PGBOUNCER=/path/to/pgbouncer python -m benchmarks.speed.pgbouncer [--minutes 2]

Sixteen clients share six connections to the server: eight of `mixed_load`, whose answers are
checked one by one; four tasks of one `AsyncRecommender`, each of which rates what it was just
shown, and must not be shown it again; and four of pgbench, with prepared statements. Exits with
status 1 if there is any error or wrong answer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import psycopg
from sqlalchemy import Engine, create_engine

from benchmarks.scratch import scratch_database
from benchmarks.speed.loading import libpq
from benchmarks.speed.mixed_load import prepare, put_load, show
from recsys import AsyncRecommender
from recsys.server.cluster import binaries
from recsys.server.user import readable_binaries, server_user

PORT = 6432  # of the socket's name: nothing listens on TCP
CONFIGURATION = """
[databases]
{database} = {server}
[pgbouncer]
auth_type = any
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
logfile = {folder}/pgbouncer.log
pool_mode = transaction
default_pool_size = 6
max_prepared_statements = 200
ignore_startup_parameters = options
"""
PGBENCH = """\\set user random(1, 610)
select count(*) from recsys.recommend(:user);
"""
FIRST_USER, TASKS = 2_000_001, 4  # of the asynchronous clients alone


@contextmanager
def pgbouncer(program: str, engine: Engine) -> Iterator[Engine]:
    """PgBouncer in front of the server, and an engine that goes through it."""
    user, url = server_user(), engine.url
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chown(folder, user.uid, user.gid)
        parts = psycopg.conninfo.conninfo_to_dict(libpq(engine))
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            CONFIGURATION.format(
                database=parts["dbname"],
                server=" ".join(f"{name}={value}" for name, value in parts.items()),
                port=PORT,
                folder=folder,
            )
        )
        os.chown(configuration, user.uid, user.gid)
        process = subprocess.Popen(
            [program, "-q", configuration], cwd=folder, **user.for_subprocess()
        )
        through = create_engine(
            url.set(host=None, port=None, password=None, query={"host": name, "port": str(PORT)})
        )
        try:
            while not (folder / f".s.PGSQL.{PORT}").exists():
                if process.poll() is not None:
                    raise SystemExit(f"{program} did not start")
                time.sleep(0.1)
            yield through
        finally:
            through.dispose()
            process.terminate()
            process.wait()


async def rate_and_ask(url: str, seconds: float) -> tuple[int, list[str]]:
    """Return how many calls some tasks made, and what was wrong."""
    wrong: list[str] = []

    async def go_on(recommender: AsyncRecommender, user: int) -> int:
        calls, rated = 0, set[int]()
        while time.monotonic() < end:
            if len(rated) > 200:
                user, rated = user + TASKS, set()
            answer = await recommender.recommend(user, k=10)
            shown = [row.movie_id for row in answer]
            if stale := rated.intersection(shown):
                wrong.append(f"user {user} was shown what they had rated: {stale}")
            await recommender.rate(user, shown[0], 4)
            rated.add(shown[0])
            calls += 2
        return calls

    end = time.monotonic() + seconds
    async with AsyncRecommender(url, pool_size=TASKS) as recommender:
        tasks = (go_on(recommender, FIRST_USER + task) for task in range(TASKS))
        return sum(await asyncio.gather(*tasks)), wrong


def run_pgbench(url: str, seconds: float) -> str:
    """Return what pgbench says."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(PGBENCH)
        script.flush()
        done = subprocess.run(
            [
                *(readable_binaries(binaries(), server_user()) / "pgbench", "--no-vacuum"),
                *("--client", "4", "--protocol", "prepared", "--time", str(int(seconds))),
                *("--file", script.name, url),
            ],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2)
    arguments = parser.parse_args()
    program, seconds = os.environ.get("PGBOUNCER"), 60 * arguments.minutes
    if not program:
        raise SystemExit("set PGBOUNCER to the program of PgBouncer, 1.21 or later")
    with scratch_database() as engine:
        prepare(engine)
        with pgbouncer(program, engine) as through:
            said: list[str] = []
            asked: list[tuple[int, list[str]]] = []
            url = libpq(through)
            others = [
                Thread(target=lambda: said.append(run_pgbench(url, seconds))),
                Thread(target=lambda: asked.append(asyncio.run(rate_and_ask(url, seconds)))),
            ]
            for thread in others:
                thread.start()
            findings, _ = put_load(through, 8, seconds)
            for thread in others:
                thread.join()
    right = show(findings)
    if not (said and asked):
        raise SystemExit(1)  # its thread has said why
    calls, wrong = asked[0]
    print(f"AsyncRecommender: {calls:,} calls, wrong answers: {len(wrong)}", *wrong[:10], sep="\n")
    lines = [line for line in said[0].splitlines() if "transactions" in line or "latency" in line]
    print("pgbench:", *lines, sep="\n  ")
    if wrong or not right or "number of failed transactions: 0 " not in said[0]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
