"""Advisory locks: what may happen once at a time in one database. Their numbers are ours alone."""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import Connection


class Lock(IntEnum):
    """What takes turns."""

    UPGRADE = 7_237_001
    LOAD = 7_237_002  # also what would meet films that a load removes
    REFRESH = 7_237_003  # of the views for BI tools


def take(connection: Connection, lock: Lock) -> None:
    """Wait for a lock, and hold it to the end of the transaction."""
    connection.exec_driver_sql("select pg_advisory_xact_lock(%s)", (int(lock),))
