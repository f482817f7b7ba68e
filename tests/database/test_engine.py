"""Which servers are fit, and what is said of those that are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, Engine, make_url

from recsys.database.engine import database_url, hosts, libpq_url
from recsys.database.errors import reported_errors
from recsys.database.schema import require_supported
from recsys.errors import DatabaseError, DatabaseUnsupported, InvalidRequest
from recsys.settings import Settings


def server(version: str, installed: str | None, available: str | None) -> Mock:
    """A connection to a server of these versions of PostgreSQL and pgvector."""
    connection = Mock(spec=Connection)
    connection.exec_driver_sql.return_value.one.return_value = (
        version,
        installed,
        available,
        "title",
    )
    connection.exec_driver_sql.return_value.first.return_value = None
    return connection


@pytest.mark.parametrize(
    ("versions", "says"),
    [
        (("15.8 (Debian 15.8-1)", "0.8.4", "0.8.4"), "PostgreSQL 15.*16 or later"),
        (("18.6", None, None), "no pgvector extension: install pgvector 0.8.4"),
        (("18.6", None, "0.7.4"), "pgvector is 0.7.4: install 0.8.4 or later$"),
        (("18.6", "0.8.3", "0.8.6"), "alter extension vector update"),
    ],
)
def test_servers_that_lack_something_are_refused(versions: tuple[Any, ...], says: str) -> None:
    with pytest.raises(DatabaseUnsupported, match=says):
        require_supported(server(*versions))


@pytest.mark.parametrize(
    "versions", [("16.0", "0.8.4", "0.8.4"), ("18.6", None, "0.8.6"), ("19beta1", "0.10.0", None)]
)
def test_servers_that_lack_nothing_are_taken(versions: tuple[Any, ...]) -> None:
    require_supported(server(*versions))


def test_an_extension_outside_public_is_named(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("create schema elsewhere")
        connection.exec_driver_sql("alter extension unaccent set schema elsewhere")
        with pytest.raises(DatabaseUnsupported, match="alter extension unaccent set schema public"):
            require_supported(connection)
        connection.rollback()


def test_any_other_error_of_the_database_is_ours(engine: Engine) -> None:
    with (
        pytest.raises(DatabaseError, match="no_such_column"),
        engine.connect() as connection,
        reported_errors(),
    ):
        connection.exec_driver_sql("select no_such_column from recsys.movies")


def test_a_url_for_libpq_keeps_its_spaces() -> None:
    url = make_url("postgresql+psycopg://me:a%2Bb@/x?host=/a b")
    assert libpq_url(url) == "postgresql://me:a+b@/x?host=%2Fa%20b"


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://me:p%40s,s@one:5432,two:5433/films?sslmode=require",
        "postgres://me:p%40s,s@/films?host=one,two&port=5432,5433&sslmode=require",
        "postgresql+psycopg://me:p%40s,s@/films?host=one%2Ctwo&port=5432%2C5433&sslmode=require",
    ],
)
def test_a_url_may_name_several_hosts(given: str) -> None:
    settings = Settings(database_url=given, home=Path())
    expected = {
        "host": "one,two",
        "port": "5432,5433",
        "user": "me",
        "password": "p@s,s",
        "dbname": "films",
        "sslmode": "require",
    }
    for reads, wanted in ((False, "read-write"), (True, "prefer-standby")):
        url = database_url(settings, reads)
        assert hosts(url) == ["one", "two"]
        expected["target_session_attrs"] = wanted
        assert conninfo_to_dict(libpq_url(url)) == expected
        assert make_url(url).get_dialect()().create_connect_args(url)[1] == expected
    settings = Settings(database_url=f"{given}&target_session_attrs=any", home=Path())
    assert database_url(settings, reads=True).query["target_session_attrs"] == "any"
    assert database_url(settings).query["target_session_attrs"] == "read-write"


def test_one_host_is_taken_as_it_is() -> None:
    settings = Settings(database_url="postgresql://me:a%2Cb@one/films", home=Path())
    for reads in (False, True):
        url = database_url(settings, reads)
        assert hosts(url) == ["one"]
        assert conninfo_to_dict(libpq_url(url)) == conninfo_to_dict(str(settings.database_url))


@pytest.mark.parametrize(
    "given",
    [
        "mysql://me:secret@one/x",
        "one,two",
        "postgresql://me:secret@one:x/",
        "postgresql://me:secret@one:65536/",
        "postgresql://me:secret@one/x?nonsense=1",
        "postgresql://me:secret@one/x?options=%00",
        "postgresql",
        "postgresql://me:secret@/x?host=one,two&port=5432",
        "postgresql://me:secret@/x?host=one&host=two&port=1&port=2",
    ],
)
def test_what_is_no_url_is_said_without_its_password(given: str) -> None:
    with pytest.raises(InvalidRequest, match="no PostgreSQL URL") as caught:
        database_url(Settings(database_url=given, home=Path()))
    assert "secret" not in str(caught.value)
    assert (caught.value.argument, caught.value.value) == ("url", None)
