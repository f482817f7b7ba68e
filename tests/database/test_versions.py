"""A dump of an older PostgreSQL moves to the server of the tests, with its answers.

RECSYS_TEST_SERVERS names other servers, by URLs with a blank between them:

    RECSYS_TEST_SERVERS="postgresql://postgres@host16/postgres" pytest tests/database/test_versions.py
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from pgvector import Vector
from pgvector.psycopg import register_vector
from sqlalchemy import URL, make_url

from recsys.database.engine import create_database, libpq_url
from recsys.database.migrations import upgrade
from recsys.server.cluster import binaries
from tests.helpers.calls import CALLS, learn
from tests.helpers.databases import open_database

SERVERS = os.environ.get("RECSYS_TEST_SERVERS", "").split()
NAME = "recsys_test_versions"


def answers(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What each function says, with vectors as lists of numbers."""
    with psycopg.connect(url) as connection:
        register_vector(connection)
        return {
            call: [
                tuple(value.to_list() if isinstance(value, Vector) else value for value in row)
                for row in connection.execute(f"select * from {call}")
            ]
            for calls in CALLS.values()
            for call in calls
        }


@pytest.mark.slow
@pytest.mark.skipif(not SERVERS, reason="RECSYS_TEST_SERVERS names no other server")
@pytest.mark.parametrize("server", SERVERS)
def test_a_dump_moves(server_url: URL, copies: Callable[[str], str], server: str) -> None:
    other = make_url(server).set(drivername="postgresql+psycopg", database=NAME)
    create_database(other)
    engine = open_database(other, NAME)
    upgrade(engine)
    learn(engine)
    target = libpq_url(server_url.set(database=copies("template0")))
    try:
        dump = subprocess.run(
            [binaries() / "pg_dump", "-Fc", libpq_url(other)], check=True, capture_output=True
        )
        subprocess.run(
            [
                binaries() / "pg_restore",
                "--exit-on-error",
                "--no-owner",
                "--no-privileges",
                "-d",
                target,
            ],
            input=dump.stdout,
            check=True,
        )
        found = answers(target)
        for call, rows in answers(libpq_url(other)).items():
            # Vectors are added up in another order.
            assert found[call] == [
                tuple(pytest.approx(value, rel=1e-5, abs=1e-6) for value in row) for row in rows
            ], call
    finally:
        with open_database(other, "postgres").connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                f"drop database {NAME}"
            )
