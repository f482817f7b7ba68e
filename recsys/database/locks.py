"""Locks: what may happen once at a time in one database; and who lost a deadlock tries again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

T = TypeVar("T")
LOG = logging.getLogger("recsys")
PATIENCE_MS = 3000  # then it is said who holds the lock
TRIES = 5

# These modes conflict with a lock of ours.
HOLDERS = """
    select string_agg(format('process %%s of %%s%%s, since %%s', a.pid, a.usename,
        nullif(' (' || a.application_name || ')', ' ()'), a.xact_start), '; ')
    from pg_locks l
    join pg_stat_activity a on a.pid = l.pid
    where l.granted and l.pid <> pg_backend_pid()
      and l.database = (select oid from pg_database where datname = current_database())
      and (l.locktype = 'advisory' and l.objid::text = %(name)s
        or l.relation = to_regclass(%(name)s))
      and l.mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
"""


class Lock(Enum):
    """What takes turns.

    By tables that only the owner may lock so: an advisory lock is free to all, and a reader could
    keep a load waiting. The mode stops no reading or writing of the table.
    """

    UPGRADE = "7237001"  # an advisory lock: the first upgrade finds no table
    LOAD = "recsys.load_runs"  # also what would meet films that a load removes; merge_movies, too
    REFRESH = "recsys.load_rejects"  # of the views for BI tools


def take(connection: Connection, lock: Lock) -> None:
    """Wait for a lock, and hold it to the end of the transaction; warn of who holds it for long."""
    statement = f"lock table {lock.value} in share update exclusive mode"
    if lock is Lock.UPGRADE:
        statement = f"select pg_advisory_xact_lock({lock.value})"
    before = connection.exec_driver_sql("show lock_timeout").scalar_one()
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(f"set local lock_timeout = {PATIENCE_MS}")
            connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"set local lock_timeout = '{before}'")
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        holders = connection.exec_driver_sql(HOLDERS, {"name": lock.value}).scalar()
        LOG.warning("waiting for another %s to end: %s", lock.name.lower(), holders)
        connection.exec_driver_sql(statement)


def again_after_deadlock(transaction: Callable[[], T]) -> T:
    """Return what a transaction gives; one that loses a deadlock begins anew, `TRIES` at most."""
    for _ in range(TRIES - 1):
        try:
            return transaction()
        except (OperationalError, DeadlockDetected) as error:
            if not isinstance(getattr(error, "orig", error), DeadlockDetected):
                raise
    return transaction()
