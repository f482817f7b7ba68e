"""Versions of the model: which one answers, going back, removing."""

from __future__ import annotations

from typing import Any

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import OperationalError

from recsys.database.tables import models
from recsys.errors import DatabaseError, InvalidRequest, UnknownModel

LOCK_TIMEOUT = "3s"


def activate_model(connection: Connection, model_id: int) -> None:
    """Let a model answer from the next statement on; activating an older one rolls back.

    Films that came since it was trained get their vectors, and likes fade by its half-life.
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
    connection.execute(text("select recsys.refresh_popularity()"))


def drop_model(connection: Connection, model_id: int) -> None:
    """Remove a model and its vectors; the active one is refused."""
    # Another transaction may be about to activate it: wait for its end, then look.
    connection.execute(models.select().where(models.c.model_id == model_id).with_for_update())
    if active_model(connection) == model_id:
        raise InvalidRequest(
            f"model {model_id} is the active one: activate another first "
            "(`recsys models activate ID`)",
            "model_id",
            model_id,
        )
    done = connection.execute(models.delete().where(models.c.model_id == model_id))
    if done.rowcount == 0:
        raise _unknown(model_id)
    try:
        # While this waits for another open transaction, new readers wait behind it.
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
            "vacuum recsys.movie_vectors, recsys.genre_norms, recsys.user_vectors,"
            " recsys.ranker_films, recsys.ranker_users, recsys.order_films"
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


def _unknown(model_id: int) -> UnknownModel:
    message = f"unknown model: {model_id} (`recsys models list` shows them)"
    return UnknownModel(message, "model_id", model_id)
