"""What SQL really serves on one split: trained and asked in a scratch database."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from recsys.arrays import Index, Mask
from recsys.database.errors import reported_errors
from recsys.evaluation import scratch
from recsys.evaluation.outcomes import OURS, RETRIEVAL, VECTORS, Predicted
from recsys.evaluation.protocol import Division, Protocol
from recsys.evaluation.splits import HELD_OUT, LATER, TRAIN
from recsys.learning.metrics import NO_MOVIE
from recsys.models.versions import show_model
from recsys.parameters import Parameters
from recsys.progress import Progress
from recsys.training.imports import import_vectors
from recsys.training.train import train


class Served(NamedTuple):
    """What the database answered.

    Attributes
    ----------
    lists
        Lists of film indexes, by method; without the ranker, too, if there is one.
    predicted
        Predicted stars, None if there are none.
    trained
        The parameters that `OURS` was trained with.
    """

    lists: dict[str, Index]
    predicted: Predicted | None
    trained: dict[str, Any]


def serve(
    engine: Engine,
    division: Division,
    protocol: Protocol,
    parameters: dict[str, Parameters],
    progress: Progress,
) -> Served:
    """Return what a scratch database answers, with a model trained by each of the `parameters`.

    Vectors that were trained elsewhere are imported into it as one more model.
    """
    progress("copying", 0, 1)
    with scratch.scratch_database(engine) as target, reported_errors():
        with target.begin() as connection:
            scratch.write_catalogue(connection, division.data.catalogue)
            _write(connection, division, division.parts == TRAIN)
        progress("copying", 1, 1)
        with target.begin() as connection:
            _send(connection, division, division.parts >= LATER)
            scratch.require_no_leak(connection, "before the training")
        models = {name: _train(target, protocol, one, progress) for name, one in parameters.items()}
        if protocol.vectors is not None:
            files = protocol.vectors, protocol.vectors_users
            models[VECTORS] = import_vectors(target, *files, protocol.vectors_score).model_id
        with target.begin() as connection:
            _write(connection, division, division.parts == LATER)
            # A model that learned from likes alone cannot know how many stars other films get.
            judged = division.parts == HELD_OUT if protocol.known == "liked" else ~division.told
            _send(connection, division, judged)
            scratch.require_no_leak(connection, "before the questions")
            predicted = _ask_stars(connection, models[OURS], division, judged)
            asked = {OURS: (models[OURS], True)}
            if predicted is not None:
                asked[RETRIEVAL] = models[OURS], False
            asked |= {name: (model_id, True) for name, model_id in models.items()}
            lists = {
                name: _ask(connection, model_id, division, protocol.longest, rerank, progress)
                for name, (model_id, rerank) in asked.items()
            }
            trained = show_model(connection, models[OURS])["parameters"]
    return Served(lists, predicted, trained)


def _train(target: Engine, protocol: Protocol, parameters: Parameters, progress: Progress) -> int:
    progress("training", 0, parameters.epochs)
    return train(
        target,
        parameters,
        protocol.threshold,
        progress=lambda what, done, of=None, note="": (
            progress(what, done, of) if what in ("training", "ranking") else None
        ),
        # The questions that it learns from are of the kind that it will be asked.
        taught_by="later" if protocol.split == "time" else "missing",
    )


def _pairs(division: Division, chosen: Mask) -> dict[str, NDArray[Any]]:
    """Return outside ids of the users and films of those ratings."""
    ratings = division.data.ratings.part(chosen)
    return {
        "user_id": ratings.user_ids[ratings.user_index],
        "movie_id": ratings.movie_ids[ratings.movie_index],
    }


def _write(connection: Connection, division: Division, chosen: Mask) -> None:
    ratings = division.data.ratings.part(chosen)
    values: dict[str, NDArray[Any]] = {"rating": ratings.stars, "rated_at": ratings.rated_at}
    scratch.write_ratings(connection, _pairs(division, chosen) | values)


def _send(connection: Connection, division: Division, chosen: Mask) -> None:
    scratch.send_held_out(connection, *_pairs(division, chosen).values())


def _ask(
    connection: Connection,
    model_id: int,
    division: Division,
    k: int,
    rerank: bool,
    progress: Progress,
) -> Index:
    users = division.data.ratings.user_ids[division.users]
    found = scratch.ask_lists(connection, model_id, users, k, rerank, progress)
    places = np.searchsorted(division.data.ratings.movie_ids, found)
    return np.where(found == NO_MOVIE, NO_MOVIE, places)


def _ask_stars(
    connection: Connection, model_id: int, division: Division, judged: Mask
) -> Predicted | None:
    found = scratch.ask_stars(connection, model_id, division.data.ratings.user_ids[division.users])
    if not found:
        return None
    true = division.data.ratings.stars[division.places_of(judged)].tolist()
    given = dict(zip(zip(*division.rows_of(judged), strict=True), true, strict=True))
    rows, movie_ids, stars = (np.array(column) for column in zip(*found, strict=True))
    movies = np.searchsorted(division.data.ratings.movie_ids, movie_ids)
    of_found = [given[pair] for pair in zip(rows.tolist(), movies.tolist(), strict=True)]
    return Predicted(rows, movies, np.array(of_found), {OURS: stars.astype(float)})
