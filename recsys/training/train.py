"""Ratings in the database to a new, active model: read, choose, learn, write."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from recsys.database.errors import reported_errors
from recsys.database.tables import trials
from recsys.errors import TrainingError
from recsys.learning.cores import choose_device
from recsys.models.content import read_content, refresh_content
from recsys.models.orders import write_order
from recsys.models.ranker import write_ranker
from recsys.models.vectors import write_model
from recsys.models.versions import activate_model, reclaim_space
from recsys.parameters import POSITIVE_STARS, Parameters
from recsys.progress import Progress, silent
from recsys.training.choice import choose
from recsys.training.comparison import is_better
from recsys.training.data import TrainingData, last_replaced, read
from recsys.training.learn import Learned, go_on, learn
from recsys.training.start import find_start


def train(
    engine: Engine,
    parameters: Parameters | None = None,
    threshold: float = POSITIVE_STARS,
    device: str = "auto",
    progress: Progress = silent,
    search_minutes: float | None = None,
    if_better: str | None = None,
    taught_by: str | None = None,
    from_scratch: bool = True,
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
    from_scratch
        False: begin at the active model, where `recsys.training.start.find_start` says that it is
        good for that. Its parameters, network and order stay, so that nothing is chosen.

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
            wanted = parameters or Parameters()
            afresh = from_scratch or search_minutes is not None or if_better is not None
            start = (
                None
                if afresh
                else find_start(repeatable, wanted, threshold, data.ratings, data.films)
            )
            progress("reading", 1, 1)
        if start is None:
            choice = choose(engine, data, wanted, device, started, search_minutes, progress)
            learned = learn(data, choice, device, progress, taught_by)
        else:
            learned = go_on(data, start, device, progress)
        progress("writing", 0, 1)
        model_id = write(engine, data, learned, started, begun)
        refresh_content(engine)
        progress("writing", 1, 1)
    return model_id


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
        content = read_content(connection)  # from here on, no load can replace the films
        if last_replaced(connection) != data.replaced:
            raise TrainingError(
                "all films and ratings were replaced during the training, so that its model is of "
                "others: train again"
            )
        learned = content.learn(model.movie_ids, model.movies, model.parameters["seed"])
        duration = timedelta(seconds=time.monotonic() - begun)
        model_id = write_model(connection, replace(model, duration=duration, content=learned))
        write_ranker(connection, model_id, made.ranker, data.ratings, data.films)
        write_order(connection, model_id, made.order, data.ratings, data.likes)
        connection.execute(
            trials.update().where(trials.c.started_at == started), {"model_id": model_id}
        )
        if data.rival is None or is_better(connection, model.metrics, data.rival):
            activate_model(connection, model_id)
        # After it, since popularity goes by the active model's half-life: all is written once.
        connection.exec_driver_sql("select recsys_internal.refresh_movie_counts()")
    return model_id
