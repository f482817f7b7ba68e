"""A plain database, and one with the same rows that is divided over two workers of Citus."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine

from recsys.models.experiments import Variant, start_experiment
from recsys.server import cluster
from tests.helpers.citus import Node, binaries, make_database, start_nodes
from tests.helpers.commands import recsys

MARKS = """
    insert into recsys.feedback (user_id, movie_id, kind)
    select user_id, movie_id, (array['seen', 'hidden', 'watchlist', 'not_now'])[user_id %% 4 + 1]
    from recsys.ratings where movie_id %% 50 = 0
    union all
    select user_id, movie_id, 'watchlist' from recsys.ratings where movie_id %% 40 = 1;
    insert into recsys.impressions (user_id, movie_id, rank, shown_at)
    select user_id, movie_id, 1, now() - interval '1 day' from recsys.ratings
    where movie_id %% 30 = 2
"""


@dataclass(frozen=True)
class Pair:
    """Two databases on one server.

    Attributes
    ----------
    plain, divided
        URLs.
    """

    plain: str
    divided: str

    @property
    def engines(self) -> tuple[Engine, Engine]:
        return open_engine(self.plain), open_engine(self.divided)


def open_engine(url: str) -> Engine:
    return create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)


@pytest.fixture(scope="session")
def nodes() -> Iterator[list[Node]]:
    """A coordinator and two workers."""
    folder = Path(tempfile.mkdtemp(prefix="recsys-citus-"))
    folder.chmod(0o711)  # as root, the server's user passes through
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "binaries", binaries)
        started = start_nodes(folder)
        yield started
        for node in started:
            node.cluster.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def pair(nodes: list[Node], data_folder: Path) -> Pair:
    """ml-latest-small with texts and a model of the defaults, twice."""
    with nodes[0].connect() as connection:
        connection.execute("create database plain")
    plain = nodes[0].url("plain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", plain)
        recsys("db", "upgrade")
        recsys("load", str(data_folder / "ml-latest-small"))
        recsys("load", str(data_folder / "overviews"))
        recsys("train", "--seed", "7")
        with open_engine(plain).begin() as connection:
            connection.exec_driver_sql(MARKS)
            start_experiment(connection, "e", [Variant("a"), Variant("b", rerank=False)])
        divided = make_database(nodes, "divided", template="plain")
        patch.setenv("DATABASE_URL", divided)
        recsys("db", "distribute")
    return Pair(plain, divided)


@pytest.fixture
def at_divided(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> str:
    """Commands work on the divided database."""
    monkeypatch.setenv("DATABASE_URL", pair.divided)
    return pair.divided
