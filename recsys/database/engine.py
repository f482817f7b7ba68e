"""Connections: which server, which database, and how to reach it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError

from recsys.database.errors import reported_errors
from recsys.errors import DatabaseError, InvalidRequest
from recsys.server.cluster import SUPERUSER
from recsys.server.embedded import embedded_server
from recsys.settings import DEFAULT_DATABASE, Settings

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
        conninfo_to_dict(libpq_url(url))  # which refuses unknown options
        if url.port is not None and not 0 < url.port < 65_536:
            raise ValueError("no such port")
    except (ArgumentError, ValueError, psycopg.Error):
        # The URL itself may hold a password, so it is not repeated.
        raise InvalidRequest(
            "DATABASE_URL is no PostgreSQL URL: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
            ", with HOST:PORT,HOST:PORT for several servers",
            "url",
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
    maintenance = libpq_url(url.set(database="postgres"))
    with reported_errors(), psycopg.connect(maintenance, autocommit=True) as connection:
        if connection.execute(
            "select from pg_database where datname = %s", (url.database,)
        ).fetchone():
            return
        name = psycopg.sql.Identifier(url.database or DEFAULT_DATABASE)
        # A race with another process ends in "already exists", which is as good.
        with suppress(pg.DuplicateDatabase, pg.UniqueViolation):
            connection.execute(psycopg.sql.SQL("create database {}").format(name))


def driver(connection: Connection) -> psycopg.Connection[Any]:
    """Return psycopg's connection beneath SQLAlchemy's."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver
