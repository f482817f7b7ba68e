"""The disk is full: one line says so, nothing is half, and with space again all goes on."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from recsys.database.errors import reported_errors
from recsys.errors import DatabaseError
from recsys.models.versions import active_model
from recsys.server.embedded import embedded_server
from tests.helpers.commands import recsys
from tests.helpers.databases import make_indexes
from tests.helpers.servers import embedded_in

pytestmark = pytest.mark.slow

MEGABYTE = 1 << 20
COUNTS = """
    select (select count(*) from recsys.ratings), (select min(xmin::text) from recsys.ratings),
        (select count(*) from recsys.models), (select count(*) from recsys.movie_vectors),
        (select min(xmin::text) from recsys.recommendations),
        (select count(*) from pg_indexes where indexdef like '%%hnsw%%')
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A small disk in the memory."""
    folder = Path(tempfile.mkdtemp(prefix="recsys-full-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        folder.rmdir()
        pytest.skip(f"a small disk takes the right to mount one: {error}")
    with embedded_in(folder):
        yield folder
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


@contextmanager
def filled(home: Path, free: int) -> Iterator[None]:
    """Leave so many bytes on the disk."""
    ballast = home / "ballast"
    disk = os.statvfs(home)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - free)
    try:
        yield
    finally:
        ballast.unlink()


@pytest.mark.parametrize("free", [0, 2 * MEGABYTE])
@pytest.mark.parametrize(
    "arguments",
    [
        ("load", "sample", "--replace"),
        ("train", "--factors", "128", "--epochs", "1"),
        ("recommend", "--all", "-k", "100"),
    ],
)
def test_a_full_disk_leaves_what_was_there(
    home: Path, own_engine: Engine, arguments: tuple[str, ...], free: int
) -> None:
    def counts() -> tuple[object, ...]:
        embedded_server(home).acquire()
        with own_engine.connect() as connection:
            return tuple(connection.exec_driver_sql(COUNTS).one())

    before = counts()
    with filled(home, free):
        done = recsys(*arguments, status=1)
    [line] = [line for line in done.stderr.splitlines() if line.startswith("recsys: ")]
    # Where not even the WAL has space, the server ends.
    assert "No space left on device" in line or "such as a full disk" in line
    assert counts() == before
    recsys(*arguments)
    assert counts() != before


def test_an_index_that_does_not_fit_leaves_none(home: Path, own_engine: Engine) -> None:
    indexes = "select count(*) from pg_indexes where indexdef like '%%hnsw%%'"
    nearest = "select movie_id from recsys.similar_movies(1, 50)"
    with own_engine.begin() as connection:
        connection.exec_driver_sql("set recsys.retrieval = exact")
        model_id = active_model(connection)
        assert model_id is not None
        found = connection.exec_driver_sql(nearest).all()
    with filled(home, 0), pytest.raises(DatabaseError, match="No space left"), reported_errors():
        make_indexes(own_engine, model_id)
    with own_engine.connect() as connection:
        assert connection.exec_driver_sql(indexes).scalar() == 0
        assert connection.exec_driver_sql(nearest).all() == found
    make_indexes(own_engine, model_id)
    with own_engine.begin() as connection:
        assert connection.exec_driver_sql(indexes).scalar() == 2
        connection.exec_driver_sql("select recsys_internal.unindex_model(%s)", (model_id,))
