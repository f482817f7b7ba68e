"""What the tests of evaluations share."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from recsys.evaluation import scores
from tests.helpers.tastes import write_two_tastes


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "SPREAD_DRAWS", 30)


@pytest.fixture
def two_tastes(engine: Engine) -> Engine:
    write_two_tastes(engine)
    return engine
