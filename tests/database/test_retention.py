"""Old impressions are deleted in batches, and nothing else."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from recsys.database.retention import delete_impressions
from recsys.errors import InvalidRequest
from tests.helpers.databases import add_films

LOWEST, HIGHEST = -(2**63), 2**63 - 1


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_old_impressions_go_and_young_ones_stay(engine: Engine, batch: int) -> None:
    users = [LOWEST, -5, 0, 3, 4, 5, HIGHEST]
    with engine.begin() as connection:
        add_films(connection, *((number, f"Film {number}", 2000) for number in (1, 2, 3)))
        for age in ("1 day", "12 months", "14 months", "3 years"):
            connection.exec_driver_sql(
                "insert into recsys.impressions (user_id, movie_id, rank, shown_at)"
                f" select u, m, 1, now() - interval '{age}'"
                " from unnest(%s::bigint[]) u, generate_series(1, 3) m",
                (users,),
            )
    told: list[tuple[int, int | None]] = []

    def progress(what: str, done: int, of: int | None = None, note: str = "") -> None:
        told.append((done, of))

    assert delete_impressions(engine, "13 months", progress, batch) == len(users) * 6
    assert delete_impressions(engine, "13 months", batch=batch) == 0
    assert told == sorted(told)
    if batch == 1000:
        assert told == [(84, 84)]
    with engine.connect() as connection:
        left = connection.exec_driver_sql(
            "select count(*), min(shown_at) > now() - interval '13 months' from recsys.impressions"
        ).one()
    assert tuple(left) == (len(users) * 6, True)


def test_an_age_that_is_none_is_refused(engine: Engine) -> None:
    with pytest.raises(InvalidRequest, match="interval"):
        delete_impressions(engine, "13 moons")
