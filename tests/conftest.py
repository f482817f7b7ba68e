"""A server for the whole run, a template database, and copies of it to write in.

What imports torch or pandas is imported where it is called: the process that only hands the tests
out to others reads this file, too, and the others wait for it.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import URL, Connection, Engine

from recsys.database.engine import database_url
from recsys.database.migrations import upgrade
from recsys.parameters import Parameters
from recsys.server.embedded import embedded_server
from recsys.settings import Settings
from tests.helpers.databases import make_indexes, make_up_predictions, open_database
from tests.helpers.forked import shorten
from tests.helpers.oracle import Catalogue, read_catalogue
from tests.helpers.servers import memory

hypothesis.settings.register_profile("all")  # examples: see tests/helpers/examples.py

SHARED = {
    "content_name", "evaluated", "films_name", "learned_name", "minilm", "movielens_loaded",
    "planted_name",
}  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the slow test of `tests/fuzz/` takes, and what it draws."""
    parser.addoption("--fuzz-calls", type=int, default=100_000, help="calls of SQL functions")
    parser.addoption("--fuzz-seed", type=int, default=2, help="what they are drawn from")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep in one of several processes what would have to be made in each, and takes long."""
    for item in items:
        shared = SHARED.intersection(getattr(item, "fixturenames", ()))
        if shared:
            item.add_marker(pytest.mark.xdist_group(min(shared)))


@pytest.fixture(scope="session", autouse=True)
def shortened() -> Iterator[None]:
    """Rankers learn little here, in little time: those that test them take the time."""
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch.setattr)
        yield


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    """The server of DATABASE_URL, or else an embedded one of this run's own."""
    found = Settings.from_environment()
    if found.database_url is not None:
        yield found
        return
    home = Path(tempfile.mkdtemp(prefix="recsys-tests-", dir=memory()))
    home.chmod(0o711)  # as root, the server's user passes through
    os.environ["RECSYS_HOME"] = str(home)
    running = embedded_server(home).acquire()
    with running.connect() as connection:
        connection.autocommit = True  # nothing here outlives the run, so nothing need be synced
        for setting in ("fsync", "full_page_writes", "autovacuum"):
            connection.execute(f"alter system set {setting} = off")
        connection.execute("select pg_reload_conf()")
    yield replace(found, home=home)
    os.kill(running.pid, signal.SIGQUIT)  # at once: what it would still write goes, too
    embedded_server(home).release()
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def server_url(settings: Settings) -> URL:
    return database_url(settings)


@contextmanager
def copying(server_url: URL, drop: bool = True) -> Iterator[Callable[[str], str]]:
    """Copy databases, each from a template's name, and drop the copies at the end."""
    made: list[str] = []
    maintenance = open_database(server_url, "postgres").execution_options(
        isolation_level="AUTOCOMMIT"
    )

    def copy(template: str) -> str:
        name = f"recsys_test_{uuid.uuid4().hex[:8]}"
        with maintenance.connect() as connection:
            connection.exec_driver_sql(
                f"create database {name} template {template} strategy file_copy"
            )
        made.append(name)
        return name

    yield copy
    with maintenance.connect() as connection:
        for name in made if drop else ():
            connection.exec_driver_sql(f"drop database if exists {name} with (force)")


@pytest.fixture(scope="session")
def copies(settings: Settings, server_url: URL) -> Iterator[Callable[[str], str]]:
    """Make a database from a template's name; all go at the end of the run, or with its server."""
    with copying(server_url, drop=settings.database_url is not None) as copy:
        yield copy


@pytest.fixture
def brief_copies(server_url: URL) -> Iterator[Callable[[str], str]]:
    """Make a database from a template's name; all are dropped at the end of the test."""
    with copying(server_url) as copy:
        yield copy


@pytest.fixture(scope="session")
def template(server_url: URL, copies: Callable[[str], str]) -> str:
    """A database with the schema, made by the real upgrade."""
    name = copies("template0")
    upgrade(open_database(server_url, name))
    return name


@pytest.fixture
def engine(server_url: URL, template: str, brief_copies: Callable[[str], str]) -> Engine:
    """An empty database with the schema, to write in."""
    return open_database(server_url, brief_copies(template))


