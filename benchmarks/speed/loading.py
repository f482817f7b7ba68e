"""How long a load takes, beside a bare COPY of the same file, and what it costs those who read.

    python -m benchmarks.speed.loading [--ratings 5000000] [--rounds 3] [--more 1000000]

In every round, one after the other: COPY of ratings.csv into a table of the same columns, with
its primary key made after; and the command `recsys load` of the folder, from its start to its
end, into an empty database. Then more ratings, half of them for pairs that have one, are loaded
into the live database while a reader asks for recommendations without a pause.
`--rounds 1 --more 0 --ratings 32000000` shows memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
from sqlalchemy import Engine

from benchmarks.scratch import scratch_database
from recsys.database.migrations import downgrade, upgrade
from recsys.parameters import Parameters
from recsys.sources.simulated.synthetic import SyntheticSource
from recsys.training.train import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=5_000_000)
    parser.add_argument("--movies", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--more", type=int, default=1_000_000, help="into the live database")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as engine:
        users = arguments.ratings // 100
        first = write_folder(Path(folder) / "first", users, arguments.movies, arguments.ratings)
        bare, loads = [], []
        for _ in range(arguments.rounds):
            bare.append(copy_bare(engine, first / "ratings.csv"))
            downgrade(engine, "base")
            upgrade(engine)
            loads.append(run_load(engine, first))
            print(f"bare COPY {bare[-1]:.1f} s, recsys load {loads[-1]:.1f} s", flush=True)
        ratios = [load / copy for load, copy in zip(loads, bare, strict=True)]
        print(
            f"{arguments.ratings:,} ratings, {arguments.rounds} rounds: bare COPY "
            f"{statistics.median(bare):.1f} s, recsys load {statistics.median(loads):.1f} s, "
            f"ratio {statistics.median(ratios):.2f} (of medians "
            f"{statistics.median(loads) / statistics.median(bare):.2f})"
        )
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak memory of the loading process: {peak:,.0f} MiB")
        if arguments.more:
            new = arguments.more // 2
            more = write_folder(
                Path(folder) / "more", new // 100, arguments.movies, new, above=users
            )
            append_again(first / "ratings.csv", more / "ratings.csv", arguments.more - new)
            measure_live(engine, more)


def write_folder(folder: Path, users: int, movies: int, ratings: int, above: int = 0) -> Path:
    """Write a MovieLens folder of simulated ratings by users numbered above `above`."""
    folder.mkdir()
    for batch in SyntheticSource(users, movies, ratings, seed=above).batches():
        if batch.kind == "movies" and not above:
            films = batch.rows.assign(genres="Drama|Comedy")[["movie_id", "title", "genres"]]
            append(films, folder / "movies.csv", ["movieId", "title", "genres"])
        elif batch.kind == "ratings":
            rows = batch.rows[["user_id", "movie_id", "rating", "rated_at"]]
            rows = rows.assign(user_id=rows["user_id"] + above).astype({"rated_at": np.int64})
            append(rows, folder / "ratings.csv", ["userId", "movieId", "rating", "timestamp"])
    return folder


def append(rows, path: Path, header: list[str]) -> None:  # type: ignore[no-untyped-def]
    rows.to_csv(path, mode="a", index=False, header=False if path.exists() else header)


def append_again(first: Path, path: Path, ratings: int) -> None:
    """Append newer ratings for some of the pairs in `first`, with other stars."""
    rows = pd.read_csv(first).sample(ratings, random_state=0)
    rows = rows.assign(rating=5.5 - rows["rating"], timestamp=rows["timestamp"] + 86_400)
    append(rows, path, list(rows.columns))


def copy_bare(engine: Engine, path: Path) -> float:
    with psycopg.connect(libpq(engine), autocommit=True) as connection:
        connection.execute("drop table if exists bare")
        connection.execute(
            "create table bare (user_id bigint, movie_id bigint, rating real, rated_at bigint)"
        )
        connection.execute("checkpoint")
        begun = time.perf_counter()
        with (
            path.open("rb") as file,
            connection.cursor().copy("copy bare from stdin (format csv, header)") as copy,
        ):
            while block := file.read(1 << 20):
                copy.write(block)
        connection.execute("alter table bare add primary key (user_id, movie_id)")
        seconds = time.perf_counter() - begun
        connection.execute("drop table bare")
        connection.execute("checkpoint")
    return seconds


def run_load(engine: Engine, folder: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "recsys", "load", str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"DATABASE_URL": libpq(engine)},
    )
    return time.perf_counter() - begun


def measure_live(engine: Engine, more: Path) -> None:
    train(engine, Parameters(factors=32, epochs=2, alpha=0.3, regularization=0.01))
    with reading(engine) as idle:
        time.sleep(5)
    with reading(engine) as busy:
        seconds = run_load(engine, more)
    with engine.connect() as connection:
        counts = connection.exec_driver_sql(
            "select rows_read, rows_loaded, rows_updated from recsys.load_runs"
            " order by run_id desc limit 1"
        ).one()
    print(
        f"into the live database: {counts[0]:,} rows, {counts[1]:,} new and {counts[2]:,} changed,"
        f" in {seconds:.1f} s"
    )
    for name, reader in (("before", idle), ("during", busy)):
        p50, p95 = np.percentile(np.array(reader.seconds) * 1000, [50, 95])
        print(
            f"  recommend {name}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, "
            f"longest {max(reader.seconds) * 1000:.0f} ms, {len(reader.seconds):,} calls, "
            f"{reader.waits} of {reader.looks} looks saw it wait for a lock"
        )


class Reader(threading.Thread):
    """Asks for recommendations until it is stopped, and is watched while it does."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.url = libpq(engine)
        self.seconds: list[float] = []
        self.waits = self.looks = 0
        self.stopped = threading.Event()

    def run(self) -> None:
        user = 0
        with psycopg.connect(self.url, autocommit=True) as connection:
            self.pid = connection.info.backend_pid
            while not self.stopped.is_set():
                user += 1
                begun = time.perf_counter()
                connection.execute("select * from recsys.recommend(%s)", (user % 1000,)).fetchall()
                self.seconds.append(time.perf_counter() - begun)

    def watch(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.stopped.wait(0.02):
                row = connection.execute(
                    "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s",
                    (self.pid,),
                ).fetchone()
                self.looks += 1
                self.waits += bool(row and row[0])


@contextmanager
def reading(engine: Engine) -> Iterator[Reader]:
    reader = Reader(engine)
    reader.start()
    time.sleep(0.5)
    watcher = threading.Thread(target=reader.watch)
    watcher.start()
    yield reader
    reader.stopped.set()
    reader.join()
    watcher.join()


def libpq(engine: Engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


if __name__ == "__main__":
    main()
