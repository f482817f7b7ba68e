"""The server takes no more connections: one line says so, what is open answers, and all goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from recsys import AsyncRecommender, DatabaseUnreachable, Recommender
from recsys.database.engine import libpq_url
from tests.helpers.commands import fails, recsys

pytestmark = pytest.mark.slow

ROLE = "limited"


@contextmanager
def all_taken(url: str) -> Iterator[None]:
    """Hold every connection that the server, or the role of the URL, may have."""
    with ExitStack() as stack:
        held: list[object] = []
        with pytest.raises(psycopg.OperationalError, match="too many"):  # noqa: PT012
            while len(held) < 1000:
                held.append(stack.enter_context(psycopg.connect(url)))
        yield


@pytest.fixture(params=["max_connections", "connection limit"])
def url(request: pytest.FixtureRequest, own_engine: Engine) -> Iterator[str]:
    """The URL of who may have a few connections, and of who may have all that there are."""
    if request.param == "max_connections":
        yield libpq_url(own_engine.url)
        return
    with own_engine.begin() as connection:
        connection.exec_driver_sql(
            f"create role {ROLE} login connection limit 5 in role recsys_app"
        )
    yield libpq_url(own_engine.url.set(username=ROLE))
    with own_engine.begin() as connection:
        connection.exec_driver_sql(f"drop role {ROLE}")


def test_it_is_said_and_goes_on(home: Path, url: str) -> None:
    async def ask() -> None:
        async with AsyncRecommender(url, pool_size=3) as recommender:
            before = await recommender.recommend(1)
            with all_taken(url):
                calls = [recommender.recommend(1) for _ in range(10)]
                ends = await asyncio.gather(*calls, return_exceptions=True)
                assert before in ends  # by the connection that is open
                refused = [end for end in ends if end != before]
                assert all(isinstance(end, DatabaseUnreachable) for end in refused), refused
            assert await asyncio.gather(*(recommender.recommend(1) for _ in range(10))) == (
                [before] * 10
            )

    with Recommender(url) as recommender:
        before = recommender.recommend(1)
        with all_taken(url):
            assert recommender.recommend(1) == before
            with pytest.raises(DatabaseUnreachable, match="takes no more connections"):
                Recommender(url)
            line = fails("recommend", "1", DATABASE_URL=url)
            assert "the server takes no more connections" in line
        assert recommender.recommend(1) == before
    recsys("recommend", "1", DATABASE_URL=url)
    asyncio.run(ask())
