"""Pools of connections for services: health checks, time limits, one more try, read replicas."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from weakref import WeakSet

import psycopg
from psycopg import errors as pg
from sqlalchemy import (
    URL,
    AsyncAdaptedQueuePool,
    Connection,
    Dialect,
    Engine,
    ExceptionContext,
    QueuePool,
    create_engine,
    event,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from recsys.database.engine import database_url, hosts
from recsys.database.errors import reported_errors
from recsys.database.migrations import prepared_engine
from recsys.database.time_limit import TimedAsyncConnection, TimedConnection, time_left, time_limit
from recsys.errors import DatabaseTimeout, InvalidRequest
from recsys.server.embedded import revive
from recsys.serving.arguments import integer
from recsys.settings import Settings

RECYCLE_S = 1800
LONGEST_S = 86_400
# SQLSTATEs of a server that could not go on; the statement is not to blame.
PASSING = {
    "08000",  # the connection is lost
    "08003",
    "08006",
    "57P01",  # the session was ended: the server stops, or an administrator asked for it
    "57P02",
    "40P01",  # a deadlock, which another transaction won
    "40001",  # on a standby: the query blocks what it replays
    "25006",  # read-only: this primary has become a standby
}

_opened: WeakSet[Engine] = WeakSet()

Result = TypeVar("Result")


@dataclass(frozen=True)
class Pools:
    """The pools to read from and to write to; one and the same, unless the URL names several hosts.

    Attributes
    ----------
    timeout
        Seconds for one whole call; None on an engine that the caller owns.
    """

    read: Engine
    write: Engine
    timeout: float | None = None

    def run(self, work: Callable[[Connection], Result], writes: bool = False) -> Result:
        """Do `work` on a connection, and once more on another one if the first is lost.

        `work` must be idempotent: doing it twice is the same as doing it once.

        Raises
        ------
        DatabaseTimeout
            The answer did not come in time.
        DatabaseUnreachable
            There is no server, or it refuses the connection.
        """
        engine = self.engine(writes)
        with self.limited(engine):
            return _run(engine, work)

    @contextmanager
    def connect(self, writes: bool = False) -> Iterator[Connection]:
        """Lend a connection; the time limit is that of all that is done with it.

        Raises
        ------
        DatabaseTimeout, DatabaseUnreachable
            As in `run`; but nothing is tried again.
        """
        engine = self.engine(writes)
        with self.limited(engine), engine.connect() as connection:
            yield connection

    def engine(self, writes: bool) -> Engine:
        """Return the pool to read from, or the one to write to."""
        return self.write if writes else self.read

    @contextmanager
    def limited(self, engine: Engine) -> Iterator[None]:
        """Keep all inside to the time limit, and turn the driver's errors into ours."""
        limit = nullcontext() if self.timeout is None else time_limit(self.timeout)
        with limit, reported_errors():
            try:
                yield
            except PoolTimeout as error:
                assert isinstance(engine.pool, QueuePool)
                seconds = self.timeout or engine.pool.timeout()
                raise DatabaseTimeout(
                    f"no connection was free within {seconds:g} s: all {engine.pool.size()} are "
                    "busy. Raise pool_size, or find out what keeps the database busy"
                ) from error

    def address(self) -> dict[str, object]:
        """Return where the questions go, without the password."""
        url = self.read.url
        return {
            "database": url.database,
            "host": ",".join(hosts(url)),
            "user": url.username,
            "timeout": self.timeout,
        }

    def close(self) -> None:
        """Close the connections."""
        self.read.dispose()
        self.write.dispose()


def _run(engine: Engine, work: Callable[[Connection], Result]) -> Result:
    try:
        with engine.connect() as connection:
            return work(connection)
    except DBAPIError as error:
        cause = error.orig
        if not isinstance(cause, psycopg.Error) or isinstance(cause, pg.ConnectionTimeout):
            raise
        if not error.connection_invalidated and cause.sqlstate not in PASSING:
            raise
        if isinstance(cause, pg.ReadOnlySqlTransaction):
            engine.dispose()  # the other connections lead to it, too
    with engine.connect() as connection:
        return work(connection)


