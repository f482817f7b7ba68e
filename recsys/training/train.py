"""Ratings in the database to a new, active model: read, choose, learn, write."""

from __future__ import annotations

import platform
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import torch
from sqlalchemy import Engine

from recsys.database.errors import reported_errors
from recsys.database.tables import trials
from recsys.learning.als import fit
from recsys.learning.cores import choose_device
from recsys.learning.popularity import choose_half_life
from recsys.learning.questions import LearnedOrder, learn_order
from recsys.learning.ranker import LearnedRanker, learn_ranker
from recsys.learning.ratings import Ratings
from recsys.learning.vectors import UserSolve, require_finite
from recsys.models.content import read_content, refresh_content
from recsys.models.orders import write_order
from recsys.models.ranker import write_ranker
from recsys.models.vectors import TrainedModel, write_model
from recsys.models.versions import activate_model, reclaim_space
from recsys.parameters import POSITIVE_STARS, Parameters
from recsys.progress import Progress, silent
from recsys.training.choice import Choice, choose
from recsys.training.comparison import is_better
from recsys.training.data import TrainingData, read

# What the ranker learns, one after the other, in the words of one step's progress.
RANKING = {"ratings": "users and films", "network": "network", "order": "order of the lists"}


def train(
    engine: Engine,
    parameters: Parameters | None = None,
    threshold: float = POSITIVE_STARS,
    device: str = "auto",
    progress: Progress = silent,
    search_minutes: float | None = None,
    if_better: str | None = None,
    taught_by: str | None = None,
) -> int:
    """Train on the ratings in the database, write the model, and activate it.

    Films that no user likes get vectors from what they are; see `recsys.learning.content`. The
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
    progress
        Called with the steps ``reading``, ``choosing`` (whose trials are in ``recsys.trials``),
        ``training``, ``ranking`` and ``writing``.
    search_minutes
        Look for the best parameters for so long. Of `parameters`, seed and steps are kept.
    if_better
        A metric such as ``ndcg@10``. The model is activated only if its parameters and today's
        ratings, with a part of them held out, reach more than the active model's parameters and
        the ratings up to the newest one that it was trained on.
    taught_by
        What the order of the lists learns from: ``later``, what users liked after some moments, or
        ``missing``, a random part of what they liked. None: by what came later, where times tell.

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
    device = choose_device(device)
    started, begun = datetime.now(UTC), time.monotonic()
    with reported_errors():
        with engine.connect() as connection:
            # One snapshot for all that is read.
            repeatable = connection.execution_options(isolation_level="REPEATABLE READ")
            progress("reading", 0, 1)
            data = read(repeatable, threshold, if_better)
            progress("reading", 1, 1)
        choice = choose(
            engine, data, parameters or Parameters(), device, started, search_minutes, progress
        )
        learned = learn(data, choice, device, progress, taught_by)
        progress("writing", 0, 1)
        model_id = write(engine, data, learned, started, begun)
        refresh_content(engine)
        progress("writing", 1, 1)
    return model_id


class Learned(NamedTuple):
    """All that a training writes."""

    model: TrainedModel
    ranker: LearnedRanker
    order: LearnedOrder


def learn(
    data: TrainingData,
    choice: Choice,
    device: str,
    progress: Progress,
    taught_by: str | None = None,
) -> Learned:
    """Learn the vectors, the stars, and the order of the lists."""
    model = fit_model(data, choice.parameters, device, progress)
    require_finite(model.users, model.movies)

    ranking: Progress = lambda what, done, of=None, note="": progress(  # noqa: E731
        "ranking", done, of, RANKING[what]
    )
    ranker = learn_ranker(data.ratings, data.films, choice.parameters.seed, ranking)
    half_life = find_half_life(data.ratings, choice.parameters.seed)
    order = learn_order(
        data.ratings,
        choice.parameters,
        data.threshold,
        None if half_life is None else half_life.total_seconds(),
        taught_by,
        device,
        ranking,
    )
    model = replace(
        model,
        half_life=half_life,
        parameters=model.parameters | choice.notes,
        metrics=model.metrics | choice.metrics,
    )
    return Learned(model, ranker, order)


def find_half_life(ratings: Ratings, seed: int) -> timedelta | None:
    """Return the age at which a like should count half in the popularity of films.

    None if all likes should count alike. Likes are those of `recsys.movies.liked_count`, whatever
    the threshold of the training.
    """
    likes = ratings.part(ratings.stars >= np.float32(POSITIVE_STARS))
    chosen = choose_half_life(
        likes.movie_index, likes.user_index, likes.seconds, ratings.shape[1], seed
    )
    return None if chosen is None else timedelta(seconds=chosen)


def fit_model(
    data: TrainingData, parameters: Parameters, device: str = "cpu", progress: Progress = silent
) -> TrainedModel:
    """Factorize the likes; alpha and regularization are given."""
    alpha, regularization = parameters.weights
    likes = data.likes
    users, items = torch.from_numpy(likes.user_index), torch.from_numpy(likes.movie_index)
    learned = fit(users, items, likes.shape, parameters, device, progress)
    movies = learned.items.numpy()
    return TrainedModel(
        algorithm="ials",
        user_ids=likes.user_ids,
        movie_ids=likes.movie_ids,
        users=learned.users.numpy(),
        movies=movies,
        parameters={**asdict(parameters), "threshold": data.threshold, "device": device},
        data=data.facts,
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
            + regularization * alpha * likes.shape[1],
            ridge=regularization,
            liked_from=data.threshold,
            liked_counts=np.bincount(likes.user_index, minlength=likes.shape[0]),
            liked_digests=data.ratings.liked_digests(likes),
        ),
    )


def write(
    engine: Engine,
    data: TrainingData,
    made: Learned,
    started: datetime,
    begun: float,
) -> int:
    """Write all of it in one transaction, and activate it if it is better; return its id."""
    model = made.model
    reclaim_space(engine)
    with engine.begin() as connection:
        content = read_content(connection)
        learned = content.learn(model.movie_ids, model.movies, model.parameters["seed"])
        duration = timedelta(seconds=time.monotonic() - begun)
        model_id = write_model(connection, replace(model, duration=duration, content=learned))
        write_ranker(connection, model_id, made.ranker, data.ratings, data.films)
        write_order(connection, model_id, made.order, data.ratings, data.likes)
        connection.exec_driver_sql("select recsys_internal.refresh_movie_counts()")
        connection.execute(
            trials.update().where(trials.c.started_at == started), {"model_id": model_id}
        )
        if data.rival is None or is_better(connection, model.metrics, data.rival):
            activate_model(connection, model_id)
        else:
            connection.exec_driver_sql("select recsys.refresh_popularity()")
    return model_id
