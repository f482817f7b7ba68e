"""A database of each earlier version, with a model and data of that version, comes up to date."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from recsys.database import migrations
from recsys.database.schema import migrations_folder, require_current
from recsys.models.lists import recommend_all

LISTS = (  # of the retrieval: older versions have no order of their own
    "select u, r.movie_id, r.source from generate_series(1, 20) u,"
    " recsys.recommend(u, rerank => false) r order by u, rank"
)
# Tables and columns that every version has.
WRITTEN = """
    insert into recsys.movies (movie_id, title, year)
    values (900001, 'Zzyzx Road', 2006), (900002, 'Éxito (100%%)', null);
    insert into recsys.genres (name) values ('Zarzuela');
    insert into recsys.movie_genres (movie_id, genre_id)
    select 900001, genre_id from recsys.genres where name = 'Zarzuela';
    insert into recsys.users (user_id) values (900001);
    insert into recsys.ratings (user_id, movie_id, rating, rated_at)
    select 900001, m, 5, '2001-02-03' from unnest(array[1, 2, 3, 900001]) m;
    insert into recsys.tags (user_id, movie_id, tag, tagged_at)
    values (900001, 900001, 'desert', '2001-02-03')
"""
KEPT = """
    select (select count(*) from recsys.ratings where user_id = 900001),
        (select min(rated_at)::date::text from recsys.ratings where user_id = 900001),
        (select array_agg(title order by movie_id) from recsys.movies where movie_id > 900000),
        (select string_agg(tag, ',') from recsys.tags where user_id = 900001)
"""
REVISIONS = [
    script.revision
    for script in ScriptDirectory(migrations_folder()).walk_revisions()  # the newest first
][1:]


@pytest.mark.slow
@pytest.mark.parametrize("revision", REVISIONS)
def test_an_older_database_keeps_its_data_and_its_model(
    sample_engine: Engine, revision: str
) -> None:
    with sample_engine.connect() as connection:
        before = connection.exec_driver_sql(LISTS).all()
    migrations.downgrade(sample_engine, revision)
    with sample_engine.begin() as connection:
        # Triggers are still this version's, and an older version's would be theirs.
        connection.exec_driver_sql("set local recsys.bulk = on")
        connection.exec_driver_sql(WRITTEN)
    assert migrations.upgrade(sample_engine) is True
    with sample_engine.begin() as connection:
        require_current(connection)
        run = connection.exec_driver_sql
        assert run(LISTS).all() == before
        assert tuple(run(KEPT).one()) == (
            4,
            "2001-02-03",
            ["Zzyzx Road", "Éxito (100%)"],
            "desert",
        )
        # What was written then is asked about now, with a vector of the model's.
        listed = run("select movie_id, source from recsys.recommend(900001)").all()
        # The first models had no equation to make a new user's vector by.
        assert ("live" in {row.source for row in listed}) is (revision >= "0004")
        assert not {1, 2, 3, 900001} & {row.movie_id for row in listed}
        run("select recsys.refresh_popularity(), recsys.refresh_content()")
        found = run("select movie_id from recsys.popular(1, genres => '{zarzuela}')")
        assert found.scalars().all() == [900001]
        found = run("select movie_id from recsys.search_titles('zzyzx roda', 1)")
        assert found.scalars().all() == [900001]
    assert recommend_all(sample_engine, 3) > 0


ODD_TIMES = """
    update recsys.movies set withdrawn_at = 'infinity' where movie_id = 1;
    insert into recsys.users (user_id, created_at)
    values (900001, '-infinity'), (900002, '2001-02-03Z');
    insert into recsys.ratings values (900001, 1, 5, '-infinity'), (900001, 2, 5, '0044-03-15 BC'),
        (900001, 3, 5, '2001-02-03Z'), (900001, 4, 5, '55840-06-01'), (900001, 5, 5, 'infinity');
    insert into recsys.tags values (900001, 1, 'odd', 'infinity');
    insert into recsys.feedback values (900001, 1, 'seen', '-infinity');
    insert into recsys.impressions (user_id, movie_id, shown_at, rank)
    values (900001, 1, 'infinity', 1), (900001, 1, '55840-06-01', 2), (900001, 1, '9999-12-31Z', 3),
        (900001, 2, 'infinity', 4), (900001, 2, '9999-12-30Z', 5), (900001, 2, '9999-12-29Z', 6),
        (900001, 3, '-infinity', 7), (900001, 3, '0044-03-15 BC', 8), (900001, 3, '2001-02-03Z', 9),
        (900002, 3, '-infinity', 10);
    insert into recsys.experiments (name, started_at, ended_at) values ('a', '-infinity', 'infinity'),
        ('b', '-infinity', '-infinity'), ('c', 'infinity', 'infinity'), ('d', 'infinity', null);
    update recsys.models set data = data || '{"newest_rating": "infinity"}'
