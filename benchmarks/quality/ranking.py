"""What the added coordinate is worth: recsys.recommend beside plain cosine, on ml-latest-small.

    python -m benchmarks.quality.ranking [--splits 3]

All rank by the same vectors; recommend has the ranker put the best in order. Protocol: that of
`recsys evaluate --split random`, which sets recsys.recommend beside other methods
(docs/evaluation.md): positives are ratings of 4 stars or more; of each user's a random 20 % are
held out, and the database holds the other positives alone.
NDCG@10, recall@20, means over users with a 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from benchmarks.scratch import data_set, scratch_database
from recsys.evaluation.resampling import Resampling
from recsys.learning.likes import hold_out
from recsys.learning.metrics import judge, ndcg, recall
from recsys.loading.load import load
from recsys.parameters import POSITIVE_STARS, Parameters
from recsys.sources import open_source
from recsys.training.train import train

SERVED = """
    select u.user_id, array_agg(r.movie_id order by r.rank)
    from unnest(%s::bigint[]) as u (user_id)
    cross join lateral recsys.recommend(u.user_id, k => 20) r
    group by u.user_id
"""
# What the same factors give when they are ranked by plain cosine, without the added coordinate.
PLAIN_COSINE = """
    select u.user_id, array(
        select v.movie_id from recsys.movie_vectors v
        where v.movie_id not in (select movie_id from recsys.ratings where user_id = u.user_id)
        order by subvector(v.embedding, 1, m.factors) <=> subvector(u.embedding, 1, m.factors)
        limit 20)
    from recsys.user_vectors u, recsys.models m
    where u.user_id = any (%s::bigint[])
"""
RETRIEVED = SERVED.replace("k => 20", "k => 20, rerank => false")
METHODS = {"recommend": SERVED, "retrieval": RETRIEVED, "plain cosine": PLAIN_COSINE}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--factors", type=int, default=Parameters.factors)
    arguments = parser.parse_args()
    source = data_set("ml-latest-small")
    ratings = pd.read_csv(source / "ratings.csv")
    positives = ratings[ratings["rating"] >= POSITIVE_STARS]
    print(f"{'split':>7}  {'method':12}  NDCG@10                   recall@20")
    means: dict[str, list[float]] = {method: [] for method in METHODS}
    for seed in range(arguments.splits):
        held_out = hold_out(np.unique(positives["userId"], return_inverse=True)[1], 0.2, seed)
        truth: dict[int, set[int]] = {}
        for user, film in positives[held_out][["userId", "movieId"]].itertuples(index=False):
            truth.setdefault(int(user), set()).add(int(film))
        with scratch_database() as engine:
            load_part(engine, source, positives[~held_out])
            train(engine, Parameters(factors=arguments.factors))
            for method, query in METHODS.items():
                lists = ask(engine, query, sorted(truth))
                marks = judge_sets([lists[user] for user in truth], list(truth.values()))
                gains, shares = ndcg(*marks, 10), recall(*marks, 20)
                print(f"{seed:7}  {method:12}  {shown(gains)}   {shown(shares)}")
                means[method].append(float(np.nanmean(gains)))
    for method, values in means.items():
        print(f"{'mean':>7}  {method:12}  {np.mean(values):.4f}")


def load_part(engine: Engine, source: Path, part: pd.DataFrame) -> None:
    """Load the films and only these ratings, by the real loader."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(source / "movies.csv", folder)
        part.to_csv(Path(folder) / "ratings.csv", index=False)
        load(engine, open_source(folder))


def ask(engine: Engine, query: str, users: list[int]) -> dict[int, list[int]]:
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.exec_driver_sql(query, (users,))}


def judge_sets(lists: list[list[int]], truth: list[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Mark hits in lists of one length; `truth` has a set of films a list."""
    users = np.repeat(np.arange(len(truth)), [len(films) for films in truth])
    movies = np.array([film for films in truth for film in films], dtype=np.int64)
    return judge(np.array(lists), users, movies)


def shown(values: np.ndarray) -> str:
    low, high = Resampling(len(values)).interval(values)
    return f"{np.nanmean(values):.4f} [{low:.4f}, {high:.4f}]"


if __name__ == "__main__":
    main()
