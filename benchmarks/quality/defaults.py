"""Whether the training's defaults hold on data that they were not made for.

    python -m benchmarks.quality.defaults [--splits 2] [--path]

ml-latest-small and MovieTweetings, and parts of them of other sizes and densities. In each, 20 % of
each user's likes are held out; the training chooses its parameters on the rest. NDCG@10 in memory,
over that of EASE with the lambda that is best for the held-out part itself, which favours EASE.
With --path, the same for a row of fixed regularizations at the alpha that is chosen, 64 factors.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from benchmarks.scratch import data_set
from recsys.learning.als import fit
from recsys.learning.baselines import likes_matrix, rank
from recsys.learning.likes import Likes, hold_out
from recsys.learning.linear import Ease
from recsys.learning.metrics import judge, ndcg
from recsys.learning.tuning import resolved, with_alpha
from recsys.parameters import Parameters

LAMBDAS = (25, 50, 100, 200, 400, 800)
PATH = (0.003, 0.005, 0.01, 0.02, 0.03, 0.05)

Pairs = tuple[np.ndarray, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--path", action="store_true")
    arguments = parser.parse_args()
    for name, pairs in parts().items():
        for seed in range(arguments.splits):
            everything = Likes.from_pairs(*pairs)
            users, movies = everything.user_index, everything.movie_index
            held_out = hold_out(users, 0.2, seed)
            learned = (users[~held_out], movies[~held_out])
            truth = (users[held_out], movies[held_out])
            compare(f"{name}, split {seed}", learned, truth, everything, arguments.path)


def parts() -> dict[str, Pairs]:
    small = pd.read_csv(data_set("ml-latest-small") / "ratings.csv")
    small = small[small["rating"] >= 4]
    lens = (small["userId"].to_numpy(), small["movieId"].to_numpy())
    tweets = pd.read_csv(
        data_set("movietweetings") / "ratings.dat",
        sep="::",
        engine="python",
        names=["user", "movie", "rating", "time"],
    ).drop_duplicates(["user", "movie"], keep="last")
    tweets = tweets[tweets["rating"] >= 8]
    tweeted = (tweets["user"].to_numpy(), tweets["movie"].to_numpy())
    half = np.random.default_rng(5).random(lens[0].max() + 1) < 0.5
    active = np.bincount(tweeted[0])[tweeted[0]] >= 5
    return {
        "ml-latest-small": lens,
        "its 5-core": core(lens, 5),
        "its 20-core": core(lens, 20),
        "half of its users": (lens[0][half[lens[0]]], lens[1][half[lens[0]]]),
        "MovieTweetings": tweeted,
        "its users with 5 likes": (tweeted[0][active], tweeted[1][active]),
        "its 5-core ": core(tweeted, 5),
        "its 10-core": core(tweeted, 10),
    }


def core(pairs: Pairs, least: int) -> Pairs:
    """Leave users and films with fewer likes out, again and again, until none is left."""
    users, movies = pairs
    while True:
        kept = (np.bincount(users)[users] >= least) & (np.bincount(movies)[movies] >= least)
        if kept.all():
            return users, movies
        users, movies = users[kept], movies[kept]


def compare(name: str, learned: Pairs, truth: Pairs, everything: Likes, path: bool) -> None:
    shape = (len(everything.user_ids), len(everything.movie_ids))
    likes = likes_matrix(*learned, shape)
    positives = Likes(everything.user_ids, everything.movie_ids, *learned)

    def quality(lists: np.ndarray) -> float:
        return float(np.nanmean(ndcg(*judge(lists, *truth), 10)))

    def trained(parameters: Parameters) -> float:
        users, movies = (torch.from_numpy(index) for index in learned)
        found = fit(users, movies, shape, parameters)
        scores = (found.users @ found.items.T).numpy()
        scores[learned] = -np.inf
        best = np.argpartition(-scores, 10, axis=1)[:, :10]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        return quality(np.take_along_axis(best, order, axis=1))

    ease = max(quality(rank(Ease.fit(likes, one), likes, likes, 10)) for one in LAMBDAS)
    chosen = resolved(positives, Parameters())
    ratio = trained(chosen) / ease
    print(
        f"{name:32} {shape[0]:6} x {shape[1]:5}, EASE {ease:.4f}, chosen "
        f"{chosen.regularization:.4f}: {ratio:.3f} of EASE",
        flush=True,
    )
    if path:
        fixed = replace(with_alpha(positives, Parameters()), factors=64)
        ratios = [trained(replace(fixed, regularization=one)) / ease for one in PATH]
        print("   ", "  ".join(f"{one:g}: {r:.3f}" for one, r in zip(PATH, ratios, strict=True)))


if __name__ == "__main__":
    main()
