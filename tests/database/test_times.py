"""Times that applications write: of the years 1 to 9999 in every time zone, refused otherwise."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

WRITES = {
    "movies.withdrawn_at": "update recsys.movies set withdrawn_at = %s where movie_id = 1",
    "users.created_at": "insert into recsys.users (user_id, created_at) values (7, %s)",
    "ratings.rated_at": "insert into recsys.ratings values (7, 1, 4, %s)",
    "tags.tagged_at": "insert into recsys.tags values (7, 1, 'odd', %s)",
    "feedback.at": "insert into recsys.feedback values (7, 1, 'seen', %s)",
    "impressions.shown_at": "insert into recsys.impressions values (7, %s, 1, 1)",
    "experiments.started_at": "insert into recsys.experiments values ('a', %s)",
    "experiments.ended_at": "insert into recsys.experiments values ('a', '0001-01-02Z', %s)",
}
FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


@pytest.fixture
def films(sample: Connection) -> Connection:
    """A connection, rolled back; user 7 has written nothing."""
    for table in ("ratings", "tags", "feedback", "impressions", "users"):
        sample.exec_driver_sql(f"delete from recsys.{table} where user_id = 7")
    return sample


@pytest.mark.parametrize("column", WRITES)
@pytest.mark.parametrize(
    "odd",
    ["infinity", "-infinity", "0044-03-15 BC", "0001-01-01 23:59:59.999999Z",
     "9999-12-30 00:00:00.000001Z", "55840-06-01"],
)  # fmt: skip
def test_a_time_outside_the_calendar_is_refused(films: Connection, column: str, odd: str) -> None:
    table, _, name = column.partition(".")
    with pytest.raises(IntegrityError, match=f"ck_{table}_{name}") as refused:
        films.exec_driver_sql(WRITES[column], (odd,))
    assert refused.value.orig.sqlstate == "23514"  # type: ignore[union-attr]


@pytest.mark.parametrize("column", WRITES)
@pytest.mark.parametrize("zone", ["Asia/Manila", "UTC", "Pacific/Kiritimati"])
def test_the_first_and_the_last_time_are_read_in_every_zone(
    films: Connection, column: str, zone: str
) -> None:
    table, _, name = column.partition(".")
    films.exec_driver_sql(f"set local timezone = '{zone}'")
    for time in (FIRST, LAST):
        with films.begin_nested() as written:
            films.exec_driver_sql(WRITES[column], (time,))
            found = films.exec_driver_sql(f"select {name} from recsys.{table}").scalars()
            assert time in [one.astimezone(UTC) for one in found if one is not None]
            written.rollback()


@pytest.mark.parametrize("odd", ["infinity", "-infinity", "9999-12-31Z", "0001-01-01Z"])
def test_an_argument_is_refused_by_its_name(films: Connection, odd: str) -> None:
    with pytest.raises(DBAPIError, match=r"^[^\n]*rated_at is '.*': choose a time") as refused:
        films.exec_driver_sql("select recsys_internal.check_time('rated_at', %s)", (odd,))
    assert refused.value.orig.sqlstate == "22023"  # type: ignore[union-attr]
