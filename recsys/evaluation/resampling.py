"""Bootstrap over users: the same resamples for every figure, so that a figure costs one product."""

from __future__ import annotations

import numpy as np

from recsys.arrays import Values

DRAWS = 2000


class Resampling:
    """So many draws of n users from n users, with replacement.

    Attributes
    ----------
    weights
        ``(draws, n_users)`` float32: how often each user is in each draw.
    """

    def __init__(self, n_users: int, draws: int = DRAWS, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        self.weights = np.empty((draws, n_users), dtype=np.float32)
        for row in self.weights:
            row[:] = np.bincount(generator.integers(n_users, size=n_users), minlength=n_users)

    def interval(self, values: Values) -> tuple[float, float]:
        """Return a 95 % interval of the mean of what is not NaN.

        Parameters
        ----------
        values
            ``(n_users,)``. For a paired comparison, each user's difference.
        """
        there = ~np.isnan(values)
        _, low, high = self.ratio(np.where(there, values, 0), there.astype(float))
        return low, high

    def ratio(self, above: Values, below: Values) -> tuple[float, float, float]:
        """Return the ratio of two sums over users, and its 95 % interval."""
        drawn = self.ratios(above, below)
        if not len(drawn):
            return float("nan"), float("nan"), float("nan")
        return float(above.sum() / below.sum()), *middle(drawn)

    def ratios(self, above: Values, below: Values) -> Values:
        """Return the ratio of two sums over users in each draw that has one."""
        bottom = self.weights @ below.astype(np.float32)  # (draws,)
        some = bottom != 0  # a draw may have none of the few users that have a value
        if not below.sum():
            some[:] = False
        drawn: Values = (self.weights @ above.astype(np.float32))[some] / bottom[some]
        return drawn


def middle(drawn: Values) -> tuple[float, float]:
    """Return the ends of the middle 95 % of what was drawn."""
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    return low, high
