"""How near predicted stars come to the true ones, beside Surprise's SVD.

    pip install --group bench
    python -m benchmarks.peers.stars [--source ml-latest-small] [--folds 5]

Protocol: KFold with 5 folds, shuffled, seed 0, over the ratings in the order of user and film. For
each fold the database holds the others alone, `train` learns from them with the defaults, and
`recsys.score_movies` predicts the fold; nothing is told of a rating but its user and its film.
Surprise's SVD learns from the same folds, with its defaults and with 200 factors, 60 epochs,
learning rate 0.007 and regularization 0.08, and so does its baseline of biases. RMSE is the mean
over the folds, as Surprise reports it. The difference to the tuned SVD is of the mean over users of
their squared errors, paired, with a 95 % bootstrap interval over users.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import KFold
from sqlalchemy import Engine

from benchmarks.scratch import data_set, scratch_database
from recsys.arrays import Values
from recsys.database.copy import read_columns, write_columns
from recsys.evaluation.resampling import Resampling
from recsys.loading.load import load
from recsys.sources import open_source
from recsys.training.train import train

Ratings = dict[str, NDArray[Any]]

OURS, TUNED = "recsys, by SQL", "Surprise SVD, tuned"
RATINGS = """
    select user_id, movie_id, rating,
        (extract(epoch from rated_at - '2000-01-01 00:00:00+00') * 1000000)::bigint
    from recsys.ratings order by user_id, movie_id
"""
PREDICT = """
    select u.place, s.movie_id, s.predicted_rating
    from unnest(%s::bigint[]) with ordinality as u (user_id, place)
    cross join lateral recsys.score_movies(u.user_id, array(
        select t.movie_id from told t where t.user_id = u.user_id)) s
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", help="what `recsys load` takes; default: ml-latest-small")
    parser.add_argument("--folds", type=int, default=5, help="how many of the five are done")
    arguments = parser.parse_args()
    source = arguments.source or str(data_set("ml-latest-small"))
    errors: dict[str, list[Values]] = defaultdict(list)
    seconds: dict[str, float] = defaultdict(float)
    users = []
    with scratch_database() as engine:
        load(engine, open_source(source))
        with engine.connect() as connection:
            ratings = read_columns(
                connection, RATINGS, user_id="i8", movie_id="i8", rating="f4", rated_at="i8"
            )
        methods: dict[str, Callable[[Ratings, Ratings], Values]] = {
            "Surprise biases": surprise("BaselineOnly", verbose=False),
            "Surprise SVD": surprise("SVD", random_state=0),
            TUNED: surprise(
                "SVD", random_state=0, n_factors=200, n_epochs=60, lr_all=0.007, reg_all=0.08
            ),
            OURS: partial(ours, engine),
        }
        folds = list(KFold(5, shuffle=True, random_state=0).split(ratings["rating"]))
        for number, (training, test) in enumerate(folds[: arguments.folds], start=1):
            users.append(ratings["user_id"][test])
            for name, method in methods.items():
                begun = time.perf_counter()
                predicted = method(*({k: v[part] for k, v in ratings.items()}
                                     for part in (training, test)))  # fmt: skip
                seconds[name] += time.perf_counter() - begun
                errors[name].append(predicted - ratings["rating"][test])
            print(f"fold {number}", {name: round(rmse(e[-1]), 4) for name, e in errors.items()},
                  flush=True)  # fmt: skip
    print(f"\n{len(ratings['rating']):,} ratings\n{'':20}  RMSE    MAE     seconds a fold")
    for name, found in errors.items():
        absolute = np.mean([np.abs(one).mean() for one in found])
        mean = np.mean([rmse(one) for one in found])
        print(f"{name:20}  {mean:.4f}  {absolute:.4f}  {seconds[name] / len(found):7.1f}")
    differences = np.concatenate(errors[OURS]) ** 2 - np.concatenate(errors[TUNED]) ** 2
    _, place = np.unique(np.concatenate(users), return_inverse=True)
    of_users = np.bincount(place, differences) / np.bincount(place)
    low, high = Resampling(len(of_users)).interval(of_users)
    print(f"squared error, ours less tuned SVD: {of_users.mean():+.4f} [{low:+.4f}, {high:+.4f}]")


def rmse(errors: Values) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.square(errors).mean()))


def surprise(name: str, **parameters: Any) -> Callable[[Ratings, Ratings], Values]:
    """Return a call that learns by an algorithm of Surprise and predicts."""
    module: Any = import_module("surprise")

    def predict(training: Ratings, test: Ratings) -> Values:
        frame: Any = pd.DataFrame(
            {name: training[name] for name in ("user_id", "movie_id", "rating")}
        )
        data = module.Dataset.load_from_df(frame, module.Reader(rating_scale=(0.5, 5)))
        learner = getattr(module, name)(**parameters).fit(data.build_full_trainset())
        pairs = zip(test["user_id"].tolist(), test["movie_id"].tolist(), strict=True)
        return np.array([learner.predict(user, film).est for user, film in pairs])

    return predict


def ours(engine: Engine, training: Ratings, test: Ratings) -> Values:
    """Train in the database on the one part, and ask it for the other."""
    with engine.begin() as connection:
        connection.exec_driver_sql("delete from recsys.ratings")
        write_columns(connection, "recsys.ratings", training)
    train(engine, device="cpu")
    with engine.begin() as connection:
        connection.exec_driver_sql("create temp table told (user_id bigint, movie_id bigint)")
        pairs = {name: test[name] for name in ("user_id", "movie_id")}
        write_columns(connection, "told", pairs)
        connection.exec_driver_sql("analyze told")
        users = np.unique(test["user_id"])
        found = {
            (int(users[place - 1]), movie): stars
            for place, movie, stars in connection.exec_driver_sql(PREDICT, (users.tolist(),))
        }
        connection.exec_driver_sql("drop table told")
    wanted = zip(test["user_id"].tolist(), test["movie_id"].tolist(), strict=True)
    return np.array([found[pair] for pair in wanted])


if __name__ == "__main__":
    main()
