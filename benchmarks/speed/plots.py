"""How fast films are found by their plots, and whether they are those that reading all would find.

    python -m benchmarks.speed.plots [--films N] [--queries N]

The overviews of ml-latest-small, and made-up ones up to `--films`, each of 40 to 60 words, half of
them from three real overviews and half from all: so the words are as frequent and as likely to come
together as they are. Queries are beginnings of real overviews, and common words. Each is asked by
`match_texts` and by `match_all_texts` in turn, without the time that the vector of the query takes;
then by the public functions, whole.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import Connection, Engine

from benchmarks.scratch import data_set, scratch_database
from recsys.database.engine import driver
from recsys.loading.load import load
from recsys.sources import open_source
from recsys.training.texts import learn_texts

MIXED = """
    with mixed as (
        select 10000000 + number as movie_id, text
        from unnest(%s::text[]) with ordinality as t (text, number)
    ),
    films as (
        insert into recsys.movies (movie_id, title) select movie_id, 'Mixed ' || movie_id from mixed
    )
    insert into recsys.movie_texts select movie_id, 'overview', text from mixed
"""
COMMON = [
    "love", "man", "find", "a young man", "love and death", "life of a man", "young woman in love",
    "the war", "world war", "murder mystery", "police officer finds killer", "family and friends",
    "a man finds a woman and falls in love, and a new life begins for her family and friends",
]  # fmt: skip
ASK = "select m.movie_id from recsys_internal.{} m"
BY_WORDS = ASK.format("""match_texts(%s, recsys_internal.known_encoder('terms'), %s, 'cosine',
    10, '{}', recsys_internal.find_filters(null, null, null, null, null, false), 0.2)""")
BY_ALL = ASK.format("""match_all_texts(%s,
    (recsys_internal.known_encoder('terms')).encoder_id, recsys_internal.known_encoder('terms'),
    %s, 'cosine', 10, '{}', recsys_internal.find_filters(null, null, null, null, null, false),
    0.3, 0.2, 0, 0, '{}')""")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=54_000, help="with a text")
    parser.add_argument("--queries", type=int, default=100, help="of each length")
    arguments = parser.parse_args()
    with scratch_database() as engine:
        for name in ("ml-latest-small", "overviews"):
            load(engine, open_source(str(data_set(name))))
        texts = add_mixed_texts(engine, arguments.films)
        learn_texts(engine)
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("vacuum analyze")
            measure(connection, texts[: arguments.queries])


def add_mixed_texts(engine: Engine, films: int, seed: int = 0) -> list[str]:
    """Add films until so many have a text; return the real texts, in no order."""
    generator = np.random.default_rng(seed)
    with engine.begin() as connection:
        real = list(
            connection.exec_driver_sql(
                "select text from recsys.movie_texts order by hashint8(movie_id)"
            ).scalars()
        )
        words = [np.array(text.split()) for text in real]
        every = np.concatenate(words)
        mixed = []
        for _ in range(films - len(words)):
            own = np.concatenate([words[film] for film in generator.integers(len(words), size=3)])
            length = generator.integers(40, 61)
            drawn = np.where(
                generator.random(length) < 0.5,
                generator.choice(own, length),
                generator.choice(every, length),
            )
            mixed.append(" ".join(drawn))
        connection.exec_driver_sql("set local recsys.bulk = on")
        connection.exec_driver_sql(MIXED, (mixed,))
    return real


def measure(connection: Connection, texts: Sequence[str]) -> None:
    cursor = driver(connection).cursor()
    for setting in ("search_path = pg_catalog, public", "plan_cache_mode = force_generic_plan"):
        cursor.execute(f"set {setting}".encode())  # as in the public functions
    cursor.execute("set jit = off")
    films = cursor.execute("select count(*) from recsys.movie_text_vectors").fetchone()
    print(f"films with a text: {films and films[0]:,}")
    kinds = {f"{n} words": [" ".join(text.split()[:n]) for text in texts] for n in (5, 20, 60)}
    for kind, queries in {**kinds, "common words": COMMON * 3}.items():
        compare(cursor, kind, queries)
    whole = "select movie_id from recsys.search_plots(%s)"
    for n, queries in kinds.items():
        times = [run(cursor, whole, query)[1] for query in queries]
        print(f"search_plots, {n}: {percentiles(times)}")
    ids = cursor.execute("select movie_id from recsys.movie_texts limit %s", (len(texts),))
    similar = "select movie_id from recsys.similar_movies(%s, by => 'plot')"
    times = [run(cursor, similar, movie_id)[1] for [movie_id] in ids.fetchall()]
    print(f"similar_movies by plot: {percentiles(times)}")


def compare(cursor: psycopg.Cursor[Any], kind: str, queries: Sequence[str]) -> None:
    """Print both ways' times, and how many films both find."""
    times: dict[str, list[float]] = {BY_WORDS: [], BY_ALL: []}
    same = asked = 0
    for query in queries:
        [encoded], _ = run(cursor, """select t.* from recsys_internal.encode_text(
            (recsys_internal.known_encoder('terms')).encoder_id, %s) t""", query)  # fmt: skip
        if encoded[1] is None:
            continue
        lists = []
        for way, taken in times.items():
            rows, seconds = run(cursor, way, *encoded)
            taken.append(seconds)
            lists.append({row[0] for row in rows})
        same += len(lists[0] & lists[1])
        asked += len(lists[1])
    print(f"{kind}: by words {percentiles(times[BY_WORDS])}, all {percentiles(times[BY_ALL])}; "
          f"the same {100 * same / asked:.1f} % of the first ten")  # fmt: skip


def run(cursor: psycopg.Cursor[Any], statement: str, *values: Any) -> tuple[list[Any], float]:
    """Return the rows, and the seconds until they were there."""
    begun = time.perf_counter()
    rows = cursor.execute(statement.encode(), values, prepare=True).fetchall()
    return rows, time.perf_counter() - begun


def percentiles(seconds: Sequence[float]) -> str:
    p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms"


if __name__ == "__main__":
    main()
