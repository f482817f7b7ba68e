"""Installs `sql/`: the functions and views that are the public face of the database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from recsys.database import expected_stamp, sql_folder

# In the order of installation. Bodies are not checked, so functions may call later ones.
FUNCTION_FOLDERS = ("internal", "functions")
SCHEMA_COMMENT = "Films, ratings, models and the functions that recommend. [stamp {}]"


def sql_files(kind: str) -> list[Path]:
    """Return the files of one folder of `sql/`, in the order of installation."""
    return sorted((sql_folder() / kind).glob("*.sql"))


def drop_views(connection: Connection) -> None:
    """Drop our views, so that migrations may change the columns they stand on.

    Never with cascade: a view of somebody's own on top of ours stops this with its name.
    """
    for path in reversed(sql_files("views")):
        connection.exec_driver_sql(f"drop view if exists recsys_bi.{path.stem}")


def install_sql(connection: Connection) -> None:
    """Install every function and view, and stamp the schema with their digest."""
    connection.exec_driver_sql("set local check_function_bodies = off")
    drop_views(connection)
    for folder in (*FUNCTION_FOLDERS, "views"):
        for path in sql_files(folder):
            run_file(connection, path)
    connection.exec_driver_sql(
        f"comment on schema recsys is '{SCHEMA_COMMENT.format(expected_stamp())}'"
    )


def run_file(connection: Connection, path: Path) -> None:
    """Run one file as it stands: `%` and `:name` in it are SQL, not parameters."""
    connection.exec_driver_sql(
        path.read_text(encoding="utf-8"), execution_options={"no_parameters": True}
    )
