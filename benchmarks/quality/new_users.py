"""How well a user who came after the training is served, on ml-latest-small.

    python -m benchmarks.quality.new_users [--folds 5] [--seeds 3] [--taught-by missing]

Protocol: positives are ratings of 4 stars or more. The users with at least 30 of them are dealt
into folds; of each fold's users no rating at all is loaded, the database holds the positives of
everybody else alone, and trains on them. Each of the fold's users then comes as a new one: of
their positives in a random order, the first 20 are what they rate, the next 10 are the targets,
the same ones for every N. After the first N plain INSERTs, and nothing else, recsys.recommend is
asked for 10 films; beside it stand the films that most people like now (likes that count less with
age, as `recsys.popular` counts them), without those rated. With a seed, every such user is held out
once. The targets are of no moment, so an order that is taught by what is missing is asked questions
of its own kind; one that is taught by what came later is not. NDCG@10, means over users (a user's
own mean over the seeds), with a 95 % bootstrap interval over users, which for the difference is
paired.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from benchmarks.quality.ranking import judge_sets, load_part, shown
from benchmarks.scratch import data_set, scratch_database
from recsys.learning.metrics import ndcg
from recsys.parameters import POSITIVE_STARS, Parameters
from recsys.training.train import train

RATED = (1, 2, 3, 5, 10, 20)  # the values of N
TARGETS = 10
INSERT = "insert into recsys.ratings (user_id, movie_id, rating) values (%s, %s, %s)"
POPULAR = """
    select u.user_id, array(
        select m.movie_id from recsys.movies m
        where m.movie_id not in (select movie_id from recsys.ratings where user_id = u.user_id)
        order by m.popularity desc, m.liked_count desc, m.movie_id limit 20)
    from unnest(%s::bigint[]) as u (user_id)
"""
SERVED = """
    select u.user_id, array_agg(r.movie_id order by r.rank),
        count(*) filter (where r.source <> 'popular')
    from unnest(%s::bigint[]) as u (user_id)
    cross join lateral recsys.recommend(u.user_id, k => 10) r
    group by u.user_id
"""


@dataclass
class Newcomer:
    """A held-out user: what they rate, in order, and what they should be shown."""

    user_id: int
    ratings: list[tuple[int, float]]  # (movie_id, stars)
    targets: set[int]


@dataclass
class Outcome:
    """What one user got for one N: a value a seed."""

    served: list[float] = field(default_factory=list)
    popular: list[float] = field(default_factory=list)
    personal: list[float] = field(default_factory=list)  # share of films that the model chose


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--factors", type=int, default=Parameters.factors)
    parser.add_argument("--taught-by", choices=["later", "missing"])
    arguments = parser.parse_args()
    source = data_set("ml-latest-small")
    ratings = pd.read_csv(source / "ratings.csv")
    positives = ratings[ratings["rating"] >= POSITIVE_STARS]
    outcomes: dict[tuple[int, int], Outcome] = {}  # by N and user
    for seed in range(arguments.seeds):
        newcomers = draw(positives, seed)
        for fold in range(arguments.folds):
            held_out = newcomers[fold :: arguments.folds]
            others = ~positives["userId"].isin([user.user_id for user in held_out])
            with scratch_database() as engine:
                load_part(engine, source, positives[others])
                train(engine, Parameters(factors=arguments.factors), taught_by=arguments.taught_by)
                with engine.begin() as connection:
                    measure(connection, held_out, outcomes)
            print(f"seed {seed}, fold {fold}: {len(held_out)} new users", flush=True)
    show(outcomes)


def draw(positives: pd.DataFrame, seed: int) -> list[Newcomer]:
    """Return the users with enough positives, in a random order, each with a random draw."""
    generator = np.random.default_rng(seed)
    drawn = []
    for user, own in positives.groupby("userId"):
        if len(own) < RATED[-1] + TARGETS:
            continue
        own = own.iloc[generator.permutation(len(own))]
        films = own["movieId"].tolist()
        first = list(zip(films, own["rating"].tolist(), strict=True))[: RATED[-1]]
        targets = set(films[RATED[-1] : RATED[-1] + TARGETS])
        drawn.append(Newcomer(int(str(user)), first, targets))
    return [drawn[place] for place in generator.permutation(len(drawn))]


def measure(
    connection: Connection, users: list[Newcomer], outcomes: dict[tuple[int, int], Outcome]
) -> None:
    """Insert up to each N, then ask; all in the transaction that is open."""
    ids = [user.user_id for user in users]
    done = 0
    for n in RATED:
        rows = [(user.user_id, *rating) for user in users for rating in user.ratings[done:n]]
        connection.exec_driver_sql(INSERT, rows)
        done = n
        served = {row[0]: row[1:] for row in connection.exec_driver_sql(SERVED, (ids,))}
        popular = {row[0]: row[1] for row in connection.exec_driver_sql(POPULAR, (ids,))}
        targets = [user.targets for user in users]
        gains, popular_gains = (
            ndcg(*judge_sets(lists, targets), 10)
            for lists in ([served[user][0] for user in ids], [popular[user] for user in ids])
        )
        for place, user in enumerate(ids):
            films, personal = served[user]
            outcome = outcomes.setdefault((n, user), Outcome())
            outcome.served.append(gains[place])
            outcome.popular.append(popular_gains[place])
            outcome.personal.append(personal / len(films))


def show(outcomes: dict[tuple[int, int], Outcome]) -> None:
    users = len(outcomes) // len(RATED)
    print(f"{users} new users, NDCG@10")
    print(f"{'N':>3}  {'recommend':24}  {'popularity':24}  {'difference':26}  personal")
    for n in RATED:
        mine = [outcome for (rated, _), outcome in outcomes.items() if rated == n]
        served = np.array([np.mean(outcome.served) for outcome in mine])
        popular = np.array([np.mean(outcome.popular) for outcome in mine])
        personal = np.mean([np.mean(outcome.personal) for outcome in mine])
        print(
            f"{n:3}  {shown(served):24}  {shown(popular):24}  "
            f"{shown(served - popular):26}  {personal:8.0%}"
        )


if __name__ == "__main__":
    main()
