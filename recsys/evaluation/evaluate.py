"""How good the lists are that SQL really serves, and those of baselines, on held-out ratings."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Engine

from recsys.arrays import Index, Values
from recsys.database.errors import reported_errors
from recsys.evaluation.baselines import ask_baselines
from recsys.evaluation.data import read_data
from recsys.evaluation.elsewhere import require_vectors
from recsys.evaluation.outcomes import Outcome, Unseen
from recsys.evaluation.protocol import Division, Protocol
from recsys.evaluation.recipe import choose_recipe
from recsys.evaluation.record import Evaluation, write_evaluation
from recsys.evaluation.scores import score
from recsys.evaluation.served import Served, serve
from recsys.evaluation.splits import HELD_OUT
from recsys.progress import Progress, silent


def evaluate(engine: Engine, protocol: Protocol, progress: Progress = silent) -> Evaluation:
    """Split the ratings, train on a part in a scratch database, ask it, and score the answers.

    The user's own database is read, and gets the figures in ``recsys.evaluations`` at the end, in
    one transaction.

    Parameters
    ----------
    progress
        Its steps are reading; copying, training, ranking and asking, once a seed; baselines;
        scoring.

    Raises
    ------
    EvaluationError
        There is nothing to measure by, no scratch database can be made, held-out ratings leaked
        into it, or the vectors trained elsewhere lack films or users.
    SourceError
        Those vectors cannot be read.
    TrainingError
        The training part is too small.
    """
    progress("reading", 0, 1)
    with reported_errors(), engine.connect() as connection:
        # One snapshot for all that is read.
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
        data = read_data(connection, protocol.threshold)
        recipe = choose_recipe(connection, protocol)
        divisions = [Division.of(data, protocol, seed) for seed in range(protocol.seeds)]
        require_vectors(connection, divisions[0], protocol)
    progress("reading", 1, 1)
    served = [
        serve(engine, one, protocol, recipe.parameters, _of_seed(progress, seed, protocol.seeds))
        for seed, one in enumerate(divisions)
    ]
    baselines = ask_baselines(divisions, [one.predicted for one in served], protocol, progress)
    outcomes = list(map(_outcome, divisions, served, baselines.lists, baselines.stars))
    first = divisions[0]
    evaluation = Evaluation(
        protocol=protocol,
        data=data.facts(),
        model_id=recipe.model_id,
        parameters=served[0].trained | baselines.parameters,
        asked=len(first.users),
        with_truth=first.with_truth,
        without_truth=len(data.ratings.user_ids) - first.with_truth,
        notes=(
            *recipe.notes,
            *_note_of_users(first),
            *baselines.notes,
            *_note_of_vectors(protocol),
        ),
        scores=score(outcomes, data.films, protocol.ks, progress),
    )
    with reported_errors(), engine.begin() as connection:
        write_evaluation(connection, evaluation)
    return evaluation


def _of_seed(progress: Progress, seed: int, seeds: int) -> Progress:
    """Return the same with the seed as its note, if there are several."""
    if seeds == 1:
        return progress
    return lambda what, done, of=None, note="": progress(what, done, of, f"seed {seed}")


def _note_of_users(division: Division) -> list[str]:
    """Say that not all users were asked, if so."""
    asked, of = len(division.users), division.with_truth
    note = f"Of {of:,} users with held-out films, a random {asked:,} were asked (--users)."
    return [note] if asked < of else []


def _note_of_vectors(protocol: Protocol) -> list[str]:
    if protocol.vectors is None:
        return []
    files = [one.name for one in (protocol.vectors, protocol.vectors_users) if one is not None]
    return [
        f"vectors: imported from {' and '.join(files)}. What they learned from is not known here: "
        "if from held-out ratings, their figures are too good."
    ]


def _outcome(
    division: Division, served: Served, lists: dict[str, Index], stars: dict[str, Values]
) -> Outcome:
    """Put together what `served` and the baselines answered, and what was held out."""
    data, predicted = division.data, served.predicted
    training = data.ratings.part(division.training)
    truth_rows, truth_movies = division.rows_of(division.parts == HELD_OUT)
    unseen_stars = data.ratings.stars[division.places_of(~division.told)].astype(float)
    known = division.rows_of(data.liked & division.told)[0]
    return Outcome(
        users=division.users,
        lists=served.lists | lists,
        truth_rows=truth_rows,
        truth_movies=truth_movies,
        known=np.bincount(known, minlength=len(division.users)),
        likes=np.bincount(training.movie_index, minlength=len(training.movie_ids)),
        n_training_users=len(np.unique(training.user_index)),
        unseen=Unseen(*division.rows_of(~division.told), unseen_stars),
        predicted=predicted and predicted._replace(by_method=predicted.by_method | stars),
    )
