"""What an evaluation found, and its rows in ``recsys.evaluations``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from recsys.database.tables import evaluations
from recsys.evaluation.figures import Figure, Scores
from recsys.evaluation.protocol import Protocol


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes
    ----------
    data
        What the ratings were: counts, and the newest one's time.
    model_id
        The model whose parameters trained, None if the defaults did.
    parameters
        Of the training, and of the baselines.
    asked, with_truth, without_truth
        Users of the first split: asked; with something held out; with none, who are left out.
    notes
        What else a reader must know.
    """

    protocol: Protocol
    data: dict[str, Any]
    model_id: int | None
    parameters: dict[str, Any]
    asked: int
    with_truth: int
    without_truth: int
    notes: tuple[str, ...]
    scores: Scores


def write_evaluation(connection: Connection, evaluation: Evaluation) -> None:
    """Write a row for each figure into ``recsys.evaluations``."""
    common = {
        "seeds": evaluation.protocol.seeds,
        "asked": evaluation.asked,
        "without_truth": evaluation.without_truth,
        "parameters": evaluation.parameters,
        "data": evaluation.data,
    }
    rows = []
    for figure in evaluation.scores.figures:
        row = {
            "model_id": evaluation.model_id,
            "protocol": str(evaluation.protocol),
            **{
                name: getattr(figure, name)
                for name in ("method", "metric", "k", "value", "ci_low", "ci_high")
            },
        }
        row["details"] = _without_nan({**common, **_details(figure, evaluation.scores)})
        rows.append(row)
    connection.execute(evaluations.insert(), rows)


def _details(figure: Figure, scores: Scores) -> dict[str, Any]:
    slices = {
        one.slice: {
            "value": one.value,
            "ci": [one.ci_low, one.ci_high],
            "users": one.users,
            **_against(one),
        }
        for one in scores.slices
        if (one.method, one.metric, one.k) == (figure.method, figure.metric, figure.k)
    }
    return {
        "users": figure.users,
        "left_out": figure.left_out,
        "per_seed": figure.per_seed,
        **_against(figure),
        **({"slices": slices} if slices else {}),
    }


def _against(figure: Figure) -> dict[str, Any]:
    against = {method: asdict(pair) for method, pair in figure.against.items()}
    return {"against": against} if against else {}


def _without_nan(value: Any) -> Any:
    """Return the same with None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and np.isnan(value) else value
