"""What the longest answers cost that one call can ask for, on ml-latest-small.

    python -m benchmarks.speed.limits

The processor's time, which other programs on the machine disturb less than a clock's; the most
memory of the server's process; and how long an answer goes on after its `statement_timeout`, the
longest of five moments at which it is cut off. Linux alone; the server must run on this machine.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg.errors import QueryCanceled

from benchmarks.scratch import data_set, scratch_database
from recsys.database.engine import libpq_url
from recsys.loading.load import load
from recsys.models.experiments import Variant, start_experiment
from recsys.sources import open_source
from recsys.training.texts import learn_texts
from recsys.training.train import train

MANY = "array(select n from generate_series(1000000, {}) n)"
QUESTIONS = {
    "10,000 films": "recommend(42, k => 10000)",
    "10,000 films, 2,700 rated": "recommend(414, k => 10000)",
    "10,000 films, retrieval alone": "recommend(42, k => 10000, rerank => false)",
    "10,000 films, unknown user": "recommend(-1, k => 10000)",
    "10,000 films, two variants": "interleave(42, 'e', k => 10000)",
    "10,000 similar films": "similar_movies(1, k => 10000)",
    "10,000 films, three members": "recommend_group('{1,2,3}', k => 10000)",
    "the same, least misery": "recommend_group('{1,2,3}', k => 10000, strategy => 'least_misery')",
    "1,000 films, diversity": "recommend(42, k => 1000, diversity => 0.5)",
    "10,000 films, diversity": "recommend(42, k => 10000, diversity => 0.5)",
    "1,000,000 films left out": f"recommend(42, exclude_movies => {MANY.format(1_999_999)})",
    "610 members": "recommend_group(array(select n from generate_series(1, 610) n))",
    "100,000 unknown members": f"recommend_group({MANY.format(1_099_999)})",
    "10,000 genres": "recommend(42, genres => array_fill('Drama'::text, array[10000]))",
    "6,500 liked films": "recommend_for(array(select movie_id from recsys.movies"
    " where movie_id % 3 > 0), k => 10000)",
    "users of a film": "users_for(1, k => 10000)",
    "reasons of a film": "explain(414, 1, k => 10000)",
    "18,000 words of a plot": "search_plots(repeat('toys come alive ', 6000), k => 10000)",
}
MOMENTS = 5


def main() -> None:
    with scratch_database() as engine:
        load(engine, open_source(str(data_set("ml-latest-small"))))
        load(engine, open_source(str(data_set("overviews"))))
        train(engine)
        learn_texts(engine)
        with engine.begin() as connection:
            variants = [Variant("ordered", rerank=True), Variant("retrieved", rerank=False)]
            start_experiment(connection, "e", variants)
        url = libpq_url(engine.url)
        print(f"{'':30}  cpu ms  peak MB  ms to end")
        for name, question in QUESTIONS.items():
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("select * from recsys.recommend(42)").fetchall()
                statement = f"select * from recsys.{question}"
                seconds = min(cost(connection, statement) for _ in range(3))
                late = max(lateness(connection, statement, n / MOMENTS) for n in range(MOMENTS))
                peak = status(connection, "VmHWM") - status(connection, "RssShmem")
            print(f"{name:30}  {seconds * 1000:6.0f}  {peak / 1024:7.0f}  {late * 1000:9.0f}")


def cost(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> float:
    """Seconds of the server's process, in steps of the kernel's clock."""
    before = ticks(connection)
    connection.execute(statement).fetchall()
    return (ticks(connection) - before) / os.sysconf("SC_CLK_TCK")


def lateness(
    connection: psycopg.Connection[tuple[object, ...]], statement: str, part: float
) -> float:
    """Seconds by which an answer is later that may take only a part of the time that it needs."""
    begun = time.monotonic()
    connection.execute(statement)
    allowed = max(0.001, part * (time.monotonic() - begun))
    connection.execute(f"set statement_timeout = '{allowed * 1000}ms'")
    begun = time.monotonic()
    with suppress(QueryCanceled):  # it may be done sooner
        connection.execute(statement)
    late = time.monotonic() - begun - allowed
    connection.execute("reset statement_timeout")
    return late


def ticks(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    fields = (
        Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    )
    return int(fields[11]) + int(fields[12])


def status(connection: psycopg.Connection[tuple[object, ...]], name: str) -> int:
    """A size in kB."""
    lines = Path(f"/proc/{connection.info.backend_pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
