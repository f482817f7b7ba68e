"""Scores what SQL really serves, beside baselines, on ratings that were held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from recsys.database.errors import reported_errors
from recsys.errors import EvaluationError
from recsys.evaluation import scratch
from recsys.evaluation.outcomes import (
    BIASES,
    OURS,
    RETRIEVAL,
    Catalogue,
    Outcome,
    Predicted,
    Unseen,
)
from recsys.evaluation.protocol import UNUSED, Division, Protocol, RatingData, read_data
from recsys.evaluation.record import Evaluation, write_evaluation
from recsys.evaluation.rivals import Rivals
from recsys.evaluation.scores import score
from recsys.evaluation.splits import HELD_OUT, LATER, TRAIN
from recsys.learning.metrics import NO_MOVIE
from recsys.models.versions import active_model, show_model
from recsys.parameters import Parameters
from recsys.training.train import train

Index = NDArray[np.int64]
OnStep = Callable[[str, int, int], None]  # what, done, of how many


def evaluate(
    engine: Engine, protocol: Protocol, on_step: OnStep = lambda what, done, total: None
) -> Evaluation:
    """Split the ratings, train on a part in a scratch database, ask it, and score the answers.

    The user's own database is read, and gets the figures in ``recsys.evaluations`` at the end, in
    one transaction.

    Parameters
    ----------
    on_step
        Called with the step's name, how much of it is done, and of how much.

    Raises
    ------
    EvaluationError
        There is nothing to measure by, no scratch database can be made, or held-out ratings
        leaked into it.
    TrainingError
        The training part is too small.
    """
    on_step("reading", 0, 1)
    with reported_errors(), engine.connect() as connection:
        # One snapshot for all that is read.
        repeatable = connection.execution_options(isolation_level="REPEATABLE READ")
        data = read_data(repeatable, protocol.threshold)
        evaluation = Evaluation(protocol, data.facts())
        parameters = {OURS: _choose_parameters(repeatable, evaluation)}
        if protocol.against is not None:
            parameters |= _other_parameters(repeatable, evaluation, protocol.against)
    on_step("reading", 1, 1)
    rivals = Rivals(evaluation) if protocol.baselines else None
    outcomes = []
    for seed in range(protocol.seeds):
        division = Division.of(data, protocol, seed)
        if seed == 0:
            _count_users(evaluation, data, division)
        lists, predicted, trained = serve(engine, data, division, protocol, parameters, on_step)
        evaluation.parameters = trained | evaluation.parameters
        methods = dict(lists)
        if rivals is not None:
            methods |= rivals.lists(data, division, protocol.longest, partial(on_step, "baselines"))
        if rivals is not None and predicted is not None:
            predicted.by_method[BIASES] = rivals.stars(data, division, predicted)
        outcomes.append(_outcome(data, division, methods, predicted))
    evaluation.scores = score(
        outcomes, Catalogue(data.genres, data.genre_names), protocol.ks, partial(on_step, "scoring")
    )
    with reported_errors(), engine.begin() as connection:
        write_evaluation(connection, evaluation)
    return evaluation


def _choose_parameters(connection: Connection, evaluation: Evaluation) -> Parameters:
    """Return the active model's parameters if it can be trained anew, else the defaults."""
    parameters = Parameters()
    model_id = active_model(connection)
    model = None if model_id is None else show_model(connection, model_id)
    if model is not None and model["algorithm"] == "ials":
        evaluation.model_id = model_id
        parameters = _parameters_of(model, evaluation)
        evaluation.notes.append(f"Trained with the parameters of the active model, {model_id}.")
        liked_from = model["parameters"].get("threshold")
        if liked_from not in (None, evaluation.protocol.threshold):
            evaluation.notes.append(
                f"That model learned from {liked_from:g} stars on; this evaluation trains from "
                f"{evaluation.protocol.threshold:g}, its own threshold."
            )
    else:
        reason = "no model is active" if model is None else f"model {model_id} was imported"
        evaluation.notes.append(f"Trained with the default parameters, since {reason}.")
    return parameters


def _other_parameters(
    connection: Connection, evaluation: Evaluation, model_id: int
) -> dict[str, Parameters]:
    """Return the parameters of a model to compare with, under its name."""
    model = show_model(connection, model_id)
    if model["algorithm"] != "ials":
        raise EvaluationError(
            f"model {model_id} was imported: it cannot be trained again on a part of the ratings"
        )
    return {f"model {model_id}": _parameters_of(model, evaluation)}


def _parameters_of(model: dict[str, Any], evaluation: Evaluation) -> Parameters:
    """Return what to train a model with again, on a part of the ratings."""
    made = model["parameters"]
    names = {one.name for one in fields(Parameters)} & set(made)
    parameters = Parameters(**{name: made[name] for name in names})
    if made.get("search_minutes") is None:
        # What the training chose it chooses again, on its part of the ratings alone.
        anew: dict[str, Any] = dict.fromkeys(made.get("chosen", ()))
        return replace(parameters, **anew)
    evaluation.notes.append(
        f"The parameters of model {model['model_id']} were searched for with all ratings in view, "
        "those held out here included, which flatters them a little."
    )
    return parameters


def _count_users(evaluation: Evaluation, data: RatingData, division: Division) -> None:
    evaluation.asked, evaluation.with_truth = len(division.users), division.with_truth
    evaluation.without_truth = len(data.user_ids) - division.with_truth
    if division.with_truth > len(division.users):
        evaluation.notes.append(
            f"Of {division.with_truth:,} users with held-out films, a random "
            f"{len(division.users):,} were asked (--users)."
        )


