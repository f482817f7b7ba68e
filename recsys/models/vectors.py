"""Learned vectors into the tables: a new model beside the old one, then one switch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import OperationalError

from recsys.database.copy import write_columns
from recsys.database.tables import models
from recsys.errors import DatabaseError, InvalidRequest, TrainingError

if TYPE_CHECKING:
    from recsys.models.content import LearnedContent

Vectors = NDArray[np.float32]

LOCK_TIMEOUT = "3s"

SHORTEST = 1e-12  # below it, a square underflows float4 and the direction is lost
# Films that only isolated users like, and those users, shrink at each epoch; what is left is noise.
NEGLIGIBLE = 1e-6  # of the longest vector
DUST = 1e-9  # of the vector's length, for a single coordinate

# Share of the mean user's vector that ranks for somebody who likes one or two films only: alone,
# so few films rank worse than popularity does (benchmarks/quality/new_users.py).
PRIOR = 0.2


@dataclass(frozen=True)
class UserSolve:
    """The equation that made the users' vectors, so that the database can solve it anew.

    For a user with n liked films h: ``(diag(diagonal + n ridge) + sum of h h') w = sum of h``.

    Attributes
    ----------
    diagonal
        ``(factors,)``.
    liked_from
        Stars from which a rated film counts as liked.
    liked_counts, liked_digests
        ``(n_users,)`` int64: how many films each vector was made from, and the exclusive or of
        their hashes. None where the users' vectors come from elsewhere: they stay as they are, and
        the equation is for everybody else.
    average
        ``(factors,)``, what ranks beside very few liked films; None is the mean of the users.
    """

    diagonal: Vectors
    ridge: float
    liked_from: float
    liked_counts: NDArray[np.int64] | None = None
    liked_digests: NDArray[np.int64] | None = None
    average: Vectors | None = None


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
        None where only the users given are known: nobody's vector follows their ratings.
    content
        From what films are to vectors for those that are not among `movie_ids`; None for none.
    """

    algorithm: str
    user_ids: NDArray[np.int64]
    movie_ids: NDArray[np.int64]
    users: Vectors
    movies: Vectors
    parameters: dict[str, Any]
    data: dict[str, Any]
    versions: dict[str, str]
    metrics: dict[str, float]
    duration: timedelta
    solve: UserSolve | None = None
    content: LearnedContent | None = None


def cosine_form(movies: Vectors) -> tuple[Vectors, float]:
    """Append the coordinate that makes cosine distance order as the dot product does.

    With M the largest norm, each film v becomes ``(v, sqrt(M^2 - |v|^2)) / M``, a unit vector,
    and a user u becomes ``(u, 0)``: their cosine is ``u . v / (|u| M)`` (Bachrach et al.,
    "Speeding Up the Xbox Recommender System Using a Euclidean Transformation for Inner-Product
    Spaces", RecSys 2014).

    Parameters
    ----------
    movies
        ``(n, factors)`` float32.

    Returns
    -------
    ndarray, float
        ``(n, factors + 1)`` float32, and M.

    Examples
    --------
    >>> form, norm = cosine_form(np.array([[3, 4], [0, 3]], dtype=np.float32))
    >>> form.astype(float).round(3).tolist(), norm
    ([[0.6, 0.8, 0.0], [0.0, 0.6, 0.8]], 5.0)
    """
    exact = movies.astype(np.float64)
    squared = np.square(exact).sum(axis=1, keepdims=True)  # (n, 1)
    norm = float(np.sqrt(squared.max()))
    last = np.sqrt(np.clip(norm**2 - squared, 0, None))  # (n, 1)
    return (np.hstack([exact, last]) / norm).astype(np.float32), norm


def without_dust(vectors: Vectors, negligible: float = NEGLIGIBLE) -> Vectors:
    """Return vectors with exact zeros for what is too small to matter.

    pgvector refuses products that underflow, so that numbers like 1e-30 would be errors later.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)  # (n, 1)
    small = np.abs(vectors) < DUST * lengths
    return np.where(small | (lengths < negligible * lengths.max(initial=0)), 0, vectors)


def write_model(connection: Connection, model: TrainedModel) -> int:
    """Write a model and its vectors; it answers nobody until it is activated.

    Returns
    -------
    int
        The model's id.

    Raises
    ------
    TrainingError
        A vector is not finite, or all are zero.
    """
    require_finite(model)
    if np.linalg.norm(model.movies, axis=1).max() < SHORTEST:
        raise TrainingError("the training learned nothing: try a smaller regularization")
    trained = model.solve is not None and model.solve.liked_counts is not None
    # Vectors from elsewhere may be of any lengths, of which none is noise.
    users = without_dust(model.users, NEGLIGIBLE if trained else 0.0)
    model = replace(model, movies=without_dust(model.movies), users=users)
    embedding, norm = cosine_form(model.movies)
    # A zero vector has no direction: cosine distance to it is NaN. Such a user stays unknown, as
    # does one who likes nothing but dust.
    known = np.linalg.norm(model.users, axis=1) > SHORTEST
    if len(known) and not known.any():
        raise TrainingError("the training learned nothing: try a smaller regularization")
    lengths = (np.linalg.norm(model.movies.astype(np.float64), axis=1) / norm).astype(np.float32)
    # recommend() reads the longest vectors first, and often only those: they lie together.
    order = np.argsort(-lengths, kind="stable")
    # Two trainings take turns from here on; readers do not wait. Taken before the rows are written,
    # since making the indexes would else wait for the other's rows, and the other for ours.
    connection.exec_driver_sql("lock table recsys.movie_vectors in share row exclusive mode")
    model_id = connection.execute(
        models.insert().returning(models.c.model_id),
        {
            "algorithm": model.algorithm,
            "factors": model.movies.shape[1],
            "item_norm": norm,
            "parameters": model.parameters,
            "data": model.data,
            "versions": model.versions,
            "metrics": model.metrics,
            "movie_count": len(model.movie_ids),
            "user_count": int(known.sum()),
            "duration": model.duration,
            "norms": lengths[order][_powers_of_two(len(order))].tolist(),
            "encoder_id": None if model.content is None else model.content.encoder_id,
            **_solve_columns(model, norm),
        },
    ).scalar_one()
    write_columns(
        connection,
        "recsys.movie_vectors",
        {
            "model_id": np.full(len(embedding), model_id, dtype=np.int64),
            "movie_id": model.movie_ids[order],
            "embedding": embedding[order],
            "norm": lengths[order],
        },
    )
    columns: dict[str, NDArray[Any]] = {
        "user_id": model.user_ids[known],
        "model_id": np.full(int(known.sum()), model_id, dtype=np.int64),
        "embedding": np.pad(model.users[known], ((0, 0), (0, 1))),
    }
    solve = model.solve
    if solve is not None and solve.liked_counts is not None and solve.liked_digests is not None:
        columns["liked_count"] = solve.liked_counts[known]
        columns["liked_digest"] = solve.liked_digests[known]
    write_columns(connection, "recsys.user_vectors", columns)
    if model.content is not None:
        from recsys.models.content import write_content  # SciPy: not for those who only list models

        write_content(connection, model_id, model.content, norm)
        connection.execute(text("select recsys_internal.refresh_content(:id)"), {"id": model_id})
    connection.execute(text("select recsys_internal.index_model(:id)"), {"id": model_id})
    for table in ("movie_vectors", "user_vectors"):
        connection.exec_driver_sql(f"analyze recsys.{table}")
    return int(model_id)


def require_finite(model: TrainedModel) -> None:
    """Refuse the vectors of a training that diverged."""
    if not (np.isfinite(model.users).all() and np.isfinite(model.movies).all()):
        raise TrainingError("the training diverged: try a larger regularization or a smaller alpha")


def _solve_columns(model: TrainedModel, norm: float) -> dict[str, Any]:
    """Return the users' equation in terms of the stored film vectors, which are shorter by norm."""
    if model.solve is None:
        return {}
    average = model.users.mean(axis=0) if model.solve.average is None else model.solve.average
    return {
        "solve_diagonal": np.append(model.solve.diagonal / norm**2, 0),
        "solve_ridge": model.solve.ridge / norm**2,
        "liked_from": model.solve.liked_from,
        "prior": np.append(PRIOR * average, 0),
    }


def _powers_of_two(n: int) -> NDArray[np.int64]:
    """Return the indexes 0, 1, 3, 7 ... below n: the 1st, 2nd, 4th, 8th ... place."""
    places = 2 ** np.arange(n.bit_length(), dtype=np.int64)
    return places[places <= n] - 1


def activate_model(connection: Connection, model_id: int) -> None:
    """Let a model answer from the next statement on; activating an older one rolls back.

    Films that came since it was trained get their vectors.
    """
    done = connection.execute(
        # Never earlier than another activation, whatever the clock does.
        text("""
            update recsys.models set activated_at = greatest(
                clock_timestamp(),
                (select max(activated_at) from recsys.models) + interval '1 microsecond')
            where model_id = :model_id
        """),
        {"model_id": model_id},
    )
    if done.rowcount == 0:
        raise _unknown(model_id)
    # An older model may read texts by an older learning, which has not seen them either.
    connection.execute(text("select recsys_internal.refresh_texts()"))
    connection.execute(text("select recsys_internal.refresh_content(:id)"), {"id": model_id})


def drop_model(connection: Connection, model_id: int) -> None:
    """Remove a model and its vectors; the active one is refused."""
    if active_model(connection) == model_id:
        raise InvalidRequest(
            f"model {model_id} is the active one: activate another first "
            "(`recsys models activate ID`)"
        )
    done = connection.execute(models.delete().where(models.c.model_id == model_id))
    if done.rowcount == 0:
        raise _unknown(model_id)
    try:
        # While this waits for somebody's open transaction, new readers wait behind it.
        connection.exec_driver_sql(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        connection.execute(text("select recsys_internal.unindex_model(:id)"), {"id": model_id})
        connection.exec_driver_sql("set local lock_timeout to default")
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        raise DatabaseError(
            f"others have been reading film vectors for {LOCK_TIMEOUT} in one transaction, so that "
            f"the index of model {model_id} cannot be dropped: try again later"
        ) from error


def reclaim_space(engine: Engine) -> None:
    """Let the next model have the room of dropped ones and of trainings that were broken off.

    The server does so by itself, but an embedded one is seldom up for long enough.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(
            "vacuum recsys.movie_vectors, recsys.user_vectors, recsys.ranker_films,"
            " recsys.ranker_users"
        )


def active_model(connection: Connection) -> int | None:
    """Return the id of the model that answers, None before there is one."""
    found = connection.exec_driver_sql("select (recsys_internal.find_model(null)).model_id")
    model_id: int | None = found.scalar()
    return model_id


def list_models(connection: Connection) -> list[Row[Any]]:
    """Return every model, the newest first, with whether it is active."""
    return list(
        connection.execute(
            text("""
        select model_id, model_id = (recsys_internal.find_model(null)).model_id as active,
            algorithm, factors, movie_count, user_count,
            (metrics ->> 'loss')::double precision as loss,
            created_at, activated_at, parameters ->> 'file' as file
        from recsys.models order by model_id desc
    """)
        )
    )


def show_model(connection: Connection, model_id: int) -> dict[str, Any]:
    """Return everything that is known of one model."""
    row = (
        connection.execute(models.select().where(models.c.model_id == model_id)).mappings().first()
    )
    if row is None:
        raise _unknown(model_id)
    return {**row, "active": active_model(connection) == model_id}


def _unknown(model_id: int) -> InvalidRequest:
    return InvalidRequest(f"unknown model: {model_id} (`recsys models list` shows them)")
