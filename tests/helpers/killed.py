"""Loads and trainings in processes that are killed; this module imports nothing heavy."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def load_into(url: str, folder: str) -> None:
    """Load `folder` into the database of `url`."""
    from sqlalchemy import create_engine

    from recsys.loading.load import load
    from recsys.sources import open_source

    load(create_engine(url), open_source(folder))


def train_on(url: str) -> None:
    """Train on the database of `url`."""
    from sqlalchemy import create_engine

    from recsys.parameters import Parameters
    from recsys.training.train import train

    train(create_engine(url), Parameters(factors=16, epochs=10), device="cpu")


def train_and_die(url: str, written: str) -> None:
    """Be killed when all is written, just before the commit; the file `written` says so."""
    from sqlalchemy import Connection

    from recsys.models import versions
    from recsys.training import train

    def activate_and_die(connection: Connection, model_id: int) -> None:
        versions.activate_model(connection, model_id)
        Path(written).touch()
        os.kill(os.getpid(), signal.SIGKILL)

    vars(train)["activate_model"] = activate_and_die
    train_on(url)
