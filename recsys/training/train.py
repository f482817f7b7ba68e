"""Ratings in the database to a new, active model: read, choose, learn, write."""

from __future__ import annotations

import platform
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import torch
from sqlalchemy import Connection, Engine

from recsys.database.errors import reported_errors
from recsys.database.tables import trials
from recsys.errors import TrainingError
from recsys.learning.als import fit
from recsys.learning.cores import choose_device
from recsys.learning.likes import Likes
from recsys.learning.ranker import LearnedRanker, learn_ranker
from recsys.learning.ratings import Films, Ratings
from recsys.learning.tuning import METRIC, Trial, resolved
from recsys.learning.vectors import UserSolve, require_finite
from recsys.models.content import read_content, refresh_content
from recsys.models.ranker import write_ranker
from recsys.models.ratings import read_films, read_ratings, time_of
from recsys.models.vectors import TrainedModel, write_model
from recsys.models.versions import activate_model, reclaim_space
from recsys.parameters import POSITIVE_STARS, Parameters
from recsys.progress import Progress, silent
from recsys.training.comparison import Rival, compare, find_rival, is_better

# What the ranker learns, one after the other, in the words of one step's progress.
RANKING = {"ratings": "users and films", "network": "network", "order": "weight in the lists"}


@dataclass(frozen=True)
class TrainingData:
    """What a training reads, of one snapshot."""

    ratings: Ratings
    films: Films
    likes: Likes
    threshold: float
    newest: str
    rival: Rival | None

    @property
    def facts(self) -> dict[str, Any]:
        """What tells one set of ratings from another."""
        return {
            "ratings": len(self.ratings.stars),
            "newest_rating": self.newest,
            "positives": len(self.likes.user_index),
        }


class Choice(NamedTuple):
    """What to train with, and how that compares with the active model, if it was asked."""

    parameters: Parameters
    notes: dict[str, Any]
    metrics: dict[str, Any]


def train(
    engine: Engine,
    parameters: Parameters | None = None,
    threshold: float = POSITIVE_STARS,
    device: str = "auto",
    progress: Progress = silent,
    search_minutes: float | None = None,
    if_better: str | None = None,
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
        model, ranker = learn(data, choice, device, progress)
        progress("writing", 0, 1)
        model_id = write(engine, data, model, ranker, started, begun)
        refresh_content(engine)
        progress("writing", 1, 1)
    return model_id


def read(connection: Connection, threshold: float, if_better: str | None = None) -> TrainingData:
    """Read the ratings and the films, and what the new model has to be better than."""
    ratings = read_ratings(connection)
    likes = ratings.liked(threshold)
    if min(likes.shape) < 2:
        raise TrainingError(
            f"{likes.shape[0]} users and {likes.shape[1]} films have ratings of {threshold:g} "
            "stars or more, too few to learn from: load more ratings, or lower --threshold"
        )
    return TrainingData(
        ratings=ratings,
        films=read_films(connection, ratings),
        likes=likes,
        threshold=threshold,
        newest=time_of(connection, int(ratings.rated_at.max())),
        rival=None if if_better is None else find_rival(connection, if_better, ratings),
    )


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


def learn(
    data: TrainingData, choice: Choice, device: str, progress: Progress
) -> tuple[TrainedModel, LearnedRanker]:
    """Learn the vectors and the ranker."""
    model = fit_model(data, choice.parameters, device, progress)
    require_finite(model.users, model.movies)
    ranker = learn_ranker(
        data.ratings,
        data.films,
        choice.parameters,
        data.threshold,
        device,
        lambda what, done, of=None, note="": progress("ranking", done, of, RANKING[what]),
    )
    model = replace(
        model,
        parameters=model.parameters | choice.notes,
        metrics=model.metrics | choice.metrics,
    )
    return model, ranker


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
    model: TrainedModel,
    ranker: LearnedRanker,
    started: datetime,
    begun: float,
) -> int:
    """Write all of it in one transaction, and activate it if it is better; return its id."""
    reclaim_space(engine)
    with engine.begin() as connection:
        content = read_content(connection)
        learned = content.learn(model.movie_ids, model.movies, model.parameters["seed"])
        duration = timedelta(seconds=time.monotonic() - begun)
        model_id = write_model(connection, replace(model, duration=duration, content=learned))
        write_ranker(connection, model_id, ranker, data.ratings, data.films)
        connection.exec_driver_sql("select recsys_internal.refresh_movie_counts()")
        connection.execute(
            trials.update().where(trials.c.started_at == started), {"model_id": model_id}
        )
        if data.rival is None or is_better(connection, model.metrics, data.rival):
            activate_model(connection, model_id)
    return model_id


def _trial_row(trial: Trial, started: datetime) -> dict[str, Any]:
    return {
        "started_at": started,
        "parameters": trial.parameters,
        "metric": METRIC,
        "value": trial.quality,
        "duration": timedelta(seconds=trial.seconds),
    }
