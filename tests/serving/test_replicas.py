"""Several hosts in one URL: reads go to a standby, writes to the primary, whichever it is."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from recsys import AsyncRecommender, DatabaseTimeout, DatabaseUnreachable, Recommender
from recsys.database.engine import open_engine
from recsys.database.migrations import upgrade
from recsys.server.cluster import SUPERUSER, Cluster, Running
from recsys.server.user import private_folder, server_user
from recsys.settings import Settings
from tests.helpers.calls import CALLS, learn
from tests.helpers.servers import frozen

SCALING = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
BACKUP = re.compile(r"^pg_basebackup .*$", re.MULTILINE)
URLS = re.compile(r"^postgresql://app@standby,primary/recsys\?(\S+)$", re.MULTILINE)
WHERE = """
    create or replace function recsys.user_vector(user_id bigint, model_id bigint default null)
    returns public.vector language sql as
    $$ select public.vector(case when pg_is_in_recovery() then '[1]' else '[0]' end) $$
"""


class Pair:
    """A primary and its standby, which tell which of them answers."""

    def __init__(self, base: Path, fill: Callable[[Engine], object]) -> None:
        self.primary, self.standby = Cluster(base / "primary"), Cluster(base / "standby")
        running = self.primary.start(None)
        with running.connect() as connection:
            connection.autocommit = True
            connection.execute("alter system set fsync = off")
            connection.execute("select pg_reload_conf()")
            connection.execute("create database recsys")
        engine = open_engine(self.settings(self.primary))
        upgrade(engine)
        fill(engine)
        engine.dispose()
        command = BACKUP.search(SCALING)[0].split()  # type: ignore[index]
        values = {"primary": str(running.socket_folder), "data": str(self.standby.data)}
        user = server_user()
        private_folder(self.standby.base, user)
        done = self.standby._run(
            user,
            *(values.get(word, word) for word in command),
            *("--username", SUPERUSER, "--no-sync"),
        )
        assert done.returncode == 0, done.stdout
        self.standby.start(None)

    def settings(self, *clusters: Cluster) -> Settings:
        folders = ",".join(str(cluster.base.resolve()) for cluster in clusters)
        ports = ",".join("5432" for _ in clusters)
        url = f"postgresql://{SUPERUSER}@/recsys?host={folders}&port={ports}"
        return Settings(database_url=url, home=self.primary.base)

    @property
    def url(self) -> str:
        return str(self.settings(self.primary, self.standby).database_url)

    def running(self, cluster: Cluster) -> Running:
        running = cluster.running()
        assert running is not None
        return running

    def rating(self, cluster: Cluster) -> float | None:
        engine = open_engine(self.settings(cluster))
        with engine.connect() as connection:
            found: float | None = connection.exec_driver_sql(
                "select rating from recsys.ratings"
            ).scalar()
        engine.dispose()
        return found


def tell_where(engine: Engine) -> None:
    """Let `user_vector` tell which server answers."""
    with engine.begin() as connection:
        connection.exec_driver_sql(WHERE)
        connection.exec_driver_sql("insert into recsys.movies (movie_id, title) values (1, 'Up')")


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    base = Path(tempfile.mkdtemp(prefix="recsys-pair-"))
    base.chmod(0o711)  # as root, the server's user passes through
    pair = Pair(base, getattr(request, "param", tell_where))
    yield pair
    pair.standby.stop()
    pair.primary.stop()
    shutil.rmtree(base)


def standby_answers(recommender: Recommender) -> bool:
    vector = recommender.user_vector(1)
    assert vector is not None
    return bool(vector[0])


@pytest.mark.slow
def test_reads_and_writes_find_their_servers(pair: Pair) -> None:
    engine = open_engine(pair.settings(pair.standby, pair.primary))
    with engine.connect() as connection:  # commands write
        assert connection.exec_driver_sql("select pg_is_in_recovery()").scalar() is False
    engine.dispose()

    async def main() -> None:
        async with AsyncRecommender(pair.url, pool_size=3) as recommender:
            vectors = await asyncio.gather(*(recommender.user_vector(1) for _ in range(6)))
            assert [vector[0] for vector in vectors if vector is not None] == [1] * 6
            await recommender.rate(1, 1, 3)

    asyncio.run(main())
    assert pair.rating(pair.primary) == 3
    with Recommender(pair.url) as recommender:
        assert standby_answers(recommender)
        recommender.rate(1, 1, 4)
        assert pair.rating(pair.primary) == 4
        deadline = time.monotonic() + 30
        while pair.rating(pair.standby) != 4:
            assert time.monotonic() < deadline
            time.sleep(0.05)

        pair.standby.stop()
        assert not standby_answers(recommender)
        recommender.rate(1, 1, 5)
        pair.standby.start(None)
    with Recommender(pair.url) as recommender:
        assert standby_answers(recommender)
        recommender.rate(1, 1, 5)
        while pair.rating(pair.standby) != 5:
            assert time.monotonic() < deadline
            time.sleep(0.05)

        pair.primary.stop()
        assert standby_answers(recommender)
        with pytest.raises(DatabaseUnreachable):
            recommender.rate(1, 1, 2)
        with pair.running(pair.standby).connect() as promoted:
            assert promoted.execute("select pg_promote()").fetchone() == (True,)
        recommender.rate(1, 1, 1)
        assert pair.rating(pair.standby) == 1
        assert not standby_answers(recommender)


@pytest.mark.slow
def test_a_standby_that_hangs_costs_one_time_out(pair: Pair) -> None:
    with Recommender(pair.url, timeout=6) as recommender:
        assert standby_answers(recommender)
        with frozen(pair.standby):
            with pytest.raises(DatabaseTimeout):
                recommender.user_vector(1)
            assert not standby_answers(recommender)
            recommender.rate(1, 1, 4)
        assert pair.rating(pair.primary) == 4


@pytest.mark.slow
@pytest.mark.parametrize("pair", [learn], indirect=True)
def test_a_standby_answers_as_the_primary_and_takes_its_place(pair: Pair) -> None:
    folders = ",".join(str(one.base.resolve()) for one in (pair.standby, pair.primary))
    reads, writes = (
        f"postgresql://{SUPERUSER}@/recsys?host={folders}&port=5432,5432&{attributes}"
        for attributes in URLS.findall(SCALING)
    )
    calls = [f"select * from {call}" for some in CALLS.values() for call in some]

    with psycopg.connect(reads) as standby, psycopg.connect(writes) as primary:
        assert standby.execute("select pg_is_in_recovery()").fetchone() == (True,)
        assert primary.execute("select pg_is_in_recovery()").fetchone() == (False,)
        for call in calls:
            assert standby.execute(call).fetchall() == primary.execute(call).fetchall(), call

    with psycopg.connect(reads) as standby:
        before = [standby.execute(call).fetchall() for call in calls]
    pair.primary.stop()
    with pair.running(pair.standby).connect() as promoted:
        assert promoted.execute("select pg_promote()").fetchone() == (True,)
    with psycopg.connect(writes) as new:
        assert [new.execute(call).fetchall() for call in calls] == before
        new.execute("insert into recsys.ratings (user_id, movie_id, rating) values (-7, 1, 5)")
        shown = new.execute("select movie_id from recsys.recommend(-7)").fetchall()
        assert shown
        assert (1,) not in shown
