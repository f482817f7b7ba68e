"""Lists and what was held out to figures with intervals, for several methods and splits at once.

A value belongs to a user. With several splits a user's values are averaged first, and then users
are resampled: the intervals tell how the mean would vary with other users, of whom there are
finitely many, not with more splits of the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys.metrics import (
    ACCURACY,
    NO_MOVIE,
    coverage,
    diversity,
    gini,
    interval,
    judge,
    mean_over_list,
)

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
SPREAD_DRAWS = 300
DRAWS, SLICE_DRAWS = 2000, 500


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


OnFigure = Callable[[str, int, int], None]


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
    pools = {method: pool(outcomes, found) for method, found in values.items()}
    done, total = 0, sum(len(found) + len(ks) for found in pools.values())
    figures: list[Figure] = []
    for method, found in pools.items():
        for key, mine in found.items():
            per_seed = [mean(one[key]) for one in values[method] if key in one]
            figure = _figure(method, key, mine, per_seed)
            if method == OURS and not figure.slice:
                figure.against.update(
                    {name: paired(mine, pools[name][key]) for name in pools if name != OURS}
                )
            figures.append(figure)
            done += 1
            on_figure(done, total)
        for k in ks:
            figures += spread(outcomes, method, k, len(catalogue.genres))
            done += 1
            on_figure(done, total)
    figures += errors_of_stars(outcomes)
    known = [figure for figure in figures if not np.isnan(figure.value)]
    return Scores(
        figures=[figure for figure in known if not figure.slice],
        slices=[figure for figure in known if figure.slice],
        curves={name: curves(outcomes, name) for name in CURVES},
    )


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


def pool(outcomes: list[Outcome], values: list[dict[Key, Values]]) -> dict[Key, Values]:
    """Average each user's values over the splits; users in order of their index."""
    everybody = np.unique(np.concatenate([one.users for one in outcomes]))
    places = [np.searchsorted(everybody, one.users) for one in outcomes]
    pooled = {}
    for key in values[0]:
        total, count = np.zeros(len(everybody)), np.zeros(len(everybody))
        for place, found in zip(places, values, strict=True):
            there = ~np.isnan(found[key])
            total[place[there]] += found[key][there]
            count[place[there]] += 1
        pooled[key] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return pooled


def _figure(method: str, key: Key, values: Values, per_seed: list[float]) -> Figure:
    metric, k, part = key
    users = int((~np.isnan(values)).sum())
    left_out = 0 if part else len(values) - users
    low, high = interval(values, draws=SLICE_DRAWS if part else DRAWS)
    return Figure(method, metric, k, part, mean(values), low, high, users, left_out, per_seed)


def mean(values: Values) -> float:
    """Return the mean of what is not NaN, NaN if nothing is."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")


def paired(ours: Values, theirs: Values) -> Paired:
    """Compare two methods on the users that both have a value for."""
    both = ~np.isnan(ours) & ~np.isnan(theirs)
    ours, theirs = ours[both], theirs[both]
    difference = ours - theirs
    low, high = interval(difference, draws=DRAWS)
    return Paired(mean(difference), low, high, *ratio(ours, theirs))


def ratio(above: Values, below: Values, draws: int = DRAWS) -> tuple[float, float, float]:
    """Return the ratio of two sums over users, and its 95 % bootstrap interval."""
    if not len(below) or not below.sum():
        return float("nan"), float("nan"), float("nan")
    generator = np.random.default_rng(0)
    drawn = np.empty(draws)
    for place in range(draws):
        users = generator.integers(len(below), size=len(below))
        bottom = below[users].sum()
        drawn[place] = above[users].sum() / bottom if bottom else np.nan
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(above.sum() / below.sum()), float(low), float(high)


def spread(outcomes: list[Outcome], method: str, k: int, n_movies: int) -> list[Figure]:
    """Return coverage and Gini of the lists of all users.

    Users are resampled with their lists. A resample holds fewer different lists than there are,
    so its coverage is too small (and its Gini too large): the interval is shifted back by the mean
    of that error.
    """
    everybody = np.unique(np.concatenate([one.users for one in outcomes]))
    statistics = {"coverage": coverage, "gini": gini}
    rows = [(np.searchsorted(everybody, one.users), one.lists[method][:, :k]) for one in outcomes]

    def of_weights(weights: Index) -> list[list[float]]:  # (splits, statistics)
        counts = [_listed(lists, weights[places], n_movies) for places, lists in rows]
        return [[statistic(one) for statistic in statistics.values()] for one in counts]

    per_seed = np.array(of_weights(np.ones(len(everybody), dtype=np.int64)))  # (splits, 2)
    generator, n = np.random.default_rng(0), len(everybody)
    drawn = np.array(
        [
            np.mean(of_weights(np.bincount(generator.integers(n, size=n), minlength=n)), axis=0)
            for _ in range(SPREAD_DRAWS)
        ]
    )  # (draws, 2)
    values = per_seed.mean(axis=0)
    low, high = np.clip(
        np.percentile(drawn, [2.5, 97.5], axis=0) - (drawn.mean(axis=0) - values), 0, 1
    )
    return [
        Figure(method, name, k, "", values[i], low[i], high[i], n, 0, per_seed[:, i].tolist())
        for i, name in enumerate(statistics)
    ]


def _listed(lists: Index, weights: Index, n_movies: int) -> Index:
    """Count the lists that each film stands in, ``(n_movies,)``."""
    there = lists != NO_MOVIE
    repeated = np.broadcast_to(weights[:, None], lists.shape)
    counts = np.bincount(lists[there], weights=repeated[there], minlength=n_movies)
    return counts.astype(np.int64)


def errors_of_stars(outcomes: list[Outcome]) -> list[Figure]:
    """Return RMSE and MAE of the predicted stars, nothing where none are predicted."""
    if not any(len(one.stars) for one in outcomes):
        return []
    users = np.concatenate([one.users[one.stars[:, 0].astype(int)] for one in outcomes])
    errors = np.concatenate([one.stars[:, 1] - one.stars[:, 2] for one in outcomes])
    _, place = np.unique(users, return_inverse=True)
    count = np.bincount(place).astype(float)
    figures = []
    for name, of_errors, back in (("rmse", np.square, np.sqrt), ("mae", np.abs, np.abs)):
        found = ratio(np.bincount(place, weights=of_errors(errors)).astype(float), count)
        value, low, high = (float(back(one)) for one in found)
        per_seed = [
            float(back(of_errors(one.stars[:, 1] - one.stars[:, 2]).mean())) for one in outcomes
        ]
        figures.append(Figure(OURS, name, None, "", value, low, high, len(count), 0, per_seed))
    return figures


def curves(outcomes: list[Outcome], metric: str) -> dict[str, list[float]]:
    """Return a metric's mean over users and splits at each length of the list, by method.

    Here `recall` is the share of all that was held out, so that it can be set beside precision.
    """
    found: dict[str, list[float]] = {}
    for method, lists in outcomes[0].lists.items():
        marks = [judge(one.lists[method], one.truth_rows, one.truth_movies) for one in outcomes]
        found[method] = [
            float(
                np.mean(
                    [
                        mean(
                            hits[:, :k].sum(axis=1) / relevant
                            if metric == "recall"
                            else ACCURACY[metric](hits, relevant, k)
                        )
                        for hits, relevant in marks
                    ]
                )
            )
            for k in range(1, lists.shape[1] + 1)
        ]
    return found
