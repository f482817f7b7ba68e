"""A server that hangs: a command says so in one line, and the next one works."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from recsys.database.engine import libpq_url
from recsys.server.embedded import embedded_server
from tests.helpers.commands import fails, recsys
from tests.helpers.servers import frozen

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("named", "said"), [(False, "takes no connections"), (True, "does not answer in time")]
)
def test_a_command_ends(home: Path, own_engine: Engine, named: bool, said: str) -> None:
    where = {"DATABASE_URL": libpq_url(own_engine.url)} if named else {}
    server = embedded_server(home)
    server.acquire()
    with frozen(server.cluster):
        assert said in fails("recommend", "1", **where)
    recsys("recommend", "1", status=0, **where)
