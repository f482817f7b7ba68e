"""The statistics of `recsys_bi.experiment_results` and `recsys.estimate_click_rate`, in NumPy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from recsys.arrays import Values

ALPHA = 0.05
SCALE = 0.1  # standard deviation of the mixture: the size of lifts, in logarithms
LEAST_CLICKS = 50


def margin(variance: ArrayLike, alpha: float = ALPHA) -> Values:
    """Return half the width of an interval that holds the truth on all days at once.

    Robbins (1970), "Statistical methods related to the law of the iterated logarithm": a normal
    mixture of standard deviation SCALE over the estimate's error.

    Parameters
    ----------
    variance
        Of the estimate, as of each look.
    """
    v = np.asarray(variance, dtype=float)
    both = v + SCALE**2
    result: Values = np.sqrt(v * both / SCALE**2 * np.log(both / (v * alpha**2)))
    return result


class Lift(NamedTuple):
    """How many more clicks a user the second variant gets, as a share; NaN for too few clicks."""

    lift: float
    low: float
    high: float


def lift(before: Values, after: Values, alpha: float = ALPHA) -> Lift:
    """Return the lift of one variant against another, by each user's clicks.

    Parameters
    ----------
    before, after
        ``(n_users,)``: each user's clicks in each variant; NaN where a user was not shown it.
    """
    first, second = np.nansum(before), np.nansum(after)
    if min(first, second) < LEAST_CLICKS:
        return Lift(np.nan, np.nan, np.nan)
    pull = np.nan_to_num((after - np.nanmean(after)) / second)
    pull -= np.nan_to_num((before - np.nanmean(before)) / first)
    log_ratio = np.log(np.nanmean(after) / np.nanmean(before))
    half = margin((pull**2).sum(), alpha)
    return Lift(*np.expm1([log_ratio, log_ratio - half, log_ratio + half]).tolist())


class ClickRate(NamedTuple):
    """Clicks a place of a list, its 95 % interval, and how much the logs say of it."""

    rate: float
    low: float
    high: float
    effective: float
    coverage: float


def click_rate(user: Values, weight: Values, clicked: Values) -> ClickRate:
    """Return the self-normalised estimate; the interval takes users for independent.

    Swaminathan and Joachims (2015), "The self-normalized estimator for counterfactual learning".

    Parameters
    ----------
    user, weight, clicked
        ``(n_places,)``: whose list; 0 where the new list has another film at the place, else one
        over the propensity; 1 for a click.
    """
    rate = (weight * clicked).sum() / weight.sum()
    _, place = np.unique(user, return_inverse=True)
    pull = np.bincount(place, weight * (clicked - rate))
    half = 1.96 * np.sqrt((pull**2).sum()) / weight.sum()
    effective = weight.sum() ** 2 / (weight**2).sum()
    return ClickRate(
        rate, max(rate - half, 0), min(rate + half, 1), effective, weight.sum() / len(weight)
    )
