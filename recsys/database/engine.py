"""Connections: which server, is it fit, is its schema ours, and errors a person can act on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from recsys.database.time_limit import within_limit
from recsys.errors import (
    DatabaseError,
    DatabaseOutOfDate,
    DatabaseTimeout,
    DatabaseUnreachable,
    DatabaseUnsupported,
    InvalidRequest,
    RecsysError,
)
from recsys.server.cluster import SUPERUSER
from recsys.server.embedded import embedded_server
from recsys.settings import DEFAULT_DATABASE, Settings

MINIMUM_POSTGRESQL = 16
MINIMUM_PGVECTOR = (0, 8, 4)
CONNECT_TIMEOUT_S = 10
RESERVED = ("postgres", "template")


def database_url(settings: Settings, reads: bool = False) -> URL:
    """Return the database's URL; starts the embedded server where no other is named.

    Of several hosts it leads to the primary or, for `reads` alone, to a standby if there is one.
    """
    if settings.database_url is None:
        running = embedded_server(settings.home).acquire()
        return URL.create(
            "postgresql+psycopg",
            username=SUPERUSER,
            database=settings.database or DEFAULT_DATABASE,
            query={"host": str(running.socket_folder), "port": str(running.port)},
        )
    url = _parsed(settings.database_url)
    if len(hosts(url)) > 1:
        if not reads:
            url = url.update_query_dict({"target_session_attrs": "read-write"})
        elif "target_session_attrs" not in url.query:
            url = url.update_query_dict({"target_session_attrs": "prefer-standby"})
    return url.set(database=settings.database) if settings.database else url


def hosts(url: URL) -> list[str]:
    """Return the hosts that the URL names."""
    return str(url.query.get("host", url.host or "")).split(",")


def _parsed(given: str) -> URL:
    scheme, mark, rest = given.partition("://")
    try:
        if not mark or scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
            raise ValueError("another scheme")
        if "," not in rest:
            url = make_url(given).set(drivername="postgresql+psycopg")
        else:  # SQLAlchemy's own reader knows no HOST:PORT,HOST:PORT
            found = conninfo_to_dict(f"postgresql://{rest}")
            parts = {name: str(value) for name, value in found.items()}
            url = URL.create(
                "postgresql+psycopg",
                username=parts.pop("user", None),
                password=parts.pop("password", None),
                database=parts.pop("dbname", None),
                query=parts,
            )
        url.get_dialect()().create_connect_args(url)  # which refuses one port for two hosts
    except (ArgumentError, ValueError, psycopg.Error):
        # The URL itself may hold a password, so it is not repeated.
        raise DatabaseUnreachable(
            "DATABASE_URL is no PostgreSQL URL: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
            ", with HOST:PORT,HOST:PORT for several servers"
        ) from None
    return url


def libpq_url(url: URL) -> str:
    """Return the URL as psql and other libpq programs take it, password included."""
    rendered = url.set(drivername="postgresql").render_as_string(hide_password=False)
    address, mark, query = rendered.partition("?")
    return address + mark + query.replace("+", "%20")  # libpq takes a plus for a plus


def open_engine(settings: Settings, create: bool = False) -> Engine:
    """Return an engine on the database.

    On the embedded server, the usual database is made if it is not there, and with `create`
    any other too.
    """
    if (settings.database or "").startswith(RESERVED):
        raise DatabaseError(f"{settings.database} is PostgreSQL's own: name another database")
    url = database_url(settings)
    if settings.database_url is None and (create or url.database == DEFAULT_DATABASE):
        create_database(url)
    return create_engine(
        url,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "recsys"},
    )


def create_database(url: URL) -> None:
    """Make the database that `url` names unless it is there."""
    maintenance = create_engine(
        url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with reported_errors(), maintenance.connect() as connection:
        # A race with another process ends in "already exists", which is as good.
        found = connection.exec_driver_sql(
            "select from pg_database where datname = %s", (url.database,)
        ).first()
        if found is None:
            name = psycopg.sql.Identifier(url.database or DEFAULT_DATABASE)
            statement = psycopg.sql.SQL("create database {}").format(name).as_string()
            try:
                connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
            except DBAPIError as error:
                if not isinstance(error.orig, (pg.DuplicateDatabase, pg.UniqueViolation)):
                    raise


@contextmanager
def reported_errors() -> Iterator[None]:
    """Turn the driver's errors into ours, with a text that says what to do."""
    try:
        yield
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        raise _report(error.orig) from error
    except psycopg.Error as error:
        raise _report(error) from error
    except UnicodeEncodeError as error:  # half of a pair, as JSON may bring it
        odd = error.object[error.start : error.end]
        raise InvalidRequest(f"a text has {odd!r}, which is no character") from error


