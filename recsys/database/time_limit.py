"""How long one call may take, whatever the server does: connections that keep to it.

A server that hangs says nothing, not even that a statement took too long. So the client keeps the
time itself, on every wait of the driver.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self, TypeVar

import psycopg
from psycopg import waiting
from psycopg.pq import TransactionStatus

# Seconds in all, and when they end on the monotonic clock; of this thread's or task's call.
_limit: ContextVar[tuple[float, float] | None] = ContextVar("limit", default=None)
_POLL_S = 0.1

Yielded = TypeVar("Yielded")
Sent = TypeVar("Sent")
Result = TypeVar("Result")


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let everything inside take `seconds` in all."""
    before = _limit.get()
    _limit.set((seconds, time.monotonic() + seconds))
    try:
        yield
    finally:
        # Not by a token, which another context refuses: frameworks may leave in another thread.
        _limit.set(before)


def time_left() -> float | None:
    """Return the seconds that are left, at least 0; None where there is no limit."""
    limit = _limit.get()
    return None if limit is None else max(0.0, limit[1] - time.monotonic())


def within_limit() -> str:
    """Return "within 10 s", as the limit is."""
    limit = _limit.get()
    return "in time" if limit is None else f"within {limit[0]:g} s"


class TimedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that closes when the limit passes while it waits."""

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Generator[Any, Any, Self]:
        return (yield from _limited(super()._connect_gen(conninfo)))

    def wait(
        self,
        gen: Generator[Any, Any, Result],
        interval: float = _POLL_S,
        timeout: float | None = None,
    ) -> Result:
        """Wait for what `gen` does; see `psycopg.Connection.wait`."""
        try:
            return super().wait(_limited(gen), _shortened(interval), timeout)
        except BaseException:
            _give_up(self)
            raise


class TimedAsyncConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """The same, in asyncio."""

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Generator[Any, Any, Self]:
        return (yield from _limited(super()._connect_gen(conninfo)))

    async def wait(
        self,
        gen: Generator[Any, Any, Result],
        interval: float = _POLL_S,
        timeout: float | None = None,
    ) -> Result:
        """Wait for what `gen` does; see `psycopg.AsyncConnection.wait`."""
        try:
            # Not the base class's: for a task that is cancelled, that asks the server to cancel
            # the statement, and a server that hangs lets the task wait for up to ten seconds.
            return await waiting.wait_async(
                _limited(gen), self.pgconn.socket, _shortened(interval), timeout
            )
        except BaseException:
            _give_up(self)
            raise


def _limited(gen: Generator[Yielded, Sent, Result]) -> Generator[Yielded, Sent, Result]:
    """Pass a generator of the driver's on, until the limit has passed."""
    try:
        state = next(gen)
        while time_left() != 0:
            sent = yield state
            state = gen.send(sent)  # what has come already still counts
        raise psycopg.errors.ConnectionTimeout("nothing came")
    except StopIteration as done:
        result: Result = done.value
        return result


def _shortened(interval: float) -> float:
    left = time_left()
    return interval if left is None else min(interval, left)


def _give_up(connection: TimedConnection | TimedAsyncConnection) -> None:
    """Close a connection whose answer no one reads: it would be taken for the next one's."""
    if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
        connection.pgconn.finish()
