"""A database of each earlier version, with a model and data of that version, comes up to date."""

from __future__ import annotations

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