def find_url(url: str | None) -> URL:
    """Return the database's URL to read from; the embedded server is started and made ready."""
    settings = Settings.from_environment()
    if url:
        settings = replace(settings, database_url=url)
    if settings.database_url is None:
        prepared_engine(settings).dispose()
    return database_url(settings, reads=True)


def open_pools(url: URL, pool_size: int, timeout: float, asynchronous: bool = False) -> Pools:
    """Return pools on the database of `url`; nothing is connected yet.

    Raises
    ------
    InvalidRequest
        The size is below 1, or the time-out is not above 0 and at most a day.
    """
    if integer("pool_size", pool_size) < 1:  # to SQLAlchemy, 0 is no limit
        raise InvalidRequest(f"pool_size is {pool_size}: choose 1 or more", "pool_size", pool_size)
    if not 0 < timeout <= LONGEST_S:
        raise InvalidRequest(
            f"timeout is {timeout:g}: choose seconds above 0, at most a day", "timeout", timeout
        )

    def pool(url: URL) -> Engine:
        return _open_pool(url, pool_size, timeout, asynchronous)

    read = pool(url)
    if len(hosts(url)) < 2:
        return Pools(read, read, timeout)
    return Pools(read, pool(url.update_query_dict({"target_session_attrs": "read-write"})), timeout)


def _open_pool(url: URL, pool_size: int, timeout: float, asynchronous: bool) -> Engine:
    # Standbys are tried first, then all hosts: one that hangs leaves time for the others.
    attempts = 2 * len(hosts(url)) if len(hosts(url)) > 1 else 1
    usual = {
        "application_name": "recsys",
        "connect_timeout": str(max(2, int(timeout / attempts))),
        "load_balance_hosts": "random",
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
    }
    # The server then stops when the caller has given up. The URL's own options come later, and win.
    options = f"-c statement_timeout={max(1, round(timeout * 1000))} {url.query.get('options', '')}"
    url = url.set(query={**usual, **url.query, "options": options.strip()})
    settings: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_pre_ping": True,
        "pool_recycle": RECYCLE_S,
        "isolation_level": "AUTOCOMMIT",  # one statement a call: no round trips for BEGIN
    }
    if asynchronous:
        # Imported here: callers without asyncio need not wait for it.
        from sqlalchemy.ext.asyncio import create_async_engine

        engine = create_async_engine(url, poolclass=_AsyncPool, **settings).sync_engine
    else:
        engine = create_engine(url, poolclass=_Pool, **settings)
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "handle_error", _keep_the_others)
    _opened.add(engine)
    return engine


def _leave_to_the_parent() -> None:
    """Begin with no connections after a fork: on a shared one, processes would mix their rows."""
    for engine in _opened:
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_leave_to_the_parent)


class _Limited:
    """Tells the pools how long to wait for a free connection."""

    @property
    def _timeout(self) -> float | None:
        return time_left()

    @_timeout.setter
    def _timeout(self, seconds: float) -> None:
        """Ignore the pool's own setting: it would count from the start of each wait."""


class _Pool(_Limited, QueuePool):  # type: ignore[misc]
    __module__ = QueuePool.__module__  # which names its log: it is none of recsys'


class _AsyncPool(_Limited, AsyncAdaptedQueuePool):  # type: ignore[misc]
    __module__ = AsyncAdaptedQueuePool.__module__


def _connect(
    dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]
) -> object:
    """Connect by the classes that keep the time limit.

    An embedded server that was killed is started again; asyncio's loop waits for that, too.
    """
    revive(str(options.get("host")))
    if dialect.is_async:
        options["async_creator_fn"] = TimedAsyncConnection.connect
        return None  # go on with the options
    return TimedConnection.connect(*arguments, **options)


def _keep_the_others(context: ExceptionContext) -> None:
    """Drop only the broken connection: each one is checked before its use, anyway."""
    context.invalidate_pool_on_disconnect = False