def _report(error: psycopg.Error) -> RecsysError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = error.diag.message_primary or (lines or [type(error).__name__])[0]
    hint = f" ({error.diag.message_hint})" if error.diag.message_hint else ""
    match error:
        case psycopg.DataError() | pg.ObjectNotInPrerequisiteState():
            return InvalidRequest(message + hint)
        case pg.UndefinedTable() | pg.InvalidSchemaName() | pg.UndefinedFunction():
            return DatabaseOutOfDate(f"{message}: run `recsys db upgrade`")
        case pg.InsufficientPrivilege() if "create extension" in message:
            return DatabaseError(
                f"{message}: ask an administrator to run, in this database, "
                "`create extension vector with schema public`, and pg_trgm, unaccent and "
                "fuzzystrmatch likewise"
            )
        case pg.InsufficientPrivilege():
            return DatabaseError(f"{message}: ask an administrator for the privilege{hint}")
        case pg.DependentObjectsStillExist():
            detail = (error.diag.message_detail or "").replace("\n", "; ")
            return DatabaseError(f"{message}: {detail}. Drop what depends on it, then try again")
        case pg.ConnectionTimeout():
            return DatabaseTimeout(
                f"the database does not answer {within_limit()} ({lines[0]}): check that the "
                "server runs, or allow a longer time-out"
            )
        case pg.QueryCanceled() if "timeout" in message:
            return DatabaseTimeout(
                f"the database does not answer {within_limit()} ({message}): allow a longer "
                "time-out"
            )
        case pg.ReadOnlySqlTransaction():
            return DatabaseError(f"{message}: the server is a standby. Name its primary in the URL")
        case pg.AdminShutdown() | pg.CrashShutdown() | pg.CannotConnectNow():
            return DatabaseUnreachable(f"the server is going down or coming up: {message}")
        case psycopg.OperationalError() if (error.sqlstate or "08")[:2] in ("08", "28", "3D"):
            reason = _connection_reason(lines)
            if reason.endswith("does not exist"):
                return DatabaseUnreachable(
                    f"{reason}: create it first; on the embedded server, "
                    "`recsys --database NAME db upgrade` does"
                )
            if "too many c" in reason or "connection slots" in reason:
                return DatabaseUnreachable(
                    f"the server takes no more connections: {reason}. Lower pool_size, or raise "
                    "the server's max_connections"
                )
            return DatabaseUnreachable(
                f"the database does not answer: {reason}. "
                "Check DATABASE_URL, and that the server runs"
            )
        case _:
            return DatabaseError(f"the database says: {message}{hint}")


def _connection_reason(lines: list[str]) -> str:
    reasons = [line for line in lines if "failed:" in line or "FATAL" in line] or lines
    return re.sub(r"^.*?failed: (FATAL:\s*)?", "", reasons[0]) if reasons else "no reason given"


def require_supported(connection: Connection) -> None:
    """Refuse a server without PostgreSQL 16 and pgvector 0.8.4, saying which is missing."""
    server, installed, available = connection.exec_driver_sql(
        "select current_setting('server_version'),"
        " (select extversion from pg_extension where extname = 'vector'),"
        " (select default_version from pg_available_extensions where name = 'vector')"
    ).one()
    if int(re.split(r"\D", server)[0]) < MINIMUM_POSTGRESQL:
        raise DatabaseUnsupported(
            f"the server is PostgreSQL {server}: recsys needs {MINIMUM_POSTGRESQL} or later"
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
    """Folder of the SQL functions and views: inside a wheel, else beside the package."""
    return _shipped("_sql", "sql")


def migrations_folder() -> Path:
    """Folder of the Alembic environment."""
    return _shipped("_alembic", "alembic")


def _shipped(inside: str, beside: str) -> Path:
    package = Path(__file__).parent.parent
    return package / inside if (package / inside).exists() else package.parent / beside
