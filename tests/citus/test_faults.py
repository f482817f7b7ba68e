"""A worker that is gone or hangs: its users hear so at once, all others are answered."""

from __future__ import annotations

import time

import pytest

from recsys import Recommender
from recsys.errors import DatabaseError, DatabaseTimeout
from tests.citus.conftest import Pair, open_engine
from tests.helpers.citus import Node
from tests.helpers.servers import frozen

pytestmark = pytest.mark.citus

USERS = list(range(1, 41))
WHERE = """
    select s.nodeport from citus_shards s
    where s.table_name = 'recsys.ratings'::regclass
      and s.shardid = get_shard_id_for_distribution_column('recsys.ratings', %s)
"""


def placed(pair: Pair, node: Node) -> list[int]:
    """Those of `USERS` whose rows the node has."""
    with open_engine(pair.divided).connect() as connection:
        return [
            user
            for user in USERS
            if connection.exec_driver_sql(WHERE, (user,)).scalar_one() == node.running.port
        ]


def test_users_of_a_stopped_worker_fail_and_others_go_on(pair: Pair, nodes: list[Node]) -> None:
    worker = nodes[1]
    gone = placed(pair, worker)
    assert 0 < len(gone) < len(USERS)
    with Recommender(pair.divided, timeout=10) as recommender:
        assert all(len(recommender.recommend(user)) == 10 for user in USERS)
        worker.cluster.stop()
        try:
            for user in USERS:
                start = time.monotonic()
                if user in gone:
                    with pytest.raises(DatabaseError, match=r"does not answer"):
                        recommender.recommend(user)
                else:
                    assert len(recommender.recommend(user)) == 10
                assert time.monotonic() - start < 5
            with pytest.raises(DatabaseError):
                recommender.rate(gone[0], 1, 5)
        finally:
            worker.cluster.start(worker.running.port)
        assert all(len(recommender.recommend(user)) == 10 for user in USERS)


def test_a_frozen_worker_holds_a_call_no_longer_than_its_time_out(
    pair: Pair, nodes: list[Node]
) -> None:
    worker = nodes[2]
    user = placed(pair, worker)[0]
    with Recommender(pair.divided, timeout=2) as recommender:
        assert len(recommender.recommend(user)) == 10
        with frozen(worker.cluster):
            start = time.monotonic()
            with pytest.raises(DatabaseTimeout):
                recommender.recommend(user)
            assert time.monotonic() - start < 6
        assert len(recommender.recommend(user)) == 10
