"""How soon `recsys serve` answers: pages and the API, on ml-latest-small.

    python -m benchmarks.speed.pages [--requests 300] [--at-once 200]

The server is a process of its own, asked over its socket by one client that keeps its connection;
the time is that of the first byte. For the API, the statement's own time comes from the server's
`recsys_sql_seconds`. Then many requests at once through a pool of 10. Exits with status 1 if any
fails.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import time

import httpx2 as httpx
import numpy as np

from benchmarks.scratch import data_set, scratch_database
from recsys.loading.load import load
from recsys.sources import open_source
from recsys.training.train import train

USERS = 610
PATHS = {
    "viewer's page": "/viewer?user_id={user}",
    "film's page": "/film/{film}",
    "API: recommend": "/api/v1/recommend?user_id={user}",
    "API: similar_movies": "/api/v1/similar_movies?movie_id={film}",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300, help="one at a time, of each kind")
    parser.add_argument("--at-once", type=int, default=200, help="requests at once")
    arguments = parser.parse_args()
    with scratch_database() as engine:
        load(engine, open_source(str(data_set("ml-latest-small"))))
        train(engine)
        url = engine.url.render_as_string(hide_password=False)
        with subprocess.Popen(
            [sys.executable, "-m", "recsys", "serve", "--port", "0"],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "DATABASE_URL": url},
        ) as server:
            assert server.stderr is not None
            address = re.search(r"http://\S+/", server.stderr.readline())
            assert address is not None
            # Its log must go somewhere, or it waits.
            subprocess.Popen(["cat"], stdin=server.stderr, stdout=subprocess.DEVNULL)
            try:
                one_at_a_time(address[0].rstrip("/"), arguments.requests)
                failed = asyncio.run(at_once(address[0].rstrip("/"), arguments.at_once))
            finally:
                server.terminate()
    raise SystemExit(failed > 0)


def one_at_a_time(address: str, requests: int) -> None:
    users = np.random.default_rng(0).integers(1, USERS + 1, requests)
    with httpx.Client(base_url=address, timeout=60) as client:
        films = [film["movie_id"] for film in client.get("/api/v1/popular?k=500").json()]
        print(f"{'one at a time':24}  p50 ms  p95 ms   SQL, mean   all, mean   ratio")
        for name, path in PATHS.items():
            taken = []
            for turn in range(-10, requests):
                if turn == 0:
                    before = sums(client, path)
                given = path.format(user=users[turn], film=films[turn % len(films)])
                begun = time.perf_counter()
                with client.stream("GET", given) as answer:
                    answer.raise_for_status()
                    if turn >= 0:
                        taken.append(1000 * (time.perf_counter() - begun))
                    answer.read()
            in_sql, whole = (
                1000 * (now - then) / requests
                for now, then in zip(sums(client, path), before, strict=True)
            )
            p50, p95 = np.percentile(taken, [50, 95])
            print(
                f"{name:24}  {p50:6.1f}  {p95:6.1f}   {in_sql:9.1f}   {whole:9.1f}"
                f"   {whole / in_sql:5.2f}"
            )


def sums(client: httpx.Client, path: str) -> tuple[float, float]:
    """Return the seconds in SQL and in all that a route has taken so far."""
    route = re.escape(path.partition("?")[0].replace("{film}", "{movie_id}"))
    figures = client.get("/metrics").text
    found = [
        re.search(rf'^recsys_{name}_seconds_sum{{route="{route}"}} (\S+)', figures, re.MULTILINE)
        for name in ("sql", "request")
    ]
    return float(found[0][1]) if found[0] else 0, float(found[1][1]) if found[1] else 0


async def at_once(address: str, requests: int) -> int:
    """Print how long requests take that are all sent at once; return how many failed."""
    limits = httpx.Limits(max_connections=requests)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        begun = time.perf_counter()
        answers = await asyncio.gather(
            *(
                client.get(
                    f"/viewer?user_id={number % USERS + 1}"
                    if number % 2
                    else f"/api/v1/recommend?user_id={number % USERS + 1}"
                )
                for number in range(requests)
            ),
            return_exceptions=True,
        )
        taken = time.perf_counter() - begun
    failed = [one for one in answers if isinstance(one, BaseException) or one.status_code != 200]
    print(f"{requests} at once, half of them pages: {taken:.1f} s, {len(failed)} failed")
    for one in failed[:5]:
        print(" ", repr(one))
    return len(failed)


if __name__ == "__main__":
    main()
