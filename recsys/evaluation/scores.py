"""Lists and what was held out to figures with intervals, for several methods and splits at once.

A value belongs to a user. With several splits a user's values are averaged first, and then users
are resampled: the intervals tell how the mean would vary with other users, not with more splits of
the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from recsys.arrays import Index, Numbers, Values
from recsys.evaluation.figures import Figure, Paired, Scores
from recsys.evaluation.outcomes import (
    CURVES,
    GROUPS,
    OURS,
    Key,
    Outcome,
    Predicted,
    curves,
    mean,
    pool,
    user_values,
)
from recsys.evaluation.resampling import Resampling, middle
from recsys.learning.metrics import NO_MOVIE, coverage, gini
from recsys.learning.ratings import Films
from recsys.progress import Progress, silent

SPREAD_DRAWS = 300  # of whole lists, which cost more


def score(
    outcomes: list[Outcome], films: Films, ks: tuple[int, ...], progress: Progress = silent
) -> Scores:
    """Return every method's figures, from one outcome a split."""
    values = {
        method: [user_values(one, one.lists[method], films, ks) for one in outcomes]
        for method in outcomes[0].lists
    }
    users = np.unique(np.concatenate([one.users for one in outcomes]))
    places = [np.searchsorted(users, one.users) for one in outcomes]
    pools = {method: pool(places, len(users), found) for method, found in values.items()}
    resampling = Resampling(len(users))

    def figures_of(method: str) -> Iterator[list[Figure]]:
        yield from _of_users(method, values[method], pools, resampling)
        for k in ks:
            lists = [one.lists[method][:, :k] for one in outcomes]
            yield spread(method, lists, places, len(films.genres), resampling)

    total = sum(len(found) + len(ks) for found in pools.values())
    figures: list[Figure] = []
    for done, found in enumerate(chain.from_iterable(map(figures_of, pools)), start=1):
        figures += found
        progress("scoring", done, total)
    figures += errors_of_stars(outcomes, places, resampling)
    known = [figure for figure in figures if not np.isnan(figure.value)]
    slices = [figure for figure in known if figure.slice]
    if not {figure.slice for figure in slices}.issuperset(GROUPS):  # one of them is all users
        slices = [figure for figure in slices if figure.slice not in GROUPS]
    return Scores(
        figures=[figure for figure in known if not figure.slice],
        slices=slices,
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
        is_paired = method == OURS and part in ("", *GROUPS)
        others = [name for name in pools if name != OURS] if is_paired else []
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
    """Return coverage and Gini of the lists of all users, a matrix a split.

    Users are resampled with their lists. A resample has fewer different lists than there are,
    so its coverage is too small (and its Gini too large): the interval is shifted back by the mean
    of that error.
    """
    statistics = {"coverage": coverage, "gini": gini}

    def of_weights(weights: Numbers) -> list[list[float]]:  # (splits, statistics)
        counts = [
            _listed(*one, n_movies) for one in zip(lists, [weights[p] for p in places], strict=True)
        ]
        # By chance, a resample of few users may have none of a split's.
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


def _listed(lists: Index, weights: Numbers, n_movies: int) -> Index:
    """Count the lists that each film is in, ``(n_movies,)``."""
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
    return [
        *_errors("rmse", np.square, np.sqrt, found, resampling),
        *_errors("mae", np.abs, np.abs, found, resampling),
    ]


def _errors(
    metric: str,
    size: Callable[[Values], Values],
    back: Callable[[Any], Any],
    found: list[tuple[Index, Predicted]],
    resampling: Resampling,
) -> list[Figure]:
    """Return ``back(mean(size(errors)))`` of each method; `found` has each rating's user."""
    n = resampling.weights.shape[1]
    user = np.concatenate([place for place, _ in found])
    count = np.bincount(user, minlength=n).astype(float)  # ratings of each user
    users = int((count > 0).sum())
    values, drawn, per_seed = {}, {}, {}
    for method in found[0][1].by_method:
        sizes = [size(one.by_method[method] - one.true) for _, one in found]
        total = np.bincount(user, weights=np.concatenate(sizes), minlength=n).astype(float)
        values[method] = float(back(total.sum() / count.sum()))
        drawn[method] = back(resampling.ratios(total, count))
        per_seed[method] = [float(back(mean(one))) for one in sizes]
    against = {
        method: _compared(values[OURS], values[method], drawn[OURS], drawn[method])
        for method in values
        if method != OURS
    }
    return [
        Figure(
            *(method, metric, None, "", values[method], *middle(drawn[method]), users, n - users),
            per_seed=per_seed[method],
            against=against if method == OURS else {},
        )
        for method in values
    ]


def _compared(ours: float, theirs: float, drawn: Values, their_drawn: Values) -> Paired:
    """Compare two figures by their values in the same draws."""
    with np.errstate(divide="ignore", invalid="ignore"):  # predictions without an error
        ratio = float(np.divide(ours, theirs)), *middle(drawn / their_drawn)
    return Paired(ours - theirs, *middle(drawn - their_drawn), *ratio)
