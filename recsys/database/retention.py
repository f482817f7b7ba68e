"""Deletes what users were shown long ago."""

from __future__ import annotations

from sqlalchemy import Engine, text

from recsys.database.errors import reported_errors
from recsys.progress import Progress, silent

BATCH = 20_000
# By the key, so that all batches together read the table once. A batch has whole users.
NEXT = text("""
    select max(user_id), count(*) from (
        select user_id from recsys.impressions
        where user_id >= :first order by user_id limit :batch) i
""")
DELETE = text("""
    delete from recsys.impressions
    where user_id >= :first and user_id <= :upto and shown_at < :before
""")


def delete_impressions(
    engine: Engine, older_than: str, progress: Progress = silent, batch: int = BATCH
) -> int:
    """Delete impressions, a batch of users in each transaction; return how many.

    Parameters
    ----------
    older_than
        How old they are, as PostgreSQL writes intervals: ``13 months``.
    progress
        Told after each batch: impressions looked at, at least, of about how many.
    batch
        Impressions to look at in one transaction.

    Raises
    ------
    DatabaseError
        This is no interval.
    """
    deleted = looked_at = 0
    first = -(2**63)
    with reported_errors():
        with engine.connect() as connection:
            before = connection.execute(
                text("select now() - cast(:age as interval)"), {"age": older_than}
            ).scalar_one()
            about = connection.exec_driver_sql(
                "select greatest(reltuples, 0)::bigint from pg_class"
                " where oid = 'recsys.impressions'::regclass"
            ).scalar_one()
        while True:
            with engine.begin() as connection:
                upto, found = connection.execute(NEXT, {"first": first, "batch": batch}).one()
                if upto is None:
                    return deleted
                deleted += connection.execute(
                    DELETE, {"first": first, "upto": upto, "before": before}
                ).rowcount
            looked_at, first = looked_at + found, upto + 1
            progress("deleting", looked_at, max(about, looked_at))
