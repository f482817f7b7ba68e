"""Lists and what was held out to figures with intervals, for several methods and splits at once.

A value belongs to a user. With several splits a user's values are averaged first, and then users
are resampled: the intervals tell how the mean would vary with other users, of whom there are
finitely many, not with more splits of the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from recsys.metrics import (
    ACCURACY,
    NO_MOVIE,
    Ids,
    Marks,
    coverage,
    diversity,
    gini,
    judge,
    mean_over_list,
)
from recsys.resampling import Resampling

Index = NDArray[np.int64]
Values = NDArray[np.float64]
Key = tuple[str, int | None, str]  # metric, length of the list, slice; "" is everybody

OURS = "recommend"
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
SPREAD_DRAWS = 300  # of whole lists, which cost more


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
    stars
        ``(m', 3)``: place among `users`, predicted and true stars; empty if none are predicted.
    """

    users: Index
    lists: dict[str, Index]
    truth_rows: Index
    truth_movies: Index
    known: Index
    likes: Index
    n_training_users: int
    stars: Values


@dataclass(frozen=True)
class Paired:
    """`OURS` beside another method, user by user: difference, and ratio of the means."""

    difference: float
    ci_low: float
    ci_high: float
    ratio: float
    ratio_low: float
    ratio_high: float


@dataclass(frozen=True)
class Figure:
    """A mean over users with its 95 % interval.

    Attributes
    ----------
    slice
        Empty for everybody; else a genre, or a range of numbers of known likes.
    users, left_out
        How many have a value, and how many have none to be measured by.
    per_seed
        The mean of each split.
    against
        By baseline, for `OURS` alone.
    """

    method: str
    metric: str
    k: int | None
    slice: str
    value: float
    ci_low: float
    ci_high: float
    users: int
    left_out: int
    per_seed: list[float]
    against: dict[str, Paired] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """All figures of an evaluation.

    Attributes
    ----------
    curves
        By metric and method: the mean at each k from 1.
    """

    figures: list[Figure]
    slices: list[Figure]
    curves: dict[str, dict[str, list[float]]]

    def by_method(self) -> dict[str, dict[tuple[str, int | None], Figure]]:
        """Return the figures of everybody by method, then by metric and length of the list."""
        found: dict[str, dict[tuple[str, int | None], Figure]] = {}
        for figure in self.figures:
            found.setdefault(figure.method, {})[figure.metric, figure.k] = figure
        return found


@dataclass(frozen=True)
class Catalogue:
    """What of the films the metrics need: ``(n_movies, n_genres)`` bool, and the genres' names."""

    genres: NDArray[np.bool_]
    genre_names: list[str]


def main_columns(ks: tuple[int, ...]) -> list[tuple[str, int]]:
    """Return the metrics that a table of a few columns shows, with the lengths of their lists."""
    return [("ndcg", k) for k in ks] + [("recall", k) for k in ks] + [("coverage", ks[0])]


def score(
    outcomes: list[Outcome],
    catalogue: Catalogue,
    ks: Iterable[int],
    on_figure: Callable[[int, int], None] = lambda done, total: None,
) -> Scores:
    """Score every method of the outcomes, one outcome a split.

    Parameters
    ----------
    on_figure
        Called with how many figures are done, of how many.
    """
    ks = tuple(ks)
    values = {
        method: [user_values(one, one.lists[method], catalogue, ks) for one in outcomes]
        for method in outcomes[0].lists
    }
    everybody = np.unique(np.concatenate([one.users for one in outcomes]))
    places = [np.searchsorted(everybody, one.users) for one in outcomes]
    pools = {method: pool(places, len(everybody), found) for method, found in values.items()}
    resampling = Resampling(len(everybody))
    n, total = 0, sum(len(found) + len(ks) for found in pools.values())
    figures: list[Figure] = []
    for method in pools:
        lists = [one.lists[method] for one in outcomes]
        of_lists = (
            spread(method, [one[:, :k] for one in lists], places, len(catalogue.genres), resampling)
            for k in ks
        )
        for found in chain(_of_users(method, values[method], pools, resampling), of_lists):
            figures += found
            n += 1
            on_figure(n, total)
    figures += errors_of_stars(outcomes, places, resampling)
    known = [figure for figure in figures if not np.isnan(figure.value)]
    return Scores(
        figures=[figure for figure in known if not figure.slice],
        slices=[figure for figure in known if figure.slice],
        curves={name: curves(outcomes, name) for name in CURVES},
    )


def _of_users(
    method: str,
    values: list[dict[Key, Values]],
    pools: dict[str, dict[Key, Values]],
    resampling: Resampling,
) -> Iterator[list[Figure]]:
    """Make the figures that are means over users, one at a time."""
    for key, mine in pools[method].items():
        metric, k, part = key
        users = int((~np.isnan(mine)).sum())
        low, high = resampling.interval(mine)
        others = [name for name in pools if name != OURS] if method == OURS and not part else []
        yield [
            Figure(
                *(method, metric, k, part, mean(mine), low, high, users),
                left_out=0 if part else len(mine) - users,
                per_seed=[mean(one[key]) for one in values],
                against={name: paired(mine, pools[name][key], resampling) for name in others},
            )
        ]


