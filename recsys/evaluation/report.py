"""An evaluation as one HTML page that loads nothing else, for screen and print."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from recsys.evaluation.charts import draw
from recsys.evaluation.figures import Figure, Paired, main_columns, title, verdict
from recsys.evaluation.outcomes import GROUPS, OURS
from recsys.evaluation.protocol import Protocol
from recsys.evaluation.record import Evaluation
from recsys.learning.metrics import ACCURACY

SPLITS = {
    "random": "Of each user's liked films, a random {share} are held out.",
    "time": "All likes after one point in time, the newest {share}, are held out. Users without "
    "earlier likes count too.",
    "leave-one-out": "Each user's newest liked film is held out.",
    "users": "{share} of the users with at least five liked films are held out: they are not in "
    "the training. After it, 80 % of their liked films are inserted as ratings, and the other 20 % "
    "should be recommended.",
}
KNOWN = {
    "liked": "The database has liked films only: every method ranks all other films, and the "
    "ranker never saw a low rating.",
    "rated": "The database also has lower ratings, so no method recommends those films.",
}
BEST_HIGH = (*ACCURACY, "stars", "coverage", "diversity")


def render(evaluation: Evaluation) -> str:
    """Return the page."""
    environment = Environment(
        loader=PackageLoader("recsys.evaluation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    plots = draw(evaluation.scores, evaluation.protocol.ks[0])
    page: str = environment.get_template("evaluation.html").render(
        evaluation=evaluation,
        protocol=evaluation.protocol,
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        words=in_words(evaluation.protocol),
        verdict=verdict(evaluation.scores, evaluation.protocol.ks),
        columns=_columns(evaluation),
        methods=list(evaluation.scores.by_method()),
        listing=list(evaluation.scores.curves["ndcg"]),
        paired=_paired(evaluation),
        groups=_groups(evaluation),
        plots={name: Markup(svg) for name, svg in plots.items()},
        command=evaluation.protocol.command(),
    )
    return page


def number(value: float) -> str:
    """Return a figure with about four significant digits."""
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.4f}"


def in_words(protocol: Protocol) -> list[str]:
    """Say how it was measured."""
    seeds = f"{protocol.seeds} splits were drawn; a user's values are averaged over them."
    return [
        f"A film is liked from {protocol.threshold:g} stars on.",
        SPLITS[protocol.split].format(share=f"{100 * protocol.share:g} %"),
        KNOWN[protocol.known],
        "A scratch database got the rest, was trained, and was asked by SQL (recsys.recommend). "
        "Held-out ratings never entered it; this was checked.",
        *([seeds] if protocol.seeds > 1 else []),
    ]


def _columns(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the tables' columns: the main metrics first, each with a cell for each method."""
    found = evaluation.scores.by_method()
    main = main_columns(evaluation.protocol.ks)
    others = [key for key in found[OURS] if key not in main]
    return [
        {
            "title": title(metric, k),
            "main": (metric, k) in main,
            "cells": {name: figures.get((metric, k)) for name, figures in found.items()},
            "best": _best(metric, [figures.get((metric, k)) for figures in found.values()]),
        }
        for metric, k in [*main, *others]
    ]


def _best(metric: str, figures: list[Figure | None]) -> float | None:
    values = [figure.value for figure in figures if figure is not None]
    return max(values) if len(values) > 1 and metric in BEST_HIGH else None


def _paired(evaluation: Evaluation) -> dict[str, dict[str, Paired]]:
    """Return how `OURS` differs from the other methods, by metric and method."""
    ours = evaluation.scores.by_method()[OURS]
    keys = [*main_columns(evaluation.protocol.ks), ("rmse", None), ("mae", None)]
    return {title(*key): ours[key].against for key in keys if key in ours and ours[key].against}


def _groups(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return for known and for new users, if there are both, each method's figures and pairs."""
    first, last = evaluation.protocol.ks[0], evaluation.protocol.ks[-1]
    found = {group: evaluation.scores.by_method(group) for group in GROUPS}
    return [
        {
            "users": f"{methods[OURS]['ndcg', first].users:,} {group.removeprefix('users ')} users",
            "figures": {
                title(*key): {method: figures[key] for method, figures in methods.items()}
                for key in (("ndcg", first), ("recall", last))
            },
            "paired": methods[OURS]["ndcg", first].against,
        }
        for group, methods in found.items()
        if methods
    ]
