"""What the tests of evaluations share."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.helpers.tastes import write_two_tastes


@pytest.fixture
def two_tastes(engine: Engine) -> Engine:
    write_two_tastes(engine)
    return engine
