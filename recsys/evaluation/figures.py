"""Figures of an evaluation: means with intervals, and their names for people."""

from __future__ import annotations

from dataclasses import dataclass, field

from recsys.evaluation.outcomes import BASELINES, OURS

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
        Empty for all users and films; else a genre, a range of numbers of known likes, or one of
        `GROUPS`.
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

    def by_method(self, part: str = "") -> dict[str, dict[tuple[str, int | None], Figure]]:
        """Return the figures of a slice by method, then by metric and length of the list."""
        found: dict[str, dict[tuple[str, int | None], Figure]] = {}
        for figure in self.slices if part else self.figures:
            if figure.slice == part:
                found.setdefault(figure.method, {})[figure.metric, figure.k] = figure
        return found


def verdict(scores: Scores, ks: tuple[int, ...]) -> str:
    """Say in a sentence how `OURS` compares with the best baseline, "" without baselines."""
    k = 10 if 10 in ks else ks[0]
    found = scores.by_method()
    ours = found[OURS]["ndcg", k]
    pairs = {name: pair for name, pair in ours.against.items() if name in BASELINES}
    if not pairs:
        return ""
    best = max(pairs, key=lambda name: found[name]["ndcg", k].value)
    pair = pairs[best]
    interval = (
        f"{title('ndcg', k)} is {pair.difference:+.4f}, user by user, with a 95 % interval of "
        f"{pair.ci_low:+.4f} to {pair.ci_high:+.4f}"
    )
    if pair.ci_low <= 0 <= pair.ci_high:
        return (
            f"{OURS} and the best baseline, {best}, cannot be told apart by these {ours.users:,} "
            f"users: the difference in {interval}, which contains 0."
        )
    is_better = "better" if pair.difference > 0 else "worse"
    return f"{OURS} is {is_better} than the best baseline, {best}: the difference in {interval}."


def main_columns(ks: tuple[int, ...]) -> list[tuple[str, int]]:
    """Return the metrics that a table of a few columns shows, with the lengths of their lists."""
    first = ks[0]
    columns = [("ndcg", k) for k in ks] + [("recall", k) for k in ks]
    return [*columns, ("stars", first), ("coverage", first)]


def title(metric: str, k: int | None) -> str:
    """Return a metric's name for people."""
    return TITLES[metric] + (f"@{k}" if k else "")
