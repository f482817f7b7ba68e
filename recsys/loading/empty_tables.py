"""Empty tables, filled without their keys and indexes, which are made again at the end.

Checking and indexing row by row takes several times as long. Taking them off needs a lock of the
table; the wait for it is short, and a table in use keeps them.
"""

from __future__ import annotations

from psycopg import errors as pg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from recsys.loading.staging import run

LOCK_TIMEOUT = "2s"
HINDRANCES = (
    pg.LockNotAvailable,
    pg.InsufficientPrivilege,
    pg.DependentObjectsStillExist,
    pg.RaiseException,  # by `STILL_EMPTY`
)
STILL_EMPTY = """
do $$ begin
    if exists (select 1 from {table}) then raise exception 'another transaction was faster'; end if;
end $$
"""
# How to drop each and how to make it again; a foreign key goes first and comes last.
KEYS = """
select format('alter table %s drop constraint %I', conrelid::regclass, conname),
    format('alter table %s add constraint %I %s', conrelid::regclass, conname,
        pg_get_constraintdef(oid))
from pg_constraint
where conrelid = '{table}'::regclass and contype in ('p', 'f') order by contype
"""
INDEXES = """
select format('drop index %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
from pg_index i
where indrelid = '{table}'::regclass
  and not exists (select from pg_constraint c where c.conindid = i.indexrelid)
"""


def strip(connection: Connection, table: str, keys: bool) -> list[str] | None:
    """Take the indexes off an empty table, and with `keys` its key and foreign keys too.

    Returns
    -------
    list of str
        The statements that make them again; None if the table is not empty, not ours to alter,
        in use, or something depends on its key: then it stays as it is.
    """
    if connection.exec_driver_sql(f"select 1 from {table} limit 1").first():
        return None
    try:
        with connection.begin_nested():
            run(connection, f"set local lock_timeout = '{LOCK_TIMEOUT}'")
            run(connection, f"lock table {table}")
            run(connection, STILL_EMPTY.format(table=table))
            found = [
                (take_off, make)
                for query in ((INDEXES, KEYS) if keys else (INDEXES,))
                for take_off, make in connection.exec_driver_sql(
                    query.format(table=table), execution_options={"no_parameters": True}
                )
            ]
            for take_off, _ in found:
                run(connection, take_off)
            run(connection, "set local lock_timeout to default")
    except DBAPIError as error:
        if not isinstance(error.orig, HINDRANCES):
            raise
        return None
    return [make for _, make in reversed(found)]
