"""Figures of an evaluation: means with intervals, and their names for people."""

from __future__ import annotations

from dataclasses import dataclass, field

TITLES = {
    "ndcg": "NDCG",
    "recall": "recall",
    "precision": "precision",
    "map": "MAP",
    "mrr": "MRR",
    "hit_rate": "hit rate",
    "popularity": "mean likes of a film",
    "stars": "mean stars",
    "novelty": "novelty (EPC)",
    "diversity": "diversity of genres",
    "coverage": "coverage",
    "gini": "Gini",
    "rmse": "RMSE",
    "mae": "MAE",
}


@dataclass(frozen=True)
class Paired:
    """`OURS` compared with another method, user by user: difference, and ratio of the means."""

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
        Empty for all users and films; else a genre, or a range of numbers of known likes.
    users, left_out
        How many have a value, and how many have none.
    per_seed
        The mean of each split.
    against
        By other method, for `OURS` alone.
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
    figures, slices
        Of all users and films, and of a part of them.
    curves
        By metric and method: the mean at each k from 1.
    """

    figures: list[Figure]
    slices: list[Figure]
    curves: dict[str, dict[str, list[float]]]

    def by_method(self) -> dict[str, dict[tuple[str, int | None], Figure]]:
        """Return the figures of all users by method, then by metric and length of the list."""
        found: dict[str, dict[tuple[str, int | None], Figure]] = {}
        for figure in self.figures:
            found.setdefault(figure.method, {})[figure.metric, figure.k] = figure
        return found


def main_columns(ks: tuple[int, ...]) -> list[tuple[str, int]]:
    """Return the metrics that a table of a few columns shows, with the lengths of their lists."""
    first = ks[0]
    columns = [("ndcg", k) for k in ks] + [("recall", k) for k in ks]
    return [*columns, ("stars", first), ("coverage", first)]


def title(metric: str, k: int | None) -> str:
    """Return a metric's name for people."""
    return TITLES[metric] + (f"@{k}" if k else "")
