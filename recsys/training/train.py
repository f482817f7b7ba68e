"""Ratings in the database to a new, active model."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from recsys.database.errors import reported_errors
from recsys.database.tables import trials
from recsys.errors import TrainingError
from recsys.learning.als import fit
from recsys.learning.likes import Interactions, liked_digests, read_positives
from recsys.learning.ranker import Step, learn_ranker
from recsys.learning.tuning import METRIC, Trial, resolved
from recsys.models.content import read_content, refresh_content
from recsys.models.ranker import read_ratings, write_ranker
from recsys.models.vectors import (
    TrainedModel,
    UserSolve,
    activate_model,
    reclaim_space,
    require_finite,
    write_model,
)
from recsys.parameters import POSITIVE_STARS, Parameters
from recsys.training.comparison import compare, find_rival, is_better


class Epoch(NamedTuple):
    """An epoch that is done, from 1, the loss a positive, and positives a second so far."""

    number: int
    of: int
    loss: float
    speed: float


def train(
    engine: Engine,
    parameters: Parameters | None = None,
    threshold: float = POSITIVE_STARS,
    device: str = "auto",
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    on_trial: Callable[[Trial], None] = lambda trial: None,
    search_minutes: float | None = None,
    if_better: str | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
) -> int:
    """Train on the ratings in the database, write the model, and activate it.

    Films that nobody likes get vectors from what they are; see `recsys.learning.content`. The
    model is written and activated in one transaction: whatever happens before its end, the model
    that was active goes on answering.

    Parameters
    ----------
    parameters
        Those that are None are chosen first, on a part of the ratings.
    threshold
        A rating of so many stars or more says that the user likes the film.
    device
        ``auto`` takes a CUDA device where there is one; else a name that torch knows.
    on_epoch
        Called after each epoch of the training itself.
    on_trial
        Called after each training on a part of the ratings; it is in ``recsys.trials`` then.
    on_step
        Called as the ranker is learned.
    search_minutes
        Look for the best parameters for so long. Of `parameters`, seed and steps are kept.
    if_better
        A metric such as ``ndcg@10``. The model is activated only if its parameters and today's
        ratings, with a part of them held out, reach more than the active model's parameters and
        the ratings up to the newest one that it was trained on.

    Returns
    -------
    int
        The new model's id.

    Raises
    ------
    TrainingError
        There are too few ratings, no such device, or the training diverged.
    InvalidRequest
        There is no such metric, or the active model cannot be compared with.
    """
    wanted = parameters or Parameters()
    device = choose_device(device)
    started, begun = datetime.now(UTC), time.monotonic()
    with reported_errors():
        with engine.connect() as connection:
            # One snapshot for all that is read.
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
            rival = None if if_better is None else find_rival(connection, if_better)
            positives = read_positives(connection, threshold)
            check_enough(positives, threshold)
            data = _fingerprint(connection, positives)
            digests = liked_digests(connection, positives)
            table = read_ratings(connection)

        def keep(trial: Trial) -> None:
            with engine.begin() as connection:
                connection.execute(trials.insert(), _trial_row(trial, started))
            on_trial(trial)

        if search_minutes is None:
            chosen = resolved(positives, wanted, device, keep)
        else:
            from recsys.learning.search import search

            chosen = search(positives, wanted, search_minutes, device, keep)
        metrics = {} if rival is None else compare(positives, chosen, rival, device)
        model = fit_model(positives, digests, chosen, threshold, device, data, on_epoch)
        model.metrics.update(metrics)
        model.parameters.update(
            chosen=[name for name, value in asdict(wanted).items() if value is None],
            search_minutes=search_minutes,
        )
        require_finite(model)
        ranker = learn_ranker(table, chosen, threshold, device, on_step)
        reclaim_space(engine)
        with engine.begin() as connection:
            content = read_content(connection)
            learned = content.learn(model.movie_ids, model.movies, chosen.seed)
            duration = timedelta(seconds=time.monotonic() - begun)
            model_id = write_model(connection, replace(model, duration=duration, content=learned))
            write_ranker(connection, model_id, ranker, table)
            connection.exec_driver_sql("select recsys_internal.refresh_movie_counts()")
            connection.execute(
                trials.update().where(trials.c.started_at == started), {"model_id": model_id}
            )
            if rival is None or is_better(connection, metrics, rival):
                activate_model(connection, model_id)
        refresh_content(engine)
    return model_id


def check_enough(positives: Interactions, threshold: float) -> None:
    """Refuse to learn from nearly nothing."""
    shape = len(positives.user_ids), len(positives.movie_ids)
    if min(shape) < 2:
        raise TrainingError(
            f"{shape[0]} users and {shape[1]} films have ratings of {threshold:g} stars or more, "
            "too few to learn from: load more ratings, or lower --threshold"
        )


def fit_model(
    positives: Interactions,
    digests: NDArray[np.int64],
    parameters: Parameters,
    threshold: float,
    device: str,
    data: dict[str, Any],
    on_epoch: Callable[[Epoch], None],
) -> TrainedModel:
    """Factorize the positives; alpha and regularization are given."""
    alpha, regularization = parameters.weights
    shape = len(positives.user_ids), len(positives.movie_ids)
    begun = time.monotonic()

    def report(epoch: int, loss: float) -> None:
        speed = epoch * len(positives.user_index) / max(time.monotonic() - begun, 1e-9)
        on_epoch(Epoch(epoch, parameters.epochs, loss, speed))

    learned = fit(
        torch.from_numpy(positives.user_index),
        torch.from_numpy(positives.movie_index),
        shape,
        parameters,
        device,
        report,
    )
    movies = learned.items.numpy()
    return TrainedModel(
        algorithm="ials",
        user_ids=positives.user_ids,
        movie_ids=positives.movie_ids,
        users=learned.users.numpy(),
        movies=movies,
        parameters={**asdict(parameters), "threshold": threshold, "device": device},
        data=data,
        versions={
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        metrics={"loss": learned.loss},
        duration=timedelta(0),
        solve=UserSolve(
            # The films' Gram matrix is diagonal; what does not depend on the user joins it.
            diagonal=alpha * np.square(movies).sum(axis=0, dtype=np.float64)
            + regularization * alpha * shape[1],
            ridge=regularization,
            liked_from=threshold,
            liked_counts=np.bincount(positives.user_index, minlength=shape[0]),
            liked_digests=digests,
        ),
    )


def choose_device(name: str) -> str:
    """Return a device that is there: ``auto`` is CUDA, else the CPU."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise TrainingError(f"no device {name!r} here: use --device auto or cpu") from error
    return name


def _trial_row(trial: Trial, started: datetime) -> dict[str, Any]:
    return {
        "started_at": started,
        "parameters": trial.parameters,
        "metric": METRIC,
        "value": trial.quality,
        "duration": timedelta(seconds=trial.seconds),
    }


def _fingerprint(connection: Connection, positives: Interactions) -> dict[str, Any]:
    count, newest = connection.exec_driver_sql(
        "select count(*), max(rated_at)::text from recsys.ratings"
    ).one()
    return {
        "ratings": count,
        "newest_rating": newest,
        "positives": len(positives.user_index),
    }
