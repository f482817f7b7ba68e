"""Whether a server is fit and its schema ours; where the SQL and the migrations are."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from sqlalchemy import Connection

from recsys.errors import DatabaseOutOfDate, DatabaseUnsupported

MINIMUM_POSTGRESQL = 16
MINIMUM_PGVECTOR = (0, 8, 4)


def require_supported(connection: Connection) -> None:
    """Refuse a server without PostgreSQL 16 and pgvector 0.8.4, or with an unfit locale."""
    server, installed, available, folded = connection.exec_driver_sql(
        "select current_setting('server_version'),"
        " (select extversion from pg_extension where extname = 'vector'),"
        " (select default_version from pg_available_extensions where name = 'vector'),"
        " lower('TITLE')"
    ).one()
    if int(re.split(r"\D", server)[0]) < MINIMUM_POSTGRESQL:
        raise DatabaseUnsupported(
            f"the server is PostgreSQL {server}: recsys needs {MINIMUM_POSTGRESQL} or later"
        )
    if folded != "title":
        raise DatabaseUnsupported(
            f"the database's locale makes {folded!r} of 'TITLE', as Turkish does: genres and "
            "titles would not be found. Make a database with another locale: `create database NAME "
            "template template0 locale 'C.UTF-8'`"
        )
    wanted = ".".join(map(str, MINIMUM_PGVECTOR))
    if installed is None and available is None:
        raise DatabaseUnsupported(
            f"the server has no pgvector extension: install pgvector {wanted} or later on it, "
            "or unset DATABASE_URL to use the embedded server"
        )
    if _version(installed or available) < MINIMUM_PGVECTOR:
        raise DatabaseUnsupported(
            f"the server's pgvector is {installed or available}: install {wanted} or later"
            + (", then run `alter extension vector update`" if installed else "")
        )
    elsewhere = connection.exec_driver_sql(
        "select extname, extnamespace::regnamespace::text from pg_extension"
        " where extname in ('vector', 'pg_trgm', 'unaccent', 'fuzzystrmatch')"
        " and extnamespace <> 'public'::regnamespace"
    ).first()
    if elsewhere is not None:
        raise DatabaseUnsupported(
            f"the extension {elsewhere[0]} is in the schema {elsewhere[1]}, but the functions look "
            f"for it in public: run `alter extension {elsewhere[0]} set schema public`"
        )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


def schema_stamp(connection: Connection) -> str | None:
    """Return the stamp of the schema that is installed, None where none is."""
    comment = connection.exec_driver_sql(
        "select obj_description(to_regnamespace('recsys'), 'pg_namespace')"
    ).scalar()
    found = re.search(r"\[stamp ([0-9a-f]+)\]", comment or "")
    return found[1] if found else None


def require_current(connection: Connection) -> None:
    """Refuse a schema that is not the one of this version's `sql/` and migrations."""
    found = schema_stamp(connection)
    if found == expected_stamp():
        return
    require_supported(connection)
    state = "missing" if found is None else "not the one this version of recsys needs"
    raise DatabaseOutOfDate(f"the schema is {state}: run `recsys db upgrade`")


def is_simulated(connection: Connection) -> bool:
    """Tell whether the ratings are simulated: the sample's, or synthetic ones.

    By the view, which the roles may read.
    """
    return bool(
        connection.exec_driver_sql(
            "select id_space in ('sample', 'synthetic') from recsys_bi.loads"
            " where status = 'done' and id_space is not null order by run_id desc limit 1"
        ).scalar()
    )


@cache
def expected_stamp() -> str:
    """Return the digest of `sql/` and of the migrations."""
    digest = hashlib.sha256()
    for folder, pattern in ((sql_folder(), "*.sql"), (migrations_folder() / "versions", "*.py")):
        for path in sorted(folder.rglob(pattern)):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def sql_folder() -> Path:
    """Folder of the SQL functions and views: inside a wheel, else next to the package."""
    return _shipped("_sql", "sql")


def migrations_folder() -> Path:
    """Folder of the Alembic environment."""
    return _shipped("_alembic", "alembic")


def _shipped(inside: str, outside: str) -> Path:
    package = Path(__file__).parent.parent
    return package / inside if (package / inside).exists() else package.parent / outside
