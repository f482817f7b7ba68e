"""How well films without ratings are ranked by what they are, on ml-latest-small.

    python -m benchmarks.quality.cold_films [--seeds 5]

Protocol: with a seed, a random 20 % of the films are hidden: their ratings and their tags are
removed, their genres, years and overviews stay. `train` learns from the rest, terms of texts
included. For each user who likes a hidden film (4 stars or more), the hidden films alone are ranked
by the vectors that the database then has. NDCG@10, and AUC: how often a hidden film that the user
likes is ranked above another, ties counting half. The database knows no popularity of hidden films:
they are then in the order of their ids. Ridge regression on genre and decade is learned as ours is,
its penalty chosen in the same way, from the films with a rating, and from those that some user
likes. Means over users (a user's own mean over the seeds), with a 95 % bootstrap interval over
users of the paired difference to ours.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
from scipy import sparse, stats
from sqlalchemy import Connection, Engine

from benchmarks.scratch import data_set, scratch_database
from recsys.arrays import Index, Values
from recsys.database.copy import read_columns
from recsys.evaluation.resampling import Resampling
from recsys.learning.content import learn_content
from recsys.learning.metrics import judge, ndcg
from recsys.loading.load import load
from recsys.models.terms import learn_terms
from recsys.parameters import POSITIVE_STARS
from recsys.sources import open_source
from recsys.training.train import train

OURS = "content"
NOWHERE = -1e9  # the score of a film that has no vector
LIKES = f"select user_id, movie_id from recsys.ratings where rating >= {POSITIVE_STARS}"
GENRES_AND_DECADES = """
    select movie_id, 'genre:' || name
    from recsys.movie_genres join recsys.genres using (genre_id)
    union all
    select movie_id, 'decade:' || year / 10 from recsys.movies where year is not null
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    # By method and metric, each user's values: one for each seed in which the user is asked.
    values: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed in range(seeds):
        with scratch_database() as engine:
            users, found = one_seed(engine, seed)
        for key, of_users in found.items():
            for user, value in zip(users.tolist(), of_users.tolist(), strict=True):
                values[key][user].append(value)
        print(f"seed {seed} of {seeds}", flush=True)
    means = {
        key: np.array([np.mean(of_user[user]) for user in sorted(of_user)])
        for key, of_user in values.items()
    }
    resampling = Resampling(len(means[OURS, "AUC"]))
    print(f"\n{len(means[OURS, 'AUC'])} users\n{'':24}  metric  mean    ours minus it")
    for (method, metric), of_users in means.items():
        less = means[OURS, metric] - of_users
        low, high = resampling.interval(less)
        versus = "" if method == OURS else f"  {less.mean():+.4f} [{low:+.4f}, {high:+.4f}]"
        print(f"{method:24}  {metric:7} {of_users.mean():.4f}{versus}")


def one_seed(engine: Engine, seed: int) -> tuple[Index, dict[tuple[str, str], Values]]:
    """Return the users asked, and their values by method and metric."""
    load(engine, open_source(str(data_set("ml-latest-small"))))
    load(engine, open_source(str(data_set("overviews"))))
    generator = np.random.default_rng(seed)
    with engine.begin() as connection:
        movie_ids = np.sort(
            read_columns(connection, "select movie_id from recsys.movies", m="i8")["m"]
        )
        hidden = np.sort(generator.permutation(movie_ids)[: len(movie_ids) // 5])
        likes = read_columns(connection, LIKES, user_id="i8", movie_id="i8")
        for table in ("ratings", "tags"):
            connection.exec_driver_sql(
                f"delete from recsys.{table} where movie_id = any (%s)", (hidden.tolist(),)
            )
    with engine.begin() as connection:
        learn_terms(connection)
    train(engine, device="cpu")
    with engine.begin() as connection:
        users = read_vectors(connection, "user")
        asked = np.isin(likes["movie_id"], hidden) & np.isin(likes["user_id"], list(users))
        user_ids, rows = np.unique(likes["user_id"][asked], return_inverse=True)
        films = np.searchsorted(hidden, likes["movie_id"][asked])
        matrix = np.array([users[user] for user in user_ids.tolist()])  # (n_users, factors + 1)
        ranked = {
            "random": generator.random((len(user_ids), len(hidden))),
            "popularity": np.zeros((len(user_ids), len(hidden))),
        }
        content = read_vectors(connection, "movie", "content")
        for method, vectors in {
            "genre and decade, rated": ridge(connection, movie_ids, hidden, liked=False),
            "genre and decade, liked": ridge(connection, movie_ids, hidden, liked=True),
            OURS: content,
        }.items():
            there = np.array([film in vectors for film in hidden.tolist()])
            scores = np.full((len(user_ids), len(hidden)), NOWHERE)
            scores[:, there] = matrix @ np.array([vectors[m] for m in hidden[there].tolist()]).T
            ranked[method] = scores
    return user_ids, {
        (method, metric): of_users
        for method, scores in ranked.items()
        for metric, of_users in measure(scores, rows, films).items()
    }


def measure(scores: Values, rows: Index, films: Index) -> dict[str, Values]:
    """Score rankings ``(n_users, n_hidden)`` by the likes at (rows, films)."""
    liked = np.zeros(scores.shape, dtype=bool)
    liked[rows, films] = True
    n = liked.sum(axis=1)
    sums = (stats.rankdata(scores, axis=1) * liked).sum(axis=1)
    lists = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    return {
        "NDCG@10": ndcg(*judge(lists, rows, films), 10),
        "AUC": (sums - n * (n + 1) / 2) / (n * (scores.shape[1] - n)),
    }


def ridge(
    connection: Connection, movie_ids: Index, hidden: Index, *, liked: bool
) -> dict[int, Values]:
    """Return vectors of the hidden films from genre and decade alone."""
    facts = connection.exec_driver_sql(GENRES_AND_DECADES).all()
    names, columns = np.unique([row[1] for row in facts], return_inverse=True)
    places = np.searchsorted(movie_ids, [row[0] for row in facts])
    shape = len(movie_ids), len(names)
    design = sparse.csr_array((np.ones(len(facts)), (places, columns)), shape=shape)
    learned = read_vectors(connection, "movie", "not content")
    rated = connection.exec_driver_sql("select distinct movie_id from recsys.ratings").scalars()
    known = np.array(sorted(learned if liked else rated))
    zero = np.zeros(len(next(iter(learned.values()))) - 1)
    targets = np.array([learned[m][:-1] if m in learned else zero for m in known.tolist()])
    none = np.zeros((len(movie_ids), 0))
    chosen = np.searchsorted(movie_ids, known)
    fitted = learn_content(design[chosen], none[chosen], targets, 0)
    vectors = np.pad(fitted.vectors(design, none), ((0, 0), (0, 1)))
    return {int(m): vectors[np.searchsorted(movie_ids, m)] for m in hidden}


def read_vectors(connection: Connection, kind: str, which: str = "true") -> dict[int, Values]:
    factors = connection.exec_driver_sql("select factors from recsys.models").scalar_one()
    rows = read_columns(
        connection,
        f"select {kind}_id, embedding from recsys.{kind}_vectors where {which}",
        id="i8",
        embedding=factors + 1,
    )
    return dict(zip(rows["id"].tolist(), rows["embedding"].astype(np.float64), strict=True))


if __name__ == "__main__":
    main()