"""
LEFT = """
    select 'movies', withdrawn_at, '' from recsys.movies where movie_id = 1
    union all select 'users', created_at, user_id::text from recsys.users where user_id > 900000
    union all select 'ratings', rated_at, movie_id::text
    from recsys.ratings where user_id = 900001
    union all select 'tags', tagged_at, tag from recsys.tags where user_id = 900001
    union all select 'feedback', at, kind from recsys.feedback where user_id = 900001
    union all select 'impressions', shown_at, rank::text
    from recsys.impressions where user_id > 900000
    union all select 'started', started_at, name from recsys.experiments
    union all select 'ended', ended_at, name from recsys.experiments
    union all select 'models', (data ->> 'newest_rating')::timestamptz, '' from recsys.models
"""


def test_times_outside_the_calendar_become_the_nearest_within(sample_engine: Engine) -> None:
    migrations.downgrade(sample_engine, "0021")
    with sample_engine.begin() as connection:
        connection.exec_driver_sql(ODD_TIMES)
    warnings: list[str] = []
    assert migrations.upgrade(sample_engine, warn=warnings.append) is True
    first, known, last = (
        datetime(*day, tzinfo=UTC) for day in ((1, 1, 2), (2001, 2, 3), (9999, 12, 30))
    )
    with sample_engine.connect() as connection:
        assert sorted(map(tuple, connection.exec_driver_sql(LEFT)), key=str) == sorted([
            ("movies", last, ""),
            ("users", first, "900001"), ("users", known, "900002"),
            ("ratings", first, "1"), ("ratings", first, "2"), ("ratings", known, "3"),
            ("ratings", last, "4"), ("ratings", last, "5"),
            ("tags", last, "odd"),
            ("feedback", first, "seen"),
            # Of those that come to be alike, what was nearest.
            ("impressions", last, "3"), ("impressions", last, "5"),
            ("impressions", datetime(9999, 12, 29, tzinfo=UTC), "6"),
            ("impressions", first, "8"), ("impressions", known, "9"), ("impressions", first, "10"),
            ("started", first, "a"), ("ended", last, "a"),
            ("started", first, "b"), ("ended", first, "b"),
            ("started", last, "c"), ("ended", last, "c"),
            ("started", last, "d"), ("ended", None, "d"),
            ("models", last, ""),
        ], key=str)  # fmt: skip
        unchecked = connection.exec_driver_sql(
            "select conname from pg_constraint where not convalidated"
        )
        assert unchecked.all() == []
    moved = "was outside the years 1 to 9999 in {} rows and is now the nearest time within"
    assert warnings == [
        "recsys.impressions: 4 rows deleted, of a film that a user was shown twice outside the "
        "years 1 to 9999",
        *(
            f"recsys.{table}: {column} {moved.format(rows)}"
            for table, column, rows in (
                ("movies", "withdrawn_at", 1),
                ("users", "created_at", 1),
                ("ratings", "rated_at", 4),
                ("tags", "tagged_at", 1),
                ("feedback", "at", 1),
                ("impressions", "shown_at", 3),
                ("experiments", "started_at", 4),
                ("experiments", "ended_at", 3),
            )
        ),
    ]
