"""With what to train: chosen by short trainings on a part of the ratings, which are kept."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Engine

from recsys.database.tables import trials
from recsys.learning.tuning import METRIC, Trial, resolved
from recsys.parameters import Parameters
from recsys.progress import Progress
from recsys.training.comparison import compare
from recsys.training.data import TrainingData


class Choice(NamedTuple):
    """What to train with, and how that compares with the active model, if it was asked."""

    parameters: Parameters
    notes: dict[str, Any]
    metrics: dict[str, Any]


def choose(
    engine: Engine,
    data: TrainingData,
    wanted: Parameters,
    device: str,
    started: datetime,
    search_minutes: float | None,
    progress: Progress,
) -> Choice:
    """Choose what is not given by short trainings, each of which is kept in ``recsys.trials``."""
    tried: list[float] = []

    def keep(trial: Trial) -> None:
        with engine.begin() as connection:
            connection.execute(trials.insert(), _trial_row(trial, started))
        tried.append(trial.quality or 0.0)
        progress("choosing", len(tried), None, f"best {max(tried):.4f}")

    if search_minutes is None:
        chosen = resolved(data.likes, wanted, device, keep)
    else:
        from recsys.learning.search import search

        chosen = search(data.likes, wanted, search_minutes, device, keep)
    return Choice(
        chosen,
        {
            "chosen": [name for name, value in asdict(wanted).items() if value is None],
            "search_minutes": search_minutes,
        },
        {} if data.rival is None else compare(data.likes, chosen, data.rival, device),
    )


def _trial_row(trial: Trial, started: datetime) -> dict[str, Any]:
    return {
        "started_at": started,
        "parameters": trial.parameters,
        "metric": METRIC,
        "value": trial.quality,
        "duration": timedelta(seconds=trial.seconds),
    }
