"""Servers of this process on the sample: one that reads, and one that may write."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import URL, Engine
from starlette.testclient import TestClient

from recsys.web.access import Access
from recsys.web.app import create_app
from tests.helpers.web import HERE


@pytest.fixture(scope="session")
def learned_url(server_url: URL, learned_name: str, copies: Callable[[str], str]) -> URL:
    """A copy of the sample with its texts learned: connections stay open; not to be written to."""
    return server_url.set(database=copies(learned_name))


@pytest.fixture(scope="session")
def client(learned_url: URL) -> Iterator[TestClient]:
    """A server that only reads."""
    with TestClient(create_app(learned_url), HERE) as found:
        yield found


@pytest.fixture
def writer(learned_engine: Engine) -> Iterator[TestClient]:
    """A server that may write, on a copy."""
    access = Access(ratings=True, admin=True)
    with TestClient(create_app(learned_engine.url, access), HERE) as found:
        yield found
