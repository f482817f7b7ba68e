"""Brings up to date what the views for BI tools read from materialized views."""

from __future__ import annotations

from sqlalchemy import Engine

from recsys.database.errors import reported_errors
from recsys.database.locks import Lock, take
from recsys.progress import Progress, silent

# By name, but the one that tells of the refresh last.
MATERIALIZED = r"""
    select substr(matviewname, 4) from pg_matviews
    where schemaname = 'recsys_internal' and matviewname like 'bi\_%'
    order by matviewname = 'bi_freshness', matviewname
"""


def refresh(engine: Engine, progress: Progress = silent) -> list[str]:
    """Refresh every materialized view; readers are not locked out, and see all of it or nothing.

    In one transaction, of one snapshot: the views agree with each other, and a refresh that is
    broken off leaves all of them as they were.

    Parameters
    ----------
    progress
        Told before each view, whose name in ``recsys_bi`` is the note.

    Returns
    -------
    list of str
        Names of the views that were refreshed.

    Raises
    ------
    DatabaseError
        The role does not own the views.
    """
    progress("refreshing", 0)  # which may wait for the lock first
    with (
        reported_errors(),
        engine.begin() as turn,
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
        connection.begin(),
    ):
        # On a connection of its own, which then waits: the lock must come before the other one's
        # snapshot.
        turn.exec_driver_sql("set local idle_in_transaction_session_timeout = 0")
        take(turn, Lock.REFRESH)
        # Before the snapshot: one that is older than a truncation (`recsys load --replace`) would
        # find neither the old rows nor the new ones.
        connection.exec_driver_sql(
            "lock table recsys.ratings, recsys.movie_genres, recsys.genres in access share mode"
        )
        names = list(
            connection.exec_driver_sql(
                MATERIALIZED, execution_options={"no_parameters": True}
            ).scalars()
        )
        for done, name in enumerate(names):
            progress("refreshing", done, len(names), name)
            connection.exec_driver_sql(
                f"refresh materialized view concurrently recsys_internal.bi_{name}"
            )
    progress("refreshing", len(names), len(names), "done")
    return names
