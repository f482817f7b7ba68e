"""How exactly and how fast a user is folded in at read time, and what a rating costs to insert.

    python -m benchmarks.speed.fold_in [--users 8] [--calls 50] [--ratings 1000000] [--rounds 3]

On ml-latest-small, with a trained model. First part: new users who like n films, drawn at random
in proportion to their popularity, come by plain INSERTs; recsys.user_vector is compared with the
solution in float64 and with the trainer's own solver (relative error of the worst and the middle
one of the users), and timed through the socket: prepared statements that take turns over n.

Second part: what folding in at read time costs those who write, which should be nothing. Single
rows go by turns into recsys.ratings and into a twin of the same columns, keys, checks and foreign
key, of which no function knows; and many ratings into both by COPY.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, cast

import numpy as np
import psycopg
import torch
from numpy.typing import NDArray
from psycopg.sql import SQL, Identifier

from benchmarks.scratch import data_set, scratch_database
from recsys.arrays import Index, Values
from recsys.learning.als import FINAL_STEPS, FINAL_TOLERANCE
from recsys.learning.blocks import Side, solve
from recsys.loading.load import load
from recsys.parameters import Parameters
from recsys.sources import open_source
from recsys.training.train import train

LIKED = (1, 3, 10, 30, 100, 300, 1000, 2000)  # the values of n
FIRST_USER = 1_000_000
FILMS = """
    select movie_id, embedding::real[], item_norm
    from recsys.movie_vectors join recsys.models using (model_id) order by movie_id
"""
VECTOR = "select recsys.user_vector(%s)"
INSERT = SQL("insert into recsys.{} (user_id, movie_id, rating) values (%s, %s, 5)")
COPY = SQL("copy recsys.{} (user_id, movie_id, rating) from stdin")
TWIN = """
    create table recsys.twin (like recsys.ratings including all);
    alter table recsys.twin add foreign key (movie_id) references recsys.movies;
    insert into recsys.twin select * from recsys.ratings;
    analyze recsys.ratings, recsys.twin
"""
TABLES = ("ratings", "twin")

Connection = psycopg.Connection[tuple[Any, ...]]
Likes = dict[int, Index]  # rows of the films that each user likes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=8, help="for each n")
    parser.add_argument("--calls", type=int, default=50, help="for each n")
    parser.add_argument("--inserts", type=int, default=3000, help="of a row, into each table")
    parser.add_argument("--ratings", type=int, default=1_000_000, help="in one COPY")
    parser.add_argument("--rounds", type=int, default=3, help="of COPY")
    arguments = parser.parse_args()
    parameters = Parameters(alpha=0.3, regularization=0.01)
    with scratch_database() as engine:
        say("loading and training")
        load(engine, open_source(str(data_set("ml-latest-small"))))
        train(engine, parameters)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as pooled:
            connection = cast(Connection, pooled.connection.driver_connection)
            films, items = read_films(connection, parameters.factors)
            likes = insert_users(connection, films, arguments.users)
            measure_vectors(connection, items, likes, parameters, arguments.calls)
            connection.execute(TWIN)
            measure_inserts(connection, films, arguments.inserts)
            measure_copies(connection, films, arguments.ratings, arguments.rounds)
            connection.execute("drop table recsys.twin")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def read_films(connection: Connection, factors: int) -> tuple[Index, Values]:
    """Return the ids of the films and their learned vectors, (n,) and (n, factors)."""
    rows = connection.execute(FILMS, binary=True).fetchall()
    items = np.array([row[1] for row in rows], dtype=np.float32)[:, :factors]
    return np.array([row[0] for row in rows]), items.astype(np.float64) * rows[0][2]


def insert_users(connection: Connection, films: Index, users: int) -> Likes:
    """Insert users who like n films, so many for each n."""
    query = "select liked_count from recsys.movies where movie_id = any (%s) order by movie_id"
    counts = np.array(connection.execute(query, (films.tolist(),)).fetchall(), dtype=float)[:, 0]
    generator = np.random.default_rng(0)
    likes = {}
    for number, n in enumerate(np.repeat(LIKED, users)):
        rows = generator.choice(len(films), n, replace=False, p=counts / counts.sum())
        likes[FIRST_USER + number] = rows
        values = [(FIRST_USER + number, film) for film in films[rows].tolist()]
        connection.cursor().executemany(INSERT.format(Identifier("ratings")), values)
    connection.execute("analyze recsys.ratings")
    return likes


def measure_vectors(
    connection: Connection, items: Values, likes: Likes, parameters: Parameters, calls: int
) -> None:
    query = "select recsys.user_vector(%s)::real[]"
    served = np.array([connection.execute(query, (u,)).fetchall()[0][0][:-1] for u in likes])
    trained = solve_as_trained(items, likes, parameters)
    gram = items.T @ items
    exact = np.stack([solve_exactly(items, gram, rows, parameters) for rows in likes.values()])
    of_n = {n: [u for u, rows in likes.items() if len(rows) == n] for n in LIKED}
    taken: dict[int, list[float]] = {n: [] for n in LIKED}
    say("timing recsys.user_vector")
    for turn in range(-2, calls):  # two turns to warm up
        for n, users in of_n.items():
            milliseconds = timed(connection, VECTOR, (users[turn % len(users)],))
            if turn >= 0:
                taken[n].append(milliseconds)
    print("relative error of     user_vector, float64   user_vector, trainer   trainer, float64")
    print("    n   p50 ms  p95 ms " + "   worst   median      " * 2 + "   worst   median")
    for n, users in of_n.items():
        rows = [user - FIRST_USER for user in users]
        line = "{:5}  {:7.2f} {:7.2f} ".format(n, *np.percentile(taken[n], [50, 95]))
        for one, other in ((served, exact), (served, trained), (trained, exact)):
            distance = np.linalg.norm(one[rows] - other[rows], axis=1)
            errors = distance / np.linalg.norm(other[rows], axis=1)
            line += f" {errors.max():.1e}  {np.median(errors):.1e}     "
        print(line.rstrip(), flush=True)


def solve_exactly(
    items: Values, gram: Values, rows: NDArray[Any], parameters: Parameters
) -> Values:
    """Solve the equation of recsys/learning/als.py for one user; gram is ``items.T @ items``."""
    own = items[rows]
    alpha, regularization = parameters.weights
    weight = regularization * (len(own) + alpha * len(items))
    left = alpha * gram + own.T @ own + weight * np.eye(items.shape[1])
    return np.linalg.solve(left, own.sum(axis=0))


def solve_as_trained(items: Values, likes: Likes, parameters: Parameters) -> Values:
    """Return the users' vectors by the solver of the training, with its steps and tolerance."""
    counts = torch.tensor([len(rows) for rows in likes.values()])
    films = torch.from_numpy(np.concatenate([np.sort(rows) for rows in likes.values()]))
    fixed = torch.from_numpy(items.astype(np.float32))
    vectors = torch.zeros(len(likes), fixed.shape[1])
    side = Side(counts, films, len(fixed))
    solve(vectors, fixed, side, *parameters.weights, FINAL_STEPS, FINAL_TOLERANCE)
    return vectors.double().numpy()


