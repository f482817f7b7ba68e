"""The figures of an evaluation as rows: all of them for programs, the main ones for people."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

from recsys.evaluation.figures import Figure, Paired, main_columns, title
from recsys.evaluation.outcomes import GROUPS, OURS
from recsys.evaluation.record import Evaluation

COLUMNS = (
    *("protocol", "method", "group", "metric", "k", "value", "ci_low", "ci_high", "users"),
    "left_out",
    *("difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high"),
)


def figure_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a row for each figure; a baseline's has how `recommend` differs from it, in pairs."""
    scores = evaluation.scores
    figures = [*scores.figures, *(one for one in scores.slices if one.slice in GROUPS)]
    ours = {(one.metric, one.k, one.slice): one for one in figures if one.method == OURS}
    rows = []
    for figure in figures:
        same = ours.get((figure.metric, figure.k, figure.slice))
        pair = same.against.get(figure.method) if same else None
        row = {name: getattr(figure, name, None) for name in COLUMNS[1:10]}
        row |= dict(zip(COLUMNS[10:], astuple(pair) if pair else [None] * 6, strict=True))
        group = figure.slice.removeprefix("users ")
        rows.append(row | {"protocol": str(evaluation.protocol), "group": group})
    return rows


def main_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a row for each method that makes lists, with the main metrics."""
    found = evaluation.scores.by_method()
    columns = main_columns(evaluation.protocol.ks)
    return [
        {
            "method": method,
            **{
                f"{metric}@{k}": in_words(figures[metric, k]) if (metric, k) in figures else ""
                for metric, k in columns[:-1]
            },
            f"coverage@{columns[-1][1]}": f"{figures[columns[-1]].value:.1%}",
        }
        for method, figures in found.items()
        if columns[-1] in figures  # some only predict stars
    ]


def paired_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a row for each other method: by how much `recommend` differs from it."""
    k = evaluation.protocol.ks[0]
    found = evaluation.scores.by_method()
    columns = {
        f"{metric}@{k}" if k else metric: found[OURS][metric, k].against
        for metric, k in (("ndcg", k), ("stars", k), ("rmse", None))
        if (metric, k) in found[OURS]
    }
    return [
        {
            "recommend minus": name,
            **{
                column: in_words(pairs[name], "+.4f") if name in pairs else ""
                for column, pairs in columns.items()
            },
        }
        for name in found
        if any(name in pairs for pairs in columns.values())
    ]


def group_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a row for each method: NDCG for known and for new users, if there are both."""
    k = evaluation.protocol.ks[0]
    rows: dict[str, dict[str, Any]] = {}
    for group in GROUPS:
        found, who = evaluation.scores.by_method(group), group.removeprefix("users ")
        for method, figures in found.items():
            figure = figures["ndcg", k]
            pair = found[OURS]["ndcg", k].against.get(method)
            rows.setdefault(method, {"method": method}).update(
                {
                    f"ndcg@{k} of {figure.users:,} {who} users": in_words(figure),
                    f"recommend minus it, {who}": in_words(pair, "+.4f") if pair else "",
                }
            )
    return list(rows.values())


def in_words(one: Figure | Paired, form: str = ".3f") -> str:
    """Return a value and its interval."""
    value = one.value if isinstance(one, Figure) else one.difference
    return f"{value:{form}} [{one.ci_low:{form}}, {one.ci_high:{form}}]"


def errors_of_stars(evaluation: Evaluation) -> str:
    """Say how far the predicted stars are off, "" if none are predicted."""
    errors = [
        f"{title(*key)} of {method} {in_words(figures[key])}"
        for key in (("rmse", None), ("mae", None))
        for method, figures in evaluation.scores.by_method().items()
        if key in figures
    ]
    return f"Predicted stars: {', '.join(errors)}" if errors else ""
