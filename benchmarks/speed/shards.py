"""The same questions to a plain database and to one that Citus divides over two workers.

    PG_CONFIG=/path/to/pg_config python -m benchmarks.speed.shards [--calls N] [--ratings N]

Three servers on this machine; the two databases take turns, so that a noisy moment hits both alike.
With `--ratings`, simulated ones take the place of ml-latest-small, loaded into a divided database:
60,000 users and 62,000 films are right for 5 million.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psycopg

from benchmarks.scratch import data_set
from recsys.server import cluster
from tests.helpers.citus import Node, binaries, make_database, start_nodes

QUESTIONS = {
    "recommend": "recsys.recommend(%(user)s)",
    "recommend, a new rating": "recsys.recommend(%(user)s)",  # between two that undo it
    "recommend, unknown user": "recsys.recommend(1000000 + %(user)s)",
    "watchlist": "recsys.watchlist(%(user)s)",
    "recommend_group of three": "recsys.recommend_group(array[%(user)s::bigint, 1, 2])",
    "explain": "recsys.explain(%(user)s, %(movie)s)",
    "score_movies, 100 films": "recsys.score_movies(%(user)s, %(movies)s)",
    "user_vector": "recsys.user_vector(%(user)s)",
    "similar_users": "recsys.similar_users(%(user)s)",
    "users_for": "recsys.users_for(%(movie)s)",
    "similar_movies": "recsys.similar_movies(%(movie)s)",
    "search_titles": "recsys.search_titles('the godfater')",
}
RATE = "insert into recsys.ratings (user_id, movie_id, rating) values (%(user)s, %(new)s, 5)"
TAKE_BACK = "delete from recsys.ratings where user_id = %(user)s and movie_id = %(new)s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200, help="of each question")
    parser.add_argument("--ratings", type=int, help="simulated ones")
    parser.add_argument("--users", type=int, default=60_000)
    parser.add_argument("--movies", type=int, default=62_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="recsys-shards-") as folder:
        Path(folder).chmod(0o711)  # as root, the server's user passes through
        vars(cluster)["binaries"] = binaries
        nodes = start_nodes(Path(folder))
        try:
            if arguments.ratings:
                load_and_train(nodes, arguments)
            else:
                compare(nodes, arguments.calls)
        finally:
            for node in nodes:
                node.cluster.stop()


def compare(nodes: list[Node], calls: int) -> None:
    """Ask both databases the same."""
    with nodes[0].connect() as connection:
        connection.execute("create database plain")
    plain = nodes[0].url("plain")
    recsys(plain, "db", "upgrade")
    recsys(plain, "load", str(data_set("ml-latest-small")))
    recsys(plain, "train", "--seed", "1")
    divided = make_database(nodes, "divided", template="plain")
    recsys(divided, "db", "distribute")
    connections = [psycopg.connect(url, autocommit=True) for url in (plain, divided)]
    films = "select movie_id from recsys.movie_vectors order by norm desc limit 500"
    movies = [row[0] for row in connections[0].execute(films)]
    users = np.random.default_rng(0).integers(1, 611, calls)
    seconds: dict[str, list[list[float]]] = {name: [[], []] for name in QUESTIONS}
    for turn in range(-10, calls):  # ten turns to warm up
        values = {
            "user": int(users[turn]),
            "movie": movies[turn % len(movies)],
            "movies": movies[turn % 400 :][:100],
            "new": 193_609,  # one of few ratings
        }
        for name, question in QUESTIONS.items():
            for place, connection in enumerate(connections):
                if name.endswith("a new rating"):
                    connection.execute(TAKE_BACK, values)
                    connection.execute(RATE, values)
                begun = time.perf_counter()
                connection.execute(f"select * from {question}", values, prepare=True).fetchall()
                if turn >= 0:
                    seconds[name][place].append(time.perf_counter() - begun)
                if name.endswith("a new rating"):
                    connection.execute(TAKE_BACK, values)
    print(f"{'p50 in ms':28}   plain  divided  ratio   ({calls} calls each)")
    for name, taken in seconds.items():
        one, other = np.median(np.array(taken) * 1000, axis=1)
        print(f"{name:28}  {one:6.2f}   {other:6.2f}  {other / one:5.2f}")


def load_and_train(nodes: list[Node], arguments: argparse.Namespace) -> None:
    """Load into a divided database, divide a full one, fill the lists of all users."""
    simulated = (
        *("load", "synthetic", "--seed", "1", "--ratings", str(arguments.ratings)),
        *("--users", str(arguments.users), "--movies", str(arguments.movies)),
    )
    divided = make_database(nodes, "divided")
    recsys(divided, "db", "upgrade")
    recsys(divided, "db", "distribute")
    timed("load into a divided database", divided, *simulated)
    timed("bring back", divided, "db", "distribute", "--undo")
    timed("divide", divided, "db", "distribute")
    with psycopg.connect(divided) as connection:
        for row in connection.execute("""
            select nodename || ':' || nodeport, sum(c.n)
            from citus_shards s
            join (
                select shardid, result::bigint as n
                from run_command_on_shards('recsys.ratings', 'select count(*) from %s')
            ) c using (shardid)
            group by 1 order by 1
        """):
            print(*row, "ratings")
    timed("train", divided, "train", "--from-scratch", "--seed", "1")
    timed("recommend --all", divided, "recommend", "--all")


def timed(what: str, url: str, *words: str) -> None:
    begun = time.perf_counter()
    recsys(url, *words)
    print(f"{what:30} {time.perf_counter() - begun:7.1f} s", flush=True)


def recsys(url: str, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recsys", *words],
        env={**os.environ, "DATABASE_URL": url},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stderr)


if __name__ == "__main__":
    main()
