"""How fast `recsys recommend --all` fills its table, beside `implicit` in memory.

    pip install --group bench
    python -m benchmarks.peers.everybody [--users 6000] [--films 62000]

The same vectors (128 factors, random directions) and the same 100 rated films a user for both,
10 films each. `implicit` ranks in memory, in compiled code on all cores, and writes nothing;
`recsys` reads vectors and ratings from the database, ranks, and writes the table. Norms are either
as skewed as trained ones are, or all equal, which is the worst case: every film must be read. They
take turns, three times each; medians.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from importlib import import_module

import numpy as np
from sqlalchemy import Engine

from benchmarks.scratch import scratch_database
from recsys.database.copy import write_columns
from recsys.models.lists import recommend_all
from recsys.models.vectors import TrainedModel, write_model
from recsys.models.versions import activate_model

FACTORS, RATED, ROUNDS = 128, 100, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=6000)
    parser.add_argument("--films", type=int, default=62_000)
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    users = generator.normal(size=(arguments.users, FACTORS)).astype(np.float32)
    directions = generator.normal(size=(arguments.films, FACTORS))
    rated = np.concatenate(
        [generator.choice(arguments.films, RATED, replace=False) for _ in range(arguments.users)]
    )
    print(f"{'norms':10}  {'implicit users/s':>16}  {'recsys users/s':>14}  ratio")
    for norms, spread in (("as trained", 1.5), ("all equal", 0.0)):
        lengths = np.exp(spread * generator.normal(size=(arguments.films, 1)))
        unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        films = (unit * lengths).astype(np.float32)
        with scratch_database() as engine:
            print(f"{norms}: writing the model ...", file=sys.stderr, flush=True)
            fill(engine, users, films, rated)
            ways: dict[str, Callable[[], object]] = {
                "implicit": in_memory(users, films, rated),
                "recsys": partial(recommend_all, engine),
            }
            seconds: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(ROUNDS):
                for name, run in ways.items():
                    begun = time.perf_counter()
                    run()
                    seconds[name].append(time.perf_counter() - begun)
        speeds = [arguments.users / float(np.median(taken)) for taken in seconds.values()]
        print(f"{norms:10}  {speeds[0]:16,.0f}  {speeds[1]:14,.0f}  {speeds[1] / speeds[0]:5.2f}")


def fill(engine: Engine, users: np.ndarray, films: np.ndarray, rated: np.ndarray) -> None:
    """Write the films, the ratings (none of them liked) and the model."""
    user_ids, movie_ids = (np.arange(1, n + 1, dtype=np.int64) for n in (len(users), len(films)))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title)"
            f" select n, 'Film ' || n from generate_series(1, {len(films)}) n"
        )
        write_columns(
            connection,
            "recsys.ratings",
            {
                "user_id": np.repeat(user_ids, RATED),
                "movie_id": rated.astype(np.int64) + 1,
                "rating": np.full(len(rated), 3, dtype=np.float32),
            },
        )
        model = TrainedModel(
            "random", user_ids, movie_ids, users, films, {}, {}, {}, {}, timedelta(0)
        )
        activate_model(connection, write_model(connection, model))
        connection.exec_driver_sql("analyze recsys.ratings")


def in_memory(users: np.ndarray, films: np.ndarray, rated: np.ndarray) -> Callable[[], object]:
    """Return a call of implicit's batch `recommend` over the same vectors."""
    model = import_module("implicit.als").AlternatingLeastSquares(factors=FACTORS)
    model.user_factors, model.item_factors = users, films
    rows = np.repeat(np.arange(len(users)), RATED)
    seen = import_module("scipy.sparse").csr_matrix(
        (np.ones(len(rated), dtype=np.float32), (rows, rated)), shape=(len(users), len(films))
    )
    return lambda: model.recommend(
        np.arange(len(users)), seen, N=10, filter_already_liked_items=True
    )


if __name__ == "__main__":
    main()
