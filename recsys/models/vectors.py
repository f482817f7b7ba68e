"""Learned vectors into the tables: a new model, while the old one goes on answering."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, text

from recsys.arrays import Index, Vectors
from recsys.database.copy import write_columns
from recsys.database.tables import models
from recsys.learning.vectors import (
    NEGLIGIBLE,
    PRIOR,
    StoredVectors,
    UserSolve,
    powers_of_two,
    stored_vectors,
)

if TYPE_CHECKING:
    from recsys.models.content import LearnedContent


@dataclass(frozen=True)
class TrainedModel:
    """What a training made.

    Attributes
    ----------
    user_ids, movie_ids
        ``(n_users,)``, ``(n_movies,)`` int64.
    users, movies
        ``(n_users, factors)``, ``(n_movies, factors)`` float32. The model's score of a pair
        is the dot product of its two vectors.
    solve
        None where only the users given are known: no vector follows the ratings.
    half_life
        Age at which a like counts half in the popularity of films; None: all likes count alike.
    content
        From what films are to vectors for those that are not among `movie_ids`; None for none.
    """

    algorithm: str
    user_ids: Index
    movie_ids: Index
    users: Vectors
    movies: Vectors
    parameters: dict[str, Any]
    data: dict[str, Any]
    versions: dict[str, str]
    metrics: dict[str, float]
    duration: timedelta
    solve: UserSolve | None = None
    half_life: timedelta | None = None
    content: LearnedContent | None = None


def write_model(connection: Connection, model: TrainedModel) -> int:
    """Write a model and its vectors; it answers no user until it is activated.

    Returns
    -------
    int
        The model's id.

    Raises
    ------
    TrainingError
        A vector is not finite, or all are zero.
    """
    solve = model.solve
    trained = solve is not None and solve.liked_counts is not None
    # Vectors from elsewhere may be of any lengths, of which none is noise.
    stored = stored_vectors(model.users, model.movies, NEGLIGIBLE if trained else 0.0)
    # Two trainings take turns from here on; readers do not wait. Taken before the rows are written,
    # since making the indexes would else wait for the other's rows, and the other for ours.
    connection.exec_driver_sql("lock table recsys.movie_vectors in share row exclusive mode")
    model_id: int = connection.execute(
        models.insert().returning(models.c.model_id), _model_row(model, stored)
    ).scalar_one()
    write_columns(
        connection,
        "recsys.movie_vectors",
        {
            "model_id": np.full(len(stored.order), model_id, dtype=np.int64),
            "movie_id": model.movie_ids[stored.order],
            "embedding": stored.movies,
            "norm": stored.norms,
        },
    )
    columns: dict[str, Index | Vectors] = {
        "user_id": model.user_ids[stored.known],
        "model_id": np.full(len(stored.users), model_id, dtype=np.int64),
        "embedding": stored.users,
    }
    if solve is not None and solve.liked_counts is not None and solve.liked_digests is not None:
        columns["liked_count"] = solve.liked_counts[stored.known]
        columns["liked_digest"] = solve.liked_digests[stored.known]
    write_columns(connection, "recsys.user_vectors", columns)
    if model.content is not None:
        from recsys.models.content import write_content  # SciPy: not for imports of vectors

        write_content(connection, model_id, model.content, stored.item_norm)
    connection.execute(text("select recsys_internal.refresh_content(:id)"), {"id": model_id})
    connection.execute(text("select recsys_internal.index_model(:id)"), {"id": model_id})
    for table in ("movie_vectors", "genre_norms", "user_vectors"):
        connection.exec_driver_sql(f"analyze recsys.{table}")
    return model_id


def _model_row(model: TrainedModel, stored: StoredVectors) -> dict[str, Any]:
    """Return the row of ``recsys.models``; the users' equation is in terms of the stored films."""
    row: dict[str, Any] = {
        "algorithm": model.algorithm,
        "factors": model.movies.shape[1],
        "item_norm": stored.item_norm,
        "parameters": model.parameters,
        "data": model.data,
        "versions": model.versions,
        "metrics": model.metrics,
        "movie_count": len(model.movie_ids),
        "user_count": len(stored.users),
        "duration": model.duration,
        "half_life": model.half_life,
        "norms": stored.norms[powers_of_two(len(stored.norms))].tolist(),
        "encoder_id": None if model.content is None else model.content.encoder_id,
    }
    solve, norm = model.solve, stored.item_norm
    if solve is None:
        return row
    average = stored.mean_user if solve.average is None else solve.average
    return row | {
        "solve_diagonal": np.append(solve.diagonal / norm**2, 0),
        "solve_ridge": solve.ridge / norm**2,
        "liked_from": solve.liked_from,
        "prior": np.append(PRIOR * average, 0),
    }