def timed(connection: Connection, statement: Any, values: tuple[Any, ...]) -> float:
    """Return the milliseconds of a prepared statement, with its rows received."""
    begun = time.perf_counter()
    connection.execute(statement, values, prepare=True)
    return (time.perf_counter() - begun) * 1000


def measure_inserts(connection: Connection, films: Index, inserts: int) -> None:
    connection.execute("set synchronous_commit = off")  # the disk's noise would drown the rest
    say("inserting single ratings")
    taken: dict[str, list[float]] = {table: [] for table in TABLES}
    statements = {table: INSERT.format(Identifier(table)) for table in TABLES}
    generator = np.random.default_rng(1)
    for turn in range(inserts):
        values = (2 * FIRST_USER + turn, int(generator.choice(films)))
        for table in TABLES if turn % 2 else reversed(TABLES):
            taken[table].append(timed(connection, statements[table], values))
    own, twin = (np.median(taken[table]) for table in TABLES)
    print(f"one rating inserted, {inserts:,} times: {own:.3f} ms, into the twin {twin:.3f} ms, "
          f"ratio {own / twin:.3f}", flush=True)  # fmt: skip


def measure_copies(connection: Connection, films: Index, ratings: int, rounds: int) -> None:
    taken: dict[str, list[float]] = {table: [] for table in TABLES}
    for number in range(rounds):
        say(f"COPY, round {number + 1} of {rounds}")
        first = (3 + number) * FIRST_USER
        users, places = np.divmod(np.arange(ratings), 100)
        movies = films[(users * 37 + places * 59) % len(films)]
        pairs = zip((first + users).tolist(), movies.tolist(), strict=True)
        data = "".join(f"{user}\t{film}\t4\n" for user, film in pairs)
        for table in TABLES if number % 2 else reversed(TABLES):
            connection.execute("checkpoint")
            begun = time.perf_counter()
            with connection.cursor().copy(COPY.format(Identifier(table))) as copy:
                copy.write(data)
            taken[table].append(time.perf_counter() - begun)
    own, twin = (np.median(taken[table]) for table in TABLES)
    print(f"{ratings:,} ratings by COPY, {rounds} rounds: {own:.1f} s, into the twin "
          f"{twin:.1f} s, ratio {own / twin:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
