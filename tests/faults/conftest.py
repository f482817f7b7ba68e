"""A server of these tests' own, to kill, with the sample and a model."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine

from recsys.database.engine import database_url
from recsys.database.migrations import prepared_engine
from recsys.loading.load import load
from recsys.parameters import Parameters
from recsys.settings import Settings
from recsys.sources import open_source
from recsys.training.train import train
from tests.helpers.servers import embedded_in


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="recsys-faults-"))
    with embedded_in(folder):
        yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def own_engine(home: Path) -> Engine:
    """The usual database of the server, with the sample and a model."""
    settings = Settings.from_environment()
    prepared_engine(settings).dispose()
    engine = create_engine(database_url(settings), poolclass=NullPool)
    load(engine, open_source("sample"))
    train(engine, Parameters(factors=8, epochs=2), device="cpu")
    return engine
