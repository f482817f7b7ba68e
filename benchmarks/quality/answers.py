"""What SQL answers after a seeded training, to the last digit: to compare two versions of the code.

Run it with each version, and compare the folders; RECSYS_TEST_DATA names the data folder:

    python -m benchmarks.quality.answers /tmp/after
    PYTHONPATH=/path/to/other/checkout python -m benchmarks.quality.answers /tmp/before
    diff -r /tmp/before /tmp/after

It loads and trains ml-latest-small by the command line, in an embedded server of its own, and
imports nothing of the project, so that it runs with any version.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

USERS = """
    (select user_id from recsys.ratings group by user_id
     order by hashint8extended(user_id, 1) limit 200)
    union all select -1  -- a user without ratings
"""
MOVIES = "select movie_id from recsys.movies order by hashint8extended(movie_id, 1) limit 200"
QUESTIONS = {
    "recommend": f"""
        select u.user_id, r.* from ({USERS}) u
        cross join lateral recsys.recommend(u.user_id, k => 20) r""",
    "recommend_filtered": f"""
        select u.user_id, r.* from ({USERS}) u
        cross join lateral recsys.recommend(u.user_id, k => 20, genres => '{{Comedy,Horror}}',
            year_from => 1985, min_ratings => 3, diversity => 0.3) r""",
    "recommend_rated": f"""
        select u.user_id, r.* from ({USERS}) u
        cross join lateral recsys.recommend(
            u.user_id, include_rated => true, rerank => false) r""",
    "similar_movies": f"""
        select m.movie_id as asked, s.* from ({MOVIES}) m
        cross join lateral recsys.similar_movies(m.movie_id, k => 20) s""",
    "more_like": f"""
        select m.movie_id as asked, s.* from ({MOVIES}) m
        cross join lateral recsys.more_like(array[m.movie_id, 1], array[2]) s""",
    "explain": f"""
        select u.user_id, r.movie_id, e.* from ({USERS}) u
        cross join lateral recsys.recommend(u.user_id, k => 3) r
        cross join lateral recsys.explain(u.user_id, r.movie_id, k => 5) e""",
    "score_movies": f"""
        select u.user_id, s.* from ({USERS}) u
        cross join lateral recsys.score_movies(u.user_id, array(
            select movie_id from ({MOVIES}) m limit 20)) s""",
    "recommend_group": f"""
        select u.user_id, r.* from ({USERS}) u
        cross join lateral recsys.recommend_group(array[u.user_id, 1, 2]) r
        where u.user_id % 5 = 0""",
}
# Once every second user has rated another film, or changed their mind.
CHANGES = f"""
    insert into recsys.ratings (user_id, movie_id, rating, rated_at)
    select u.user_id, m.movie_id, 4.5, '2020-01-01 00:00:00+00'
    from ({USERS}) u cross join ({MOVIES}) m
    where u.user_id % 2 = 0 and m.movie_id % 20 = 0
    on conflict (user_id, movie_id) do update set rating = excluded.rating
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=Path, help="for a CSV file a question")
    folder: Path = arguments.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="recsys-answers-") as home:
        Path(home).chmod(0o711)  # as root, the server's user passes through
        environment = {**os.environ, "RECSYS_HOME": home}
        environment.pop("DATABASE_URL", None)

        def recsys(*words: str) -> str:
            return subprocess.run(
                [sys.executable, "-P", "-m", "recsys", *words],
                env=environment,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout

        recsys("db", "start")
        try:
            recsys("load", str(Path(os.environ["RECSYS_TEST_DATA"]) / "ml-latest-small"))
            recsys("train", "--seed", "7")
            with psycopg.connect(recsys("db", "url").strip()) as connection:
                ask(connection, folder, "")
                connection.execute(CHANGES)
                ask(connection, folder, "_changed")
        finally:
            recsys("db", "stop")


def ask(connection: psycopg.Connection[tuple[object, ...]], folder: Path, suffix: str) -> None:
    for name, question in QUESTIONS.items():
        statement = f"copy ({question}) to stdout (format csv, header)"
        with (
            connection.cursor().copy(statement.encode()) as rows,
            (folder / f"{name}{suffix}.csv").open("wb") as file,
        ):
            for row in rows:
                file.write(row)


if __name__ == "__main__":
    main()
