"""A load that is killed leaves the database as it was before, or as it is after; never between."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import URL, Engine

from recsys.sources.simulated.synthetic import SyntheticSource
from tests.helpers import forked
from tests.helpers.databases import open_database
from tests.helpers.killed import load_into
from tests.helpers.loads import rows, run

TABLES = ("movies", "genres", "movie_genres", "ratings", "load_runs", "load_rejects")
# What a load writes, and the keys and indexes that it takes off and makes again. Times differ, and
# so do the numbers that a sequence gave.
STATE = " union all ".join(
    f"select '{table}', count(*), md5(string_agg(r, '' order by r)) from (select ("
    f"to_jsonb(t) - '{{run_id,reject_id,genre_id,started_at,finished_at}}'::text[])::text as r"
    f" from recsys.{table} t) r"
    for table in TABLES
) + (
    " union all select 'constraints', count(*), md5(string_agg(pg_get_constraintdef(oid), ''"
    " order by conname)) from pg_constraint where connamespace = 'recsys'::regnamespace"
    " union all select 'indexes', count(*), md5(string_agg(indexdef, '' order by indexdef))"
    " from pg_indexes where schemaname = 'recsys'"
)


def write_folder(folder: Path, ratings: int) -> Path:
    folder.mkdir()
    frames = {"movies": [], "ratings": []}  # type: ignore[var-annotated]
    for batch in SyntheticSource(500, 400, ratings, seed=ratings).batches():
        if batch.kind in frames:
            frames[batch.kind].append(batch.rows)
    movies, found = (frames[kind][0] for kind in ("movies", "ratings"))
    movies = movies.assign(genres="Drama|Comedy")[["movie_id", "title", "genres"]]
    found = found[["user_id", "movie_id", "rating", "rated_at"]].astype({"rated_at": int})
    movies.to_csv(folder / "movies.csv", index=False, header=["movieId", "title", "genres"])
    header = ["userId", "movieId", "rating", "timestamp"]
    found.to_csv(folder / "ratings.csv", index=False, header=header)
    return folder


def state(engine: Engine) -> list[tuple[object, ...]]:
    others = (
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    while rows(engine, others) != [(0,)]:  # the server notices that its client is gone
        time.sleep(0.05)
    return rows(engine, STATE)


def kill_loads(
    server_url: URL, start: str, folder: Path, copies: Callable[[str], str], moments: int
) -> None:
    """Kill a load of `folder` into copies of the database `start` at random moments."""
    before = state(open_database(server_url, start))
    whole = open_database(server_url, copies(start))
    begun = time.perf_counter()
    run(whole, folder)
    seconds = time.perf_counter() - begun
    after = state(whole)
    assert before != after
    undone = 0
    for moment in np.random.default_rng(moments).uniform(0, seconds, moments):
        engine = open_database(server_url, copies(start))
        url = engine.url.render_as_string(hide_password=False)
        process = forked.start(load_into, url, str(folder))
        time.sleep(moment)
        process.kill()
        process.join()
        found = state(engine)
        assert found in (before, after)
        if found == before:
            undone += 1
            run(engine, folder)
            assert state(engine) == after
    assert undone > 0


@pytest.mark.parametrize(
    "moments", [2, pytest.param(10, marks=pytest.mark.slow)], ids=["few", "many"]
)
@pytest.mark.parametrize("into", ["empty", "live"])
def test_killed_at_random_moments(
    server_url: URL,
    template: str,
    copies: Callable[[str], str],
    tmp_path: Path,
    into: str,
    moments: int,
) -> None:
    start = template
    if into == "live":
        start = copies(template)
        run(open_database(server_url, start), write_folder(tmp_path / "old", 20_000))
    kill_loads(server_url, start, write_folder(tmp_path / "new", 60_000), copies, moments)
