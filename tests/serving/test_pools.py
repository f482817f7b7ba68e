"""The pools of Recommender and AsyncRecommender: what they do when the server fails or is busy."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, QueuePool, create_engine, make_url

from recsys import (
    Answers,
    AsyncRecommender,
    DatabaseError,
    DatabaseTimeout,
    DatabaseUnreachable,
    InvalidRequest,
    Recommender,
    RecsysError,
)
from recsys.database.engine import database_url
from recsys.database.migrations import prepared_engine
from recsys.server.embedded import EmbeddedServer, embedded_server
from recsys.settings import Settings
from tests.helpers.forked import start
from tests.helpers.servers import frozen, url_of

HANGS_S = 60  # of statements that something else must end


def in_trouble(engine: Engine, first: str) -> str:
    """Let `first` happen to the first caller that asks for a user's vector; return the URL."""
    with engine.begin() as connection:
        connection.exec_driver_sql("create sequence public.asked")
        connection.exec_driver_sql(f"""
            create or replace function recsys.user_vector(
                user_id bigint, model_id bigint default null)
            returns public.vector language plpgsql as $$
            begin
                if nextval('public.asked') = 1 then {first}; end if;
                return '[1,2]';
            end $$
        """)
    return url_of(engine)


def times_asked(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("select last_value from public.asked").scalar_one())


def kill_sessions(engine: Engine, state: str) -> int:
    """Kill the sessions of recommenders in this state, once there are any."""
    with engine.connect() as connection:
        while True:
            killed = connection.exec_driver_sql(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'recsys' and datname = current_database()"
                " and state = %s and (state = 'idle' or wait_event = 'PgSleep')",  # within the call
                (state,),
            ).all()
            if killed:
                return len(killed)
            time.sleep(0.01)
            connection.rollback()


@pytest.mark.parametrize(
    "given", [{"pool_size": 0}, {"timeout": 0}, {"timeout": float("nan")}, {"timeout": 1e9}]
)
def test_pools_that_cannot_be(engine: Engine, given: dict[str, Any]) -> None:
    (name,) = given
    with pytest.raises(InvalidRequest, match=name):
        Recommender(url_of(engine), **given)


