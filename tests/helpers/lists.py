"""The table of all users' lists beside what the function gives."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

SERVED = """
    select u.user_id, r.rank, r.movie_id, r.score, r.source, r.model_id
    from (select user_id from recsys.ratings union select user_id from recsys.users) u
    cross join lateral recsys.recommend(u.user_id, k => %s) r order by 1, 2
"""
KEPT = """
    select user_id, rank, movie_id, score, source, model_id
    from recsys.recommendations order by 1, 2
"""


def leave_some_users(connection: Connection) -> None:
    """Leave 200 users of the sample: to ask for a long list of each takes a while."""
    for table in ("ratings", "users"):
        connection.exec_driver_sql(f"delete from recsys.{table} where user_id > 200")


def assert_same(connection: Connection, k: int) -> None:
    served = connection.exec_driver_sql(SERVED, (k,)).all()
    kept = connection.exec_driver_sql(KEPT).all()
    assert [(row[0], row[1], *row[4:]) for row in kept] == [
        (row[0], row[1], *row[4:]) for row in served
    ]
    scores = [row[3] for row in served]
    assert [row[3] for row in kept] == pytest.approx(scores, abs=1e-5, rel=1e-5)
    # Films of equal score may change places, or with one that comes after the last.
    truth = {(row[0], row[2]): row[3] for row in served}
    last = {row[0]: row[3] for row in served}
    differ = [abs(truth.get((row[0], row[2]), last[row[0]]) - row[3]) for row in kept]
    assert max(differ, default=0) < 1e-5 * max(1, *map(abs, scores))
