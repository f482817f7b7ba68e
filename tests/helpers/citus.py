"""A coordinator and two workers of Citus on loopback, from the PostgreSQL that PG_CONFIG is of."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg

from recsys.server.cluster import SUPERUSER, Cluster, Running

TRUSTED = """\
local all all trust
host all all 127.0.0.1/32 trust
"""


def binaries() -> Path:
    """Return the folder of the programs of PostgreSQL with Citus, which `PG_CONFIG` names."""
    pg_config = os.environ["PG_CONFIG"]
    found = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip())


@dataclass(frozen=True)
class Node:
    """One server, which listens on 127.0.0.1 without a password."""

    cluster: Cluster
    running: Running

    @staticmethod
    def start(folder: Path) -> Node:
        """Make a server with Citus in it."""
        folder.mkdir()
        folder.chmod(0o711)
        cluster = Cluster(folder / "postgres")
        port = free_port()
        with cluster.start(port).connect() as connection:
            connection.autocommit = True
            for name, value in (
                ("shared_preload_libraries", "citus"),
                ("fsync", "off"),
                ("max_connections", "200"),
                ("shared_buffers", "64MB"),
                ("max_prepared_transactions", "200"),
            ):
                connection.execute(f"alter system set {name} = '{value}'".encode())
        (cluster.data / "pg_hba.conf").write_text(TRUSTED)
        cluster.stop()
        return Node(cluster, cluster.start(port))

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the superuser; each statement is a transaction of its own."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.running.port,
            user=SUPERUSER,
            dbname=database,
            autocommit=True,
        )

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.running.port}/{database}"


def start_nodes(folder: Path, workers: int = 2) -> list[Node]:
    """Start a coordinator and its workers."""
    return [Node.start(folder / f"node{number}") for number in range(workers + 1)]


def make_database(nodes: list[Node], name: str, template: str = "template1") -> str:
    """Make a database on each node, and tell the coordinator of its workers; return its URL."""
    for place, node in enumerate(nodes):
        with node.connect() as connection:
            copied = f" template {template}" if place == 0 else ""
            connection.execute(f"create database {name}{copied}".encode())
        with node.connect(name) as connection:
            connection.execute("create extension citus")
    coordinator = nodes[0]
    with coordinator.connect(name) as connection:
        connection.execute(
            "select citus_set_coordinator_host('127.0.0.1', %s)", (coordinator.running.port,)
        )
        for node in nodes[1:]:
            connection.execute("select citus_add_node('127.0.0.1', %s)", (node.running.port,))
    return coordinator.url(name)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