def session_ids(engine: Engine, connections: int) -> set[int]:
    """Let so many connections of a pool be open; return the numbers of their sessions."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(engine.connect()) for _ in range(connections)]
        return {each.exec_driver_sql("select pg_backend_pid()").scalar_one() for each in opened}


def ask_on_both_sides_of_a_fork(url: str) -> None:
    with Recommender(url) as recommender:
        before = session_ids(recommender._pools.read, 2)
        if (child := os.fork()) == 0:
            after = session_ids(recommender._pools.read, 2)
            os._exit(bool(before & after))
        assert os.waitpid(child, 0)[1] == 0
        assert session_ids(recommender._pools.read, 2) == before


def test_a_fork_has_connections_of_its_own(engine: Engine) -> None:
    process = start(ask_on_both_sides_of_a_fork, url_of(engine))
    process.join()
    assert process.exitcode == 0


def test_connections_killed_while_idle_are_replaced(engine: Engine) -> None:
    with Recommender(url_of(engine)) as recommender:
        for ask in (recommender.recommend, recommender.user_vector):
            session_ids(recommender._pools.read, 3)
            assert kill_sessions(engine, "idle") == 3
            assert not ask(1)
        session_ids(recommender._pools.read, 3)
        assert kill_sessions(engine, "idle") == 3
        with pytest.raises(InvalidRequest, match="unknown movie: 1"):
            recommender.rate(1, 1, 4)


def test_a_question_whose_connection_is_killed_is_asked_again(engine: Engine) -> None:
    url = in_trouble(engine, f"perform pg_sleep({HANGS_S})")
    with Recommender(url, timeout=HANGS_S) as recommender:
        killer = threading.Thread(target=kill_sessions, args=(engine, "active"))
        killer.start()
        assert recommender.user_vector(1) is not None
        killer.join()
    assert times_asked(engine) == 2


def test_so_it_is_in_asyncio(engine: Engine) -> None:
    url = in_trouble(engine, f"perform pg_sleep({HANGS_S})")

    async def main() -> None:
        async with AsyncRecommender(url, timeout=HANGS_S) as recommender:
            killer = asyncio.create_task(asyncio.to_thread(kill_sessions, engine, "active"))
            assert await recommender.user_vector(1) is not None
            await killer

    asyncio.run(main())
    assert times_asked(engine) == 2


@pytest.mark.parametrize("state", ["08006", "40001", "40P01", "25006"])
def test_what_passes_is_asked_again(engine: Engine, state: str) -> None:
    url = in_trouble(engine, f"raise exception 'no luck' using errcode = '{state}'")
    with Recommender(url) as recommender:
        assert recommender.user_vector(1) is not None
    assert times_asked(engine) == 2


def test_what_does_not_pass_is_not(engine: Engine) -> None:
    url = in_trouble(engine, "raise exception 'no luck'")
    with Recommender(url) as recommender, pytest.raises(DatabaseError, match="no luck"):
        recommender.user_vector(1)
    assert times_asked(engine) == 1


def test_a_statement_that_takes_too_long(engine: Engine) -> None:
    url = in_trouble(engine, f"perform pg_sleep({HANGS_S})")
    with Recommender(url, timeout=1) as recommender:
        with pytest.raises(DatabaseTimeout, match="within 1 s"):
            recommender.user_vector(1)
        assert recommender.user_vector(1) is not None
    with engine.connect() as connection:  # the server ends it by itself, soon
        while connection.exec_driver_sql(
            "select count(*) from pg_stat_activity where state = 'active'"
            " and application_name = 'recsys' and datname = current_database()"
        ).scalar():
            time.sleep(0.05)
            connection.rollback()
    assert times_asked(engine) == 2


def with_options(url: str, options: str) -> str:
    given = make_url(url).update_query_dict({"options": options})
    return given.render_as_string(hide_password=False)


def test_a_time_out_costs_one_connection(engine: Engine) -> None:
    url = in_trouble(engine, f"perform pg_sleep({HANGS_S})")
    # The server's own limit is off: the client closes the connection.
    with Recommender(with_options(url, "-c statement_timeout=0"), timeout=0.3) as recommender:
        before = session_ids(recommender._pools.read, 3)
        with pytest.raises(DatabaseTimeout):
            recommender.user_vector(1)
        assert len(before & session_ids(recommender._pools.read, 3)) == 2
    kill_sessions(engine, "active")


def test_the_servers_own_time_out_is_one(engine: Engine) -> None:
    url = in_trouble(engine, f"perform pg_sleep({HANGS_S})")
    with (
        Recommender(with_options(url, "-c statement_timeout=50")) as recommender,
        pytest.raises(DatabaseTimeout, match="statement timeout"),
    ):
        recommender.user_vector(1)
    assert times_asked(engine) == 1


def test_options_of_the_url_leave_the_servers_time_out(engine: Engine) -> None:
    with (
        Recommender(with_options(url_of(engine), "-c work_mem=5MB"), timeout=3) as recommender,
        recommender._pools.read.connect() as connection,
    ):
        assert connection.exec_driver_sql("show work_mem").scalar() == "5MB"
        assert connection.exec_driver_sql("show statement_timeout").scalar() == "3s"


def test_a_primary_that_has_become_a_standby_is_left(sample_engine: Engine) -> None:
    with Recommender(url_of(sample_engine), pool_size=1) as recommender:
        with recommender._pools.write.connect() as connection:
            connection.exec_driver_sql("set default_transaction_read_only = on")
        assert len(recommender.recommend(1)) == 10
        recommender.rate(-5, 1, 4)  # on a connection to wherever the primary is now
        assert recommender.recommend(-5)[0].source == "live"


def test_a_rating_for_a_standby_alone_says_what_to_name(sample_engine: Engine) -> None:
    url = sample_engine.url.update_query_dict({"options": "-c default_transaction_read_only=on"})
    with Recommender(url.render_as_string(hide_password=False)) as recommender:
        assert len(recommender.recommend(1)) == 10
        with pytest.raises(DatabaseError, match="Name its primary"):
            recommender.rate(1, 1, 4)


def test_no_connection_is_free(engine: Engine) -> None:
    with Recommender(url_of(engine), pool_size=2, timeout=0.2) as recommender:
        pool = recommender._pools.read
        with pool.connect() as held, pool.connect():
            later = threading.Timer(10, held.close)  # a longer wait gets an answer
            later.start()
            with pytest.raises(
                DatabaseTimeout, match=r"within 0.2 s: all 2 are busy. Raise pool_size"
            ):
                recommender.recommend(1)
            later.cancel()
        assert recommender.recommend(1) == []


def test_no_connection_of_another_engine_is_free(engine: Engine) -> None:
    small = create_engine(engine.url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    with small.connect(), pytest.raises(DatabaseTimeout, match=r"within 0.1 s: all 1 are busy"):
        Recommender.on(small).recommend(1)
    small.dispose()


def test_fifty_at_once_through_three_connections(server_url: Any, sample_name: str) -> None:
    url = server_url.set(database=sample_name).render_as_string(hide_password=False)

    async def main() -> None:
        async with AsyncRecommender(url, pool_size=3) as recommender:
            answers = await asyncio.gather(*(recommender.recommend(user) for user in range(50)))
            pool = pool_of(recommender)
            assert pool.checkedout() == 0
            assert 0 < pool.checkedin() <= 3
        with Recommender(url, pool_size=3) as blocking, ThreadPoolExecutor(10) as threads:
            assert list(threads.map(blocking.recommend, range(50))) == list(answers)

    asyncio.run(main())


def pool_of(recommender: AsyncRecommender) -> QueuePool:
    assert recommender._pools is not None
    pool = recommender._pools.read.pool
    assert isinstance(pool, QueuePool)
    return pool


def test_cancelled_tasks_give_their_connections_back(server_url: Any, sample_name: str) -> None:
    url = server_url.set(database=sample_name).render_as_string(hide_password=False)
    random.seed(0)

    async def main() -> None:
        async with AsyncRecommender(url, pool_size=3) as recommender:
            for _ in range(5):
                tasks = [asyncio.create_task(recommender.recommend(user)) for user in range(20)]
                await asyncio.sleep(random.random() / 30)
                for task in random.sample(tasks, 15):
                    task.cancel()
                done = await asyncio.gather(*tasks, return_exceptions=True)
                assert all(isinstance(each, Answers | asyncio.CancelledError) for each in done)
                assert sum(isinstance(each, Answers) for each in done) >= 5
                assert pool_of(recommender).checkedout() == 0
            await asyncio.gather(*(recommender.recommend(user) for user in range(3)))

    asyncio.run(main())


def test_it_opens_at_the_first_question_once(engine: Engine) -> None:
    async def main() -> None:
        await AsyncRecommender(url_of(engine)).close()  # nothing is open
        recommender = AsyncRecommender(url_of(engine), pool_size=3)
        await asyncio.gather(*(recommender.recommend(1) for _ in range(5)))
        pools = recommender._pools
        await recommender.recommend(1)
        assert recommender._pools is pools
        await recommender.close()

    asyncio.run(main())


def test_a_url_that_leads_nowhere_is_said(engine: Engine) -> None:
    nowhere = url_of(engine).replace(str(engine.url.database), "no_such_database")
    with pytest.raises(DatabaseUnreachable, match="no_such_database"):
        Recommender(nowhere)

    async def main() -> None:
        recommender = AsyncRecommender(nowhere)
        with pytest.raises(DatabaseUnreachable, match="no_such_database"):
            await recommender.recommend(1)
        with pytest.raises(DatabaseUnreachable, match="no_such_database"):
            async with recommender:
                pass

    asyncio.run(main())


def test_a_second_event_loop_is_refused_in_words(engine: Engine) -> None:
    recommender = AsyncRecommender(url_of(engine))

    async def main() -> None:
        await recommender.recommend(1)

    async def close() -> None:
        await recommender.close()

    with asyncio.Runner() as runner:
        runner.run(main())
        with pytest.raises(RecsysError, match="make one in each loop"):
            asyncio.run(main())
        runner.run(close())


def test_a_server_that_takes_no_more_says_so(engine: Engine) -> None:
    password = uuid.uuid4().hex
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"create role crowded login connection limit 0 password '{password}'"
        )
    try:
        url = engine.url.set(username="crowded", password=password)
        with pytest.raises(DatabaseUnreachable, match="Lower pool_size"):
            Recommender(url.render_as_string(hide_password=False))
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("drop role crowded")


@pytest.fixture(scope="module")
def own_server() -> Iterator[tuple[EmbeddedServer, str]]:
    """A server that may be stopped, with the schema, and its URL."""
    home = Path(tempfile.mkdtemp(prefix="recsys-service-"))
    home.chmod(0o711)  # as root, the server's user passes through
    settings = Settings(database_url=None, home=home)
    server = embedded_server(home)
    with server.acquire().connect() as connection:
        connection.autocommit = True  # nothing here outlives the run, so nothing need be synced
        connection.execute("alter system set fsync = off")
        connection.execute("select pg_reload_conf()")
    prepared_engine(settings).dispose()
    yield server, database_url(settings).render_as_string(hide_password=False)
    server.stop()
    server.release()
    shutil.rmtree(home)


def test_a_stopped_server_is_said_and_a_started_one_answers(
    own_server: tuple[EmbeddedServer, str],
) -> None:
    server, url = own_server

    async def main() -> None:
        with Recommender(url, timeout=HANGS_S) as blocking:
            async with AsyncRecommender(url, timeout=HANGS_S) as awaiting:
                blocking.recommend(1)
                await awaiting.recommend(1)
                server.cluster.stop()
                for _ in range(2):
                    with pytest.raises(DatabaseUnreachable, match="No such file") as caught:
                        blocking.recommend(1)
                    assert not isinstance(caught.value, DatabaseTimeout)
                    with pytest.raises(DatabaseUnreachable, match="No such file"):
                        await awaiting.recommend(1)
                with pytest.raises(DatabaseUnreachable, match="No such file"):
                    Recommender(url)
                server.cluster.start(None)
                assert blocking.recommend(1) == []
                assert await awaiting.recommend(1) == []

    asyncio.run(main())


def test_a_server_that_hangs_is_said_and_one_that_goes_on_answers(
    own_server: tuple[EmbeddedServer, str],
) -> None:
    server, url = own_server

    async def main() -> None:
        with Recommender(url, timeout=0.3) as blocking:
            async with AsyncRecommender(url, timeout=0.3) as awaiting:
                blocking.recommend(1)
                await awaiting.recommend(1)
                with frozen(server.cluster):
                    for _ in range(2):  # on the connection that is open, and on a new one
                        with pytest.raises(DatabaseTimeout, match=r"within 0.3 s"):
                            blocking.recommend(1)
                        with pytest.raises(DatabaseTimeout, match=r"within 0.3 s"):
                            await awaiting.recommend(1)
                assert blocking.recommend(1) == []
                assert await awaiting.recommend(1) == []

    asyncio.run(main())


def test_a_task_is_cancelled_at_once_whatever_the_server_does(
    own_server: tuple[EmbeddedServer, str],
) -> None:
    server, url = own_server

    async def main() -> None:
        async with AsyncRecommender(url, timeout=HANGS_S) as recommender:
            await recommender.recommend(1)
            with frozen(server.cluster):
                begun = time.monotonic()
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(recommender.recommend(1), 0.1)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(recommender.recommend(1), 0.1)
                # The driver would ask such a server to cancel the statement, and wait for it.
                assert time.monotonic() - begun < 5
            assert pool_of(recommender).checkedout() == 0
            assert await recommender.recommend(1) == []

    asyncio.run(main())
