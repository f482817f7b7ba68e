"""Whether a training that begins at the active model is as good as one from scratch, and how long
both take.

    python -m benchmarks.quality.warm_start [--data ml-latest-small] [--splits 3]

Of each user's likes a random 20 % are held out. A model is trained on the earlier ten elevenths of
the other ratings; then the last eleventh comes in, a tenth more, and all is trained twice: from the
active model on, and from scratch. NDCG@10 of recsys.recommend on what is held out, for at most
5,000 users, with 95 % intervals over users, and that of the difference user by user; seconds of
both trainings. `--data synthetic` simulates 5 million ratings of 62,000 films.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sqlalchemy import Engine

from benchmarks.quality.ranking import SERVED, ask, judge_sets, shown
from benchmarks.scratch import data_set, scratch_database
from recsys.arrays import Values
from recsys.learning.metrics import ndcg
from recsys.loading.load import load
from recsys.parameters import POSITIVE_STARS
from recsys.sources import open_source
from recsys.sources.simulated.synthetic import SyntheticSource
from recsys.training.train import train

MOST_USERS = 5000
TAUGHT_BY = "missing"  # as what is held out is
HOLD_OUT = f"""
    create temporary table held_out as
    select user_id, movie_id
    from (
        select user_id, movie_id, count(*) over (partition by user_id) as likes,
            row_number() over (
                partition by user_id
                order by hashint8extended(movie_id, hashint8extended(user_id, %s))) as place
        from recsys.ratings
        where rating >= {POSITIVE_STARS}
    ) r
    where place <= round(0.2 * likes);
    delete from recsys.ratings r using held_out h
    where r.user_id = h.user_id and r.movie_id = h.movie_id;
    create temporary table late as
    select * from recsys.ratings order by rated_at desc, user_id, movie_id
    limit (select count(*) / 11 from recsys.ratings);
    delete from recsys.ratings r using late l
    where r.user_id = l.user_id and r.movie_id = l.movie_id;
"""
TRUTH = f"""
    select user_id, array_agg(movie_id) from held_out
    group by user_id order by hashint8(user_id) limit {MOST_USERS}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="ml-latest-small")
    parser.add_argument("--splits", type=int, default=3)
    arguments = parser.parse_args()
    found: dict[str, list[Values]] = {"warm": [], "from scratch": []}
    seconds: dict[str, list[float]] = {name: [] for name in found}
    for seed in range(arguments.splits):
        with scratch_database() as engine:
            source = (
                SyntheticSource(users=60_000, movies=62_000, ratings=5_000_000, seed=1)
                if arguments.data == "synthetic"
                else open_source(str(data_set(arguments.data)))
            )
            load(engine, source)
            truth = take_apart(engine, seed)
            for name in found:
                begun = time.perf_counter()
                train(engine, taught_by=TAUGHT_BY, from_scratch=name == "from scratch")
                seconds[name].append(time.perf_counter() - begun)
                lists = ask(engine, SERVED, list(truth))
                marks = judge_sets([lists[user] for user in truth], list(truth.values()))
                found[name].append(ndcg(*marks, 10))
                print(f"split {seed}  {name:12}  {shown(found[name][-1])}  "
                      f"{seconds[name][-1]:6.1f} s", flush=True)  # fmt: skip
    warm, cold = (np.concatenate(values) for values in found.values())
    print(f"difference {shown(warm - cold)}, ", end="")
    print(f"{np.sum(seconds['warm']) / np.sum(seconds['from scratch']):.2f} of the time")


def take_apart(engine: Engine, seed: int) -> dict[int, set[int]]:
    """Hold out, train on the earlier ratings, bring the later ones in; return what is held out."""
    with engine.connect() as connection:
        connection.exec_driver_sql(HOLD_OUT.replace("%s", str(seed)))
        truth = {row[0]: set(row[1]) for row in connection.exec_driver_sql(TRUTH)}
        connection.commit()
        train(engine, taught_by=TAUGHT_BY)
        connection.exec_driver_sql("insert into recsys.ratings select * from late")
        connection.commit()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("vacuum analyze recsys.ratings")
    return truth


if __name__ == "__main__":
    main()