def serve(
    engine: Engine,
    data: RatingData,
    division: Division,
    protocol: Protocol,
    parameters: dict[str, Parameters],
    on_step: OnStep,
) -> tuple[dict[str, Index], Predicted | None, dict[str, Any]]:
    """Train in a scratch database, by each parameters' name a model, and ask it.

    Returns
    -------
    dict, Predicted or None, dict
        Lists of film indexes by name, predicted stars, and what the first model was trained with.
        If it predicts stars, its lists without the ranker are there too.
    """
    on_step("copying", 0, 1)
    with scratch.scratch_database(engine) as target, reported_errors():
        with target.begin() as connection:
            scratch.write_catalogue(connection, data.catalogue)
            _write(connection, data, division.parts == TRAIN)
        on_step("copying", 1, 1)
        with target.begin() as connection:
            _send(connection, data, division.parts >= LATER)
            scratch.require_no_leak(connection, "before the training")
        models = {name: _train(target, protocol, one, on_step) for name, one in parameters.items()}
        with target.begin() as connection:
            _write(connection, data, division.parts == LATER)
            # A model that learned from likes alone cannot know how many stars other films get.
            judged = division.parts == HELD_OUT
            if protocol.known == "rated":
                judged |= division.parts == UNUSED
            _send(connection, data, judged)
            scratch.require_no_leak(connection, "before the questions")
            ours = models[OURS][0]
            predicted = _ask_stars(connection, ours, data, division, judged)
            asked = {OURS: (ours, True)}
            if predicted is not None:
                asked[RETRIEVAL] = ours, False
            asked |= {name: (model_id, True) for name, (model_id, _) in models.items()}
            lists = {
                name: _ask(connection, model_id, data, division, protocol.longest, rerank, on_step)
                for name, (model_id, rerank) in asked.items()
            }
        return lists, predicted, models[OURS][1]


def _train(
    target: Engine, protocol: Protocol, parameters: Parameters, on_step: OnStep
) -> tuple[int, dict[str, Any]]:
    """Train; return the model's id, and the parameters that it says it was made with."""
    on_step("training", 0, parameters.epochs)
    model_id = train(
        target,
        parameters,
        protocol.threshold,
        progress=lambda what, done, of=None, note="": (
            on_step(what, done, of or 0) if what in ("training", "ranking") else None
        ),
    )
    with target.connect() as connection:
        return model_id, show_model(connection, model_id)["parameters"]


def _write(connection: Connection, data: RatingData, chosen: NDArray[np.bool_]) -> None:
    scratch.write_ratings(
        connection,
        {
            "user_id": data.user_ids[data.users[chosen]],
            "movie_id": data.movie_ids[data.movies[chosen]],
            "rating": data.stars[chosen],
            "rated_at": data.rated_at[chosen],
        },
    )


def _send(connection: Connection, data: RatingData, chosen: NDArray[np.bool_]) -> None:
    scratch.send_held_out(
        connection, data.user_ids[data.users[chosen]], data.movie_ids[data.movies[chosen]]
    )


def _ask(
    connection: Connection,
    model_id: int,
    data: RatingData,
    division: Division,
    k: int,
    rerank: bool,
    on_step: OnStep,
) -> Index:
    users = data.user_ids[division.users]
    found = scratch.ask_lists(
        connection, model_id, users, k, rerank, lambda done: on_step("asking", done, len(users))
    )
    return np.where(found == NO_MOVIE, NO_MOVIE, np.searchsorted(data.movie_ids, found))


def _ask_stars(
    connection: Connection,
    model_id: int,
    data: RatingData,
    division: Division,
    judged: NDArray[np.bool_],
) -> Predicted | None:
    given = {
        (row, film): stars
        for row, film, stars in zip(
            *division.rows_of(data, judged),
            data.stars[division.places_of(data, judged)].tolist(),
            strict=True,
        )
    }
    users = data.user_ids[division.users]
    found = scratch.ask_stars(connection, model_id, users)
    if not found:
        return None
    rows, movie_ids, stars = (np.array(column) for column in zip(*found, strict=True))
    movies = np.searchsorted(data.movie_ids, movie_ids)
    true = [given[pair] for pair in zip(rows.tolist(), movies.tolist(), strict=True)]
    return Predicted(rows, movies, np.array(true), {OURS: stars.astype(float)})


def _outcome(
    data: RatingData, division: Division, lists: dict[str, Index], predicted: Predicted | None
) -> Outcome:
    training = data.liked & (division.parts == TRAIN)
    told = data.liked & ((division.parts == TRAIN) | (division.parts == LATER))
    truth_rows, truth_movies = division.rows_of(data, division.parts == HELD_OUT)
    unseen = (division.parts == HELD_OUT) | (division.parts == UNUSED)
    return Outcome(
        users=division.users,
        lists=lists,
        truth_rows=truth_rows,
        truth_movies=truth_movies,
        known=np.bincount(division.rows_of(data, told)[0], minlength=len(division.users)),
        likes=np.bincount(data.movies[training], minlength=len(data.movie_ids)),
        n_training_users=len(np.unique(data.users[training])),
        unseen=Unseen(
            *division.rows_of(data, unseen),
            data.stars[division.places_of(data, unseen)].astype(float),
        ),
        predicted=predicted,
    )
