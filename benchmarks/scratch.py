"""A database for one benchmark: on the server of DATABASE_URL, or else a fresh embedded one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from recsys.database.engine import create_database, database_url, open_engine
from recsys.database.migrations import downgrade, upgrade
from recsys.server.embedded import embedded_server
from recsys.settings import Settings

NAME = "recsys_benchmark"


def data_set(name: str) -> Path:
    """Folder of a real data set."""
    root = os.environ.get("RECSYS_TEST_DATA")
    if not root or not (Path(root) / name).exists():
        raise SystemExit(f"set RECSYS_TEST_DATA to a folder that holds {name}/")
    return Path(root) / name


@contextmanager
def scratch_database() -> Iterator[Engine]:
    """An empty database with the schema; emptied again at the end."""
    settings = replace(Settings.from_environment(), database=NAME)
    home = None
    if settings.database_url is None:
        home = Path(tempfile.mkdtemp(prefix="recsys-bench-"))
        home.chmod(0o711)
        settings = replace(settings, home=home)
    create_database(database_url(settings))
    engine = open_engine(settings)
    try:
        upgrade(engine)
        yield engine
    finally:
        downgrade(engine, "base")
        engine.dispose()
        if home is not None:
            embedded_server(home).release()
            shutil.rmtree(home)
