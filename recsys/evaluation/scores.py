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

from recsys.evaluation.outcomes import (
    CURVES,
    OURS,
    Catalogue,
    Key,
    Outcome,
    curves,
    mean,
    pool,
    user_values,
)
from recsys.evaluation.resampling import Resampling
from recsys.learning.metrics import NO_MOVIE, coverage, gini

Index = NDArray[np.int64]
Values = NDArray[np.float64]
SPREAD_DRAWS = 300  # of whole lists, which cost more


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


def main_columns(ks: tuple[int, ...]) -> list[tuple[str, int]]:
    """Return the metrics that a table of a few columns shows, with the lengths of their lists."""
    first = ks[0]
    columns = [("ndcg", k) for k in ks] + [("recall", k) for k in ks]
    return [*columns, ("stars", first), ("coverage", first)]


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
        pairs = {name: paired(mine, pools[name][key], resampling) for name in others}
        yield [
            Figure(
                *(method, metric, k, part, mean(mine), low, high, users),
                left_out=0 if part else len(mine) - users,
                per_seed=[mean(one[key]) for one in values],
                against={
                    name: pair for name, pair in pairs.items() if not np.isnan(pair.difference)
                },
            )
        ]


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
    """Return RMSE and MAE of the predicted stars, nothing where none are predicted.

    Each rating counts alike; users are resampled with theirs.
    """
    found = [
        (place[one.predicted.rows], one.predicted)
        for place, one in zip(places, outcomes, strict=True)
        if one.predicted is not None
    ]
    if not found:
        return []
    n = resampling.weights.shape[1]
    user = np.concatenate([place for place, _ in found])
    count = np.bincount(user, minlength=n).astype(float)  # ratings of each user
    users = int((count > 0).sum())
    figures: list[Figure] = []
    for name, of_errors, back in (("rmse", np.square, np.sqrt), ("mae", np.abs, np.abs)):
        drawn: dict[str, Values] = {}
        of_name: dict[str, Figure] = {}
        for method in found[0][1].by_method:
            sizes = [of_errors(one.by_method[method] - one.true) for _, one in found]
            total = np.bincount(user, weights=np.concatenate(sizes), minlength=n).astype(float)
            drawn[method] = back(resampling.ratios(total, count))
            low, high = np.percentile(drawn[method], [2.5, 97.5])
            of_name[method] = Figure(
                *(method, name, None, "", float(back(total.sum() / count.sum()))),
                *(float(low), float(high), users, n - users),
                per_seed=[float(back(mean(one))) for one in sizes],
            )
        for method, figure in of_name.items():
            if method != OURS:
                of_name[OURS].against[method] = _beside(
                    *(of_name[OURS].value, figure.value, drawn[OURS], drawn[method])
                )
        figures += of_name.values()
    return figures


def _beside(ours: float, theirs: float, drawn: Values, their_drawn: Values) -> Paired:
    """Compare two figures by their values in the same draws."""
    low, high = np.percentile(drawn - their_drawn, [2.5, 97.5]).tolist()
    with np.errstate(divide="ignore", invalid="ignore"):  # predictions without an error
        ratio_low, ratio_high = np.percentile(drawn / their_drawn, [2.5, 97.5]).tolist()
        ratio = float(np.divide(ours, theirs))
    return Paired(ours - theirs, low, high, ratio, ratio_low, ratio_high)
