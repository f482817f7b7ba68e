"""Ratings in the database to a new, active model."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from recsys.database import reported_errors
from recsys.errors import TrainingError
from recsys.factorization import fit
from recsys.interactions import Interactions, liked_digests, read_positives
from recsys.parameters import POSITIVE_STARS, Parameters
from recsys.vectors import TrainedModel, UserSolve, activate_model, write_model


def train(
    engine: Engine,
    parameters: Parameters | None = None,
    threshold: float = POSITIVE_STARS,
    device: str = "auto",
    on_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
) -> int:
    """Train on the ratings in the database, write the model, and activate it.

    The model is written and activated in one transaction: whatever happens before its end,
    the model that was active goes on answering.

    Parameters
    ----------
    threshold
        A rating of so many stars or more says that the user likes the film.
    device
        ``auto`` takes a CUDA device where there is one; else a name that torch knows.
    on_epoch
        Called after each epoch with its number from 1 and the loss a positive.

    Returns
    -------
    int
        The new model's id.

    Raises
    ------
    TrainingError
        There are too few ratings, no such device, or the training diverged.
    """
    parameters = parameters or Parameters()
    with reported_errors():
        with engine.connect() as connection:
            positives = read_positives(connection, threshold)
            data = _fingerprint(connection, positives)
            digests = liked_digests(connection, positives)
        model = fit_model(positives, digests, parameters, threshold, device, data, on_epoch)
        with engine.begin() as connection:
            model_id = write_model(connection, model)
            connection.exec_driver_sql("select recsys_internal.refresh_movie_counts()")
            activate_model(connection, model_id)
    return model_id


def fit_model(
    positives: Interactions,
    digests: NDArray[np.int64],
    parameters: Parameters,
    threshold: float,
    device: str,
    data: dict[str, Any],
    on_epoch: Callable[[int, float], None],
) -> TrainedModel:
    """Factorize the positives."""
    shape = len(positives.user_ids), len(positives.movie_ids)
    if min(shape) < 2:
        raise TrainingError(
            f"{shape[0]} users and {shape[1]} films have ratings of {threshold:g} stars or more, "
            "too few to learn from: load more ratings, or lower --threshold"
        )
    started = time.monotonic()
    learned = fit(
        torch.from_numpy(positives.user_index),
        torch.from_numpy(positives.movie_index),
        shape,
        parameters,
        choose_device(device),
        on_epoch,
    )
    movies = learned.items.numpy()
    alpha, n_movies = parameters.alpha, shape[1]
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
        duration=timedelta(seconds=time.monotonic() - started),
        solve=UserSolve(
            # The films' Gram matrix is diagonal; what does not depend on the user joins it.
            diagonal=alpha * np.square(movies).sum(axis=0, dtype=np.float64)
            + parameters.regularization * alpha * n_movies,
            ridge=parameters.regularization,
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


def _fingerprint(connection: Connection, positives: Interactions) -> dict[str, Any]:
    count, newest = connection.exec_driver_sql(
        "select count(*), max(rated_at)::text from recsys.ratings"
    ).one()
    return {
        "ratings": count,
        "newest_rating": newest,
        "positives": len(positives.user_index),
    }