def user_values(
    outcome: Outcome, lists: Index, catalogue: Catalogue, ks: tuple[int, ...]
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
        values["diversity", k, ""] = diversity(catalogue.genres.astype(float), first)
    bucket = np.searchsorted(list(ACTIVITY.values()), outcome.known, side="right") - 1
    of_genre = catalogue.genres[lists]  # (n, k, n_genres)
    for name, k in SLICED:
        of_all = ACCURACY[name](hits, relevant, k)
        for place, activity in enumerate(ACTIVITY):
            values[name, k, f"known {activity}"] = np.where(bucket == place, of_all, np.nan)
        for place, genre in enumerate(catalogue.genre_names):
            mine = catalogue.genres[outcome.truth_movies, place]
            in_genre = np.bincount(outcome.truth_rows[mine], minlength=len(lists))
            values[name, k, f"genre {genre}"] = ACCURACY[name](
                hits & of_genre[:, :, place], in_genre, k
            )
    return values


def pool(places: list[Index], n_users: int, values: list[dict[Key, Values]]) -> dict[Key, Values]:
    """Average each user's values over the splits; `places` says whose they are in each."""
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


def paired(ours: Values, theirs: Values, resampling: Resampling) -> Paired:
    """Compare two methods on the users that both have a value for."""
    difference = ours - theirs
    both = ~np.isnan(difference)
    ratio = resampling.ratio(np.where(both, ours, 0), np.where(both, theirs, 0))
    return Paired(mean(difference), *resampling.interval(difference), *ratio)


def spread(
    method: str, lists: list[Index], places: list[Index], n_movies: int, resampling: Resampling
) -> list[Figure]:
    """Return coverage and Gini of the lists of all users, of which there is a matrix a split.

    Users are resampled with their lists. A resample holds fewer different lists than there are,
    so its coverage is too small (and its Gini too large): the interval is shifted back by the mean
    of that error.
    """
    statistics = {"coverage": coverage, "gini": gini}

    def of_weights(weights: NDArray[np.floating]) -> list[list[float]]:  # (splits, statistics)
        counts = [
            _listed(*one, n_movies) for one in zip(lists, [weights[p] for p in places], strict=True)
        ]
        # By chance, a resample of few users may hold none of a split's.
        return [[one(found) for one in statistics.values()] for found in counts if found.any()]

    n = resampling.weights.shape[1]
    per_seed = np.array(of_weights(np.ones(n)))  # (splits, 2)
    drawn = np.array([np.mean(of_weights(w), axis=0) for w in resampling.weights[:SPREAD_DRAWS]])
    values = per_seed.mean(axis=0)
    low, high = np.clip(
        np.percentile(drawn, [2.5, 97.5], axis=0) - (drawn.mean(axis=0) - values), 0, 1
    )
    k = lists[0].shape[1]
    return [
        Figure(method, name, k, "", values[i], low[i], high[i], n, 0, per_seed[:, i].tolist())
        for i, name in enumerate(statistics)
    ]


def _listed(lists: Index, weights: NDArray[np.floating], n_movies: int) -> Index:
    """Count the lists that each film stands in, ``(n_movies,)``."""
    there = lists != NO_MOVIE
    repeated = np.broadcast_to(weights[:, None], lists.shape)
    counts = np.bincount(lists[there], weights=repeated[there], minlength=n_movies)
    return counts.astype(np.int64)


def errors_of_stars(
    outcomes: list[Outcome], places: list[Index], resampling: Resampling
) -> list[Figure]:
    """Return RMSE and MAE of the predicted stars, nothing where none are predicted."""
    if not any(len(one.stars) for one in outcomes):
        return []
    n = resampling.weights.shape[1]
    errors = [one.stars[:, 1] - one.stars[:, 2] for one in outcomes]
    user = np.concatenate(
        [p[one.stars[:, 0].astype(int)] for p, one in zip(places, outcomes, strict=True)]
    )
    count = np.bincount(user, minlength=n).astype(float)
    figures = []
    for name, of_errors, back in (("rmse", np.square, np.sqrt), ("mae", np.abs, np.abs)):
        sizes = of_errors(np.concatenate(errors))
        total = np.bincount(user, weights=sizes, minlength=n).astype(float)
        value, low, high = (float(back(one)) for one in resampling.ratio(total, count))
        per_seed = [float(back(mean(of_errors(one)))) for one in errors]
        users = int((count > 0).sum())
        figures.append(Figure(OURS, name, None, "", value, low, high, users, n - users, per_seed))
    return figures


def curves(outcomes: list[Outcome], metric: str) -> dict[str, list[float]]:
    """Return a metric's mean over users and splits at each length of the list, by method.

    Here `recall` is the share of all that was held out, so that it can be set beside precision.
    """

    def at(k: int, hits: Marks, relevant: Ids) -> float:
        if metric == "recall":
            return mean(hits[:, :k].sum(axis=1) / relevant)
        return mean(ACCURACY[metric](hits, relevant, k))

    found: dict[str, list[float]] = {}
    for method, lists in outcomes[0].lists.items():
        marks = [judge(one.lists[method], one.truth_rows, one.truth_movies) for one in outcomes]
        lengths = range(1, lists.shape[1] + 1)
        found[method] = [float(np.mean([at(k, *one) for one in marks])) for k in lengths]
    return found
