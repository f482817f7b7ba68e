"""What methods answered for one split, and each user's value by every metric."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from recsys.arrays import Ids, Index, Mask, Values
from recsys.learning.metrics import ACCURACY, diversity, judge, mean_over_list, mean_stars
from recsys.learning.ratings import Films

Key = tuple[str, int | None, str]  # metric, length of the list, slice; "" is all users

OURS = "recommend"
RETRIEVAL = "retrieval"  # the same without the ranker
VECTORS = "vectors"  # trained elsewhere, and asked as a model of ours is
BASELINES = ("popularity", "decayed", "item-knn", "user-knn", "ease", "slim")
BIASES = "biases"  # predict stars alone
# Slices of the users: those with a like that the methods know, and those without.
KNOWN_USERS, NEW_USERS = GROUPS = ("users known", "users new")
# The least number of known likes in each range.
ACTIVITY = {
    "0": 0,
    "1-2": 1,
    "3-4": 3,
    "5-9": 5,
    "10-19": 10,
    "20-49": 20,
    "50-99": 50,
    "100+": 100,
}
SLICED = (("ndcg", 10), ("recall", 20))
CURVES = ("ndcg", "recall", "precision")


class Unseen(NamedTuple):
    """Ratings that the methods knew nothing of, liked or not, ``(m',)`` each.

    Attributes
    ----------
    rows, movies, stars
        Place among the users asked, film, and true stars.
    """

    rows: Index
    movies: Ids
    stars: Values


class Predicted(NamedTuple):
    """True stars of some unseen ratings, and what methods predict, ``(m'',)`` each.

    Attributes
    ----------
    rows, movies
        Place among the users asked, and film.
    """

    rows: Index
    movies: Index
    true: Values
    by_method: dict[str, Values]


@dataclass(frozen=True)
class Outcome:
    """What the methods answered for one split.

    Attributes
    ----------
    users
        ``(n,)`` int64, dense index of each user asked.
    lists
        By method: ``(n, k)`` film indexes, `NO_MOVIE` where a list ends early.
    truth_rows, truth_movies
        ``(m,)`` int64: place among `users`, and film, of what was held out.
    known
        ``(n,)``: how many likes of each user the methods knew.
    likes
        ``(n_movies,)``: by how many users each film is liked in the training part.
    n_training_users
        How many users these are in all.
    unseen
        All ratings of the users asked that no method was told.
    predicted
        None if no stars are predicted.
    """

    users: Index
    lists: dict[str, Index]
    truth_rows: Index
    truth_movies: Ids
    known: Index
    likes: Index
    n_training_users: int
    unseen: Unseen
    predicted: Predicted | None = None


def user_values(
    outcome: Outcome, lists: Index, films: Films, ks: tuple[int, ...]
) -> dict[Key, Values]:
    """Return every metric's value for each user, ``(n,)``, NaN where there is none."""
    hits, relevant = judge(lists, outcome.truth_rows, outcome.truth_movies)
    likes = outcome.likes.astype(float)  # (n_movies,)
    values: dict[Key, Values] = {}
    for k in ks:
        first = lists[:, :k]
        for name, metric in ACCURACY.items():
            values[name, k, ""] = metric(hits, relevant, k)
        values["popularity", k, ""] = mean_over_list(likes, first)
        values["novelty", k, ""] = mean_over_list(1 - likes / outcome.n_training_users, first)
        values["stars", k, ""] = mean_stars(first, *outcome.unseen)
        values["diversity", k, ""] = diversity(films.genres.astype(float), first)
    for group, theirs in ((KNOWN_USERS, outcome.known > 0), (NEW_USERS, outcome.known == 0)):
        for name, k in product(("ndcg", "recall"), ks):
            values[name, k, group] = np.where(theirs, values[name, k, ""], np.nan)
    bucket = np.searchsorted(list(ACTIVITY.values()), outcome.known, side="right") - 1
    longest = max(k for _, k in SLICED)
    of_genre = films.genres[lists[:, :longest]]  # (n, longest, n_genres)
    for name, k in SLICED:
        of_all = ACCURACY[name](hits, relevant, k)
        for place, activity in enumerate(ACTIVITY):
            values[name, k, f"known {activity}"] = np.where(bucket == place, of_all, np.nan)
        for place, genre in enumerate(films.genre_names):
            mine = films.genres[outcome.truth_movies, place]
            in_genre = np.bincount(outcome.truth_rows[mine], minlength=len(lists))
            values[name, k, f"genre {genre}"] = ACCURACY[name](
                hits[:, :longest] & of_genre[:, :, place], in_genre, k
            )
    return values


def pool(places: list[Index], n_users: int, values: list[dict[Key, Values]]) -> dict[Key, Values]:
    """Average each user's values over the splits; `places` says which users they are in each."""
    pooled = {}
    for key in values[0]:
        total, count = np.zeros(n_users), np.zeros(n_users)
        for place, found in zip(places, values, strict=True):
            there = ~np.isnan(found[key])
            total[place[there]] += found[key][there]
            count[place[there]] += 1
        pooled[key] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return pooled


def mean(values: Values) -> float:
    """Return the mean of what is not NaN, NaN if nothing is."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")


def curves(outcomes: list[Outcome], metric: str) -> dict[str, list[float]]:
    """Return a metric's mean over users and splits at each length of the list, by method.

    Here `recall` is the share of all that was held out, so that it can be compared with precision.
    """

    def at(k: int, hits: Mask, relevant: Ids) -> float:
        if metric == "recall":
            return mean(hits[:, :k].sum(axis=1) / relevant)
        return mean(ACCURACY[metric](hits, relevant, k))

    found: dict[str, list[float]] = {}
    for method, lists in outcomes[0].lists.items():
        marks = [judge(one.lists[method], one.truth_rows, one.truth_movies) for one in outcomes]
        lengths = range(1, lists.shape[1] + 1)
        found[method] = [float(np.mean([at(k, *one) for one in marks])) for k in lengths]
    return found