@pytest.fixture
def owner_url(server_url: URL, copies: Callable[[str], str]) -> Iterator[URL]:
    """An empty database and its owner, who may do nothing else."""
    name, password = f"owner_{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    database = copies("template0")
    maintenance = open_database(server_url, "postgres").execution_options(
        isolation_level="AUTOCOMMIT"
    )
    with maintenance.connect() as connection:
        connection.exec_driver_sql(f"create role {name} login password '{password}'")
        connection.exec_driver_sql(f"alter database {database} owner to {name}")
    with open_database(server_url, database).begin() as connection:
        for extension in ("vector", "pg_trgm", "unaccent", "fuzzystrmatch"):  # by an administrator
            connection.exec_driver_sql(f"create extension {extension} with schema public")
    yield server_url.set(username=name, password=password, database=database)
    with open_database(server_url, database).begin() as connection:
        connection.exec_driver_sql(f"drop owned by {name}")
    with maintenance.connect() as connection:
        connection.exec_driver_sql(f"alter database {database} owner to current_user")
        connection.exec_driver_sql(f"drop owned by {name}")
        connection.exec_driver_sql(f"drop role {name}")


@pytest.fixture(scope="session")
def sample_name(server_url: URL, template: str, copies: Callable[[str], str]) -> str:
    """Name of a database with the sample and a model; not to be written to."""
    from recsys.loading.load import load
    from recsys.sources import open_source
    from recsys.training.train import train

    name = copies(template)
    engine = open_database(server_url, name)
    load(engine, open_source("sample"))
    make_indexes(
        engine, train(engine, Parameters(16, alpha=0.3, regularization=0.01), device="cpu")
    )
    make_up_predictions(engine)
    return name


@pytest.fixture(scope="session")
def learned_name(server_url: URL, sample_name: str, copies: Callable[[str], str]) -> str:
    """Name of a database with the sample, a model and its texts learned; not to be written to."""
    from recsys.training.texts import learn_texts

    name = copies(sample_name)
    assert learn_texts(open_database(server_url, name)) is not None
    return name


@pytest.fixture
def learned_engine(
    server_url: URL, learned_name: str, brief_copies: Callable[[str], str]
) -> Engine:
    """The sample with its texts learned, to write in."""
    return open_database(server_url, brief_copies(learned_name))


@pytest.fixture
def sample_engine(server_url: URL, sample_name: str, brief_copies: Callable[[str], str]) -> Engine:
    """A database with the sample and a model, to write in."""
    return open_database(server_url, brief_copies(sample_name))


@pytest.fixture
def sample(server_url: URL, sample_name: str) -> Iterator[Connection]:
    """A connection to the sample; what a test writes is rolled back."""
    with open_database(server_url, sample_name).connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="session")
def catalogue(server_url: URL, sample_name: str) -> Catalogue:
    """The sample, for brute force."""
    with open_database(server_url, sample_name).connect() as connection:
        return read_catalogue(connection)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with real data sets that RECSYS_TEST_DATA names."""
    folder = os.environ.get("RECSYS_TEST_DATA")
    if not folder:
        pytest.skip("RECSYS_TEST_DATA names no folder with real data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def movielens_loaded(
    data_folder: Path, server_url: URL, template: str, copies: Callable[[str], str]
) -> str:
    """Name of a database with ml-latest-small and no model; not to be written to."""
    from recsys.loading.load import load
    from recsys.sources import open_source

    name = copies(template)
    load(open_database(server_url, name), open_source(str(data_folder / "ml-latest-small")))
    return name


@pytest.fixture(scope="session")
def movielens_texts(
    data_folder: Path, server_url: URL, movielens_loaded: str, copies: Callable[[str], str]
) -> str:
    """Name of a copy of it with texts, and all that they teach; not to be written to."""
    from recsys.loading.load import load
    from recsys.sources import open_source
    from recsys.training.texts import learn_texts

    if not (data_folder / "overviews").exists():
        pytest.skip("RECSYS_TEST_DATA has no folder overviews")
    name = copies(movielens_loaded)
    engine = open_database(server_url, name)
    load(engine, open_source(str(data_folder / "overviews")))
    learn_texts(engine)
    return name


@pytest.fixture(scope="session")
def movielens(server_url: URL, movielens_loaded: str, copies: Callable[[str], str]) -> Engine:
    """ml-latest-small with a model of the defaults; not to be written to."""
    from recsys.training.train import train

    engine = open_database(server_url, copies(movielens_loaded))
    make_indexes(engine, train(engine, device="cpu"))
    make_up_predictions(engine)
    return engine


@pytest.fixture
def real(movielens: Engine) -> Iterator[Connection]:
    """A connection to ml-latest-small; what a test writes is rolled back."""
    with movielens.connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="session")
def real_catalogue(movielens: Engine) -> Catalogue:
    """ml-latest-small, for brute force."""
    with movielens.connect() as connection:
        return read_catalogue(connection)
