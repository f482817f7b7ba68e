"""Installs `sql/`: the functions and views that are the public face of the database, and grants."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection

from recsys.database.schema import expected_stamp, sql_folder
from recsys.database.tables import metadata

# In the order of installation. Bodies are not checked, so functions may call later ones.
FUNCTION_FOLDERS = ("internal", "functions")
GRANTS = """
    select format('grant %s on recsys_bi.%I to %s', lower(g.privilege_type), c.relname,
        case g.grantee when 0 then 'public' else g.grantee::regrole::text end)
    from pg_class c
    cross join lateral aclexplode(c.relacl) g
    where c.relnamespace = to_regnamespace('recsys_bi') and c.relkind = 'v'
      and g.grantee <> c.relowner
"""
ROLES = ("recsys_reader", "recsys_app")
SCHEMA_COMMENT = "Films, ratings, models and the functions that recommend. [stamp {}]"


def sql_files(kind: str) -> list[Path]:
    """Return the files of a folder of `sql/`, subfolders included, in the order of installation."""
    return sorted((sql_folder() / kind).rglob("*.sql"))


def drop_views(connection: Connection) -> list[str]:
    """Drop our views, so that migrations may change the columns they stand on.

    Never with cascade: a user's own view on top of ours stops this, and the error names it.

    Returns
    -------
    list of str
        The GRANT statements that bring back who may read them.
    """
    grants = list(
        connection.exec_driver_sql(GRANTS, execution_options={"no_parameters": True}).scalars()
    )
    for path in reversed(sql_files("views")):
        connection.exec_driver_sql(f"drop view if exists recsys_bi.{path.stem}")
    return grants


def install_sql(connection: Connection, grants: Iterable[str] = ()) -> None:
    """Install every function and view, grant again, stamp the schema with the digest."""
    connection.exec_driver_sql("set local check_function_bodies = off")
    for folder in FUNCTION_FOLDERS:
        for path in sql_files(folder):
            run_file(connection, path)
    # A view keeps the operators that are found when it is made. One in another user's schema that
    # matches the types better would run with the rights of the view's readers.
    connection.exec_driver_sql("set local search_path = pg_catalog, pg_temp")
    for path in sql_files("materialized"):
        _install_materialized(connection, path)
    for path in sql_files("views"):
        run_file(connection, path)
    connection.exec_driver_sql("set local search_path to default")
    for grant in grants:
        connection.exec_driver_sql(grant, execution_options={"no_parameters": True})
    install_grants(connection)
    connection.exec_driver_sql(
        f"comment on schema recsys is '{SCHEMA_COMMENT.format(expected_stamp())}'"
    )


def _install_materialized(connection: Connection, path: Path) -> None:
    """Make a materialized view anew if its file is another than the one it was made by.

    This computes it, which may take long where there are many ratings. Its comment has the file's
    digest.
    """
    name = f"recsys_internal.{path.stem}"
    stamp = f"[stamp {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}]"
    comment = _comment(connection, name)
    if comment is not None and comment.endswith(stamp):
        return
    connection.exec_driver_sql(f"drop materialized view if exists {name}")
    run_file(connection, path)
    comment = f"{_comment(connection, name)} {stamp}".replace("'", "''")
    connection.exec_driver_sql(
        f"comment on materialized view {name} is '{comment}'",
        execution_options={"no_parameters": True},
    )


def _comment(connection: Connection, relation: str) -> str | None:
    comment: str | None = connection.exec_driver_sql(
        "select obj_description(to_regclass(%s), 'pg_class')", (relation,)
    ).scalar()
    return comment


def install_grants(connection: Connection) -> None:
    """Make the roles, where they are missing and may be made, and grant them their rights."""
    run_file(connection, sql_folder() / "grants.sql")


def missing_roles(connection: Connection) -> list[str]:
    """Return those of `ROLES` that the server does not have."""
    found = connection.exec_driver_sql(
        "select rolname from pg_roles where rolname = any(%s)", (list(ROLES),)
    ).scalars()
    return sorted(set(ROLES) - set(found), reverse=True)


def missing_relations(connection: Connection) -> list[str]:
    """Return the columns and indexes of this version's tables that the database lacks."""
    expected = [
        f"{table}.{part.name}"
        for table in metadata.tables.values()
        for part in (*table.columns, *table.indexes)
    ]
    found = connection.exec_driver_sql(
        """
        select concat_ws('.', 'recsys', c.relname, a.attname)
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = to_regnamespace('recsys') and c.relkind in ('r', 'p')
        union all
        select concat_ws('.', 'recsys', t.relname, c.relname)
        from pg_class c join pg_index i on i.indexrelid = c.oid
        join pg_class t on t.oid = i.indrelid
        where c.relnamespace = to_regnamespace('recsys')
    """
    ).scalars()
    return sorted(set(expected) - set(found))


def missing_sql(connection: Connection) -> list[str]:
    """Return the functions and views of `sql/` that the database lacks."""
    texts = (path.read_text(encoding="utf-8") for path in sql_files("."))
    expected = re.findall(r"^create .*(?:function|view) ([\w.]+)", "\n".join(texts), re.MULTILINE)
    found = connection.exec_driver_sql("""
        select concat_ws('.', n.nspname, o.name)
        from pg_namespace n
        join (
            select pronamespace, proname from pg_proc
            union all
            select relnamespace, relname from pg_class where relkind in ('v', 'm')
        ) o (namespace, name) on o.namespace = n.oid
        where n.nspname in ('recsys', 'recsys_internal', 'recsys_bi')
    """).scalars()
    return sorted(set(expected) - set(found))


def run_file(connection: Connection, path: Path) -> None:
    """Run one file as it stands: `%` and `:name` in it are SQL, not parameters."""
    connection.exec_driver_sql(
        path.read_text(encoding="utf-8"), execution_options={"no_parameters": True}
    )
