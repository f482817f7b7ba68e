"""Locks that take turns, and deadlocks that are tried again."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from recsys.database import locks
from recsys.database.locks import Lock, again_after_deadlock, take
from recsys.errors import DatabaseError
from recsys.loading import load as loading
from recsys.loading.load import load
from recsys.sources.simulated.sample import SampleSource
from tests.helpers.loads import everything


def taken(engine: Engine, lock: Lock) -> None:
    with engine.begin() as connection:
        take(connection, lock)


@pytest.mark.parametrize("lock", Lock)
def test_two_take_turns_and_the_second_says_for_whom(
    engine: Engine, lock: Lock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(locks, "PATIENCE_MS", 50)
    with engine.connect() as first, ThreadPoolExecutor() as threads:
        first.exec_driver_sql("set application_name = 'the first'")
        take(first, lock)
        pid = first.exec_driver_sql("select pg_backend_pid()").scalar()
        with caplog.at_level(logging.WARNING, "recsys"):
            second = threads.submit(taken, engine, lock)
            while not caplog.records:
                assert not second.done()
        [record] = caplog.records
        assert f"another {lock.name.lower()} to end: process {pid} of " in record.getMessage()
        assert "(the first), since 2" in record.getMessage()
        assert not second.done()
        first.rollback()
        second.result(timeout=30)


def test_the_sessions_own_limit_stays(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("set local lock_timeout = '7min'")
        take(connection, Lock.LOAD)
        assert connection.exec_driver_sql("show lock_timeout").scalar() == "7min"


def test_a_load_and_a_merge_take_turns(sample_engine: Engine) -> None:
    with sample_engine.connect() as merging, sample_engine.connect() as other:
        take(other, Lock.LOAD)
        merging.exec_driver_sql("set local lock_timeout = '50ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            merging.exec_driver_sql("select recsys.merge_movies(1, 2)")


@pytest.mark.parametrize("role", ["recsys_reader", "recsys_app"])
@pytest.mark.parametrize("lock", [Lock.LOAD, Lock.REFRESH])
def test_the_roles_keep_none_waiting(engine: Engine, role: str, lock: Lock) -> None:
    with engine.connect() as connection, engine.connect() as owner:
        connection.exec_driver_sql(f"set local role {role}")
        connection.exec_driver_sql(
            "select pg_advisory_lock(n) from generate_series(7237002, 7237003) n"
        )
        owner.exec_driver_sql("set local statement_timeout = '20s'")
        take(owner, lock)
        owner.rollback()
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.exec_driver_sql(f"lock table {lock.value} in share update exclusive mode")


def lose(connection: Connection) -> None:
    connection.exec_driver_sql("do $$ begin raise exception 'lost' using errcode = '40P01'; end $$")


@pytest.mark.parametrize("times", [1, locks.TRIES])
def test_a_load_that_loses_a_deadlock_begins_anew(
    engine: Engine, sample_engine: Engine, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[int] = []
    run = loading._Load.run

    def losing(self: loading._Load, replace_all: bool) -> None:
        run(self, replace_all)
        if len(lost) < times:
            lost.append(1)
            lose(self.connection)

    before = everything(engine)
    monkeypatch.setattr(loading._Load, "run", losing)
    if times < locks.TRIES:
        report = load(engine, SampleSource())
        assert report.kinds["movies"].read == 150
        assert report.total.read == report.total.loaded
        assert len(everything(engine)) == len(everything(sample_engine))
    else:
        with pytest.raises(DatabaseError, match="lost"):
            load(engine, SampleSource())
        assert everything(engine) == before
    assert len(lost) == times


def test_other_errors_are_not_tried_again() -> None:
    calls: list[Exception] = []

    def fail(error: Exception) -> None:
        calls.append(error)
        raise error

    for error, tries in ((OperationalError("", {}, ValueError()), 1), (DeadlockDetected(), 5)):
        calls.clear()
        with pytest.raises(type(error)):
            again_after_deadlock(lambda error=error: fail(error))  # type: ignore[misc]
        assert len(calls) == tries
