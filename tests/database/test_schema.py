"""The schema: migrations up and down, sql/ installed whole, nothing undocumented."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, Connection, Engine

from recsys.database import install, migrations
from recsys.database.engine import libpq_url
from recsys.database.schema import expected_stamp, require_current, schema_stamp, sql_folder
from recsys.database.tables import metadata
from recsys.errors import DatabaseError, DatabaseOutOfDate
from recsys.server.cluster import binaries
from tests.helpers.databases import open_database

SCHEMAS = "('recsys', 'recsys_internal', 'recsys_bi')"

DEFINITIONS = f"""
    select p.oid::regprocedure::text as name, pg_get_functiondef(p.oid) as definition,
        obj_description(p.oid, 'pg_proc') as comment
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in {SCHEMAS}
    union all
    select c.oid::regclass::text, pg_get_viewdef(c.oid), obj_description(c.oid, 'pg_class')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in {SCHEMAS} and c.relkind in ('v', 'm')
    order by 1
"""


def definitions(connection: Connection) -> list[tuple[str, str, str | None]]:
    return [(row[0], row[1], row[2]) for row in connection.exec_driver_sql(DEFINITIONS)]


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    with engine.connect() as connection:
        before = definitions(connection)
    assert before
    assert migrations.upgrade(engine) is False
    with engine.connect() as connection:
        assert definitions(connection) == before


def test_down_to_base_and_up_again(engine: Engine) -> None:
    with engine.connect() as connection:
        before = definitions(connection)
    migrations.downgrade(engine, "base")
    with engine.connect() as connection:
        left = connection.exec_driver_sql(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema like 'recsys%%'"
        ).all()
        assert left == [("recsys", "alembic_version")]
        with pytest.raises(DatabaseOutOfDate, match="recsys db upgrade"):
            require_current(connection)
    assert migrations.upgrade(engine) is True
    with engine.connect() as connection:
        assert definitions(connection) == before
        require_current(connection)


def test_down_by_one_and_up_again_keeps_the_models(sample_engine: Engine) -> None:
    lists = (  # of the retrieval: the older schema has no rankers
        "select u, r.* from generate_series(1, 20) u, recsys.recommend(u, rerank => false) r "
        "order by u, rank"
    )
    hnsw = (
        "select count(*) from pg_indexes where schemaname = 'recsys' and indexdef like '%%hnsw%%'"
    )
    with sample_engine.connect() as connection:
        before = [row.movie_id for row in connection.exec_driver_sql(lists)]
        assert connection.exec_driver_sql(hnsw).scalar() == 2
    migrations.downgrade(sample_engine, "0003")
    with sample_engine.connect() as connection:
        assert connection.exec_driver_sql(hnsw).scalar() == 0
        with pytest.raises(DatabaseOutOfDate):
            require_current(connection)
    assert migrations.upgrade(sample_engine) is True
    with sample_engine.connect() as connection:
        # As a model of that version: no index, and vectors that stay as they are.
        assert [row.movie_id for row in connection.exec_driver_sql(lists)] == before


def test_the_tables_are_those_of_the_migrations(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == "recsys",
                "include_object": lambda obj, name, kind, *_: name != "alembic_version",
                "compare_server_default": False,
            },
        )
        # Comments live in the migrations alone.
        found = [
            change
            for change in compare_metadata(context, metadata)
            if not (
                isinstance(change, tuple)
                and change[0] in ("add_table_comment", "remove_table_comment")
            )
            and not (isinstance(change, list) and change[0][0] == "modify_comment")
        ]
    assert found == []


def test_constraints_and_indexes_are_named_by_the_convention(engine: Engine) -> None:
    with engine.connect() as connection:
        names = connection.exec_driver_sql("""
            select t.relname, c.conname, case c.contype when 'p' then 'pk' when 'f' then 'fk'
                when 'u' then 'uq' when 'c' then 'ck' end
            from pg_constraint c join pg_class t on t.oid = c.conrelid
            where c.connamespace = 'recsys'::regnamespace and c.contype <> 'n'
            union all
            select t.relname, i.relname, 'ix' from pg_index x
            join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
            where i.relnamespace = 'recsys'::regnamespace
              and not exists (select from pg_constraint c where c.conindid = i.oid)
        """).all()
    own = [row for row in names if row[0] != "alembic_version"]
    assert len(own) > 45
    assert [name for table, name, kind in own if not name.startswith(f"{kind}_{table}")] == []


def test_everything_public_is_commented(engine: Engine) -> None:
    # Columns of materialized views are commented in the views that show them.
    with engine.connect() as connection:
        assert [name for name, _, comment in definitions(connection) if not comment] == []
        bare = connection.exec_driver_sql(f"""
            select a.attrelid::regclass::text || '.' || a.attname
            from pg_attribute a
            join pg_class c on c.oid = a.attrelid
            join pg_namespace n on n.oid = c.relnamespace
            where n.nspname in {SCHEMAS} and a.attnum >= 0
              and (c.relkind in ('r', 'v') or c.relkind = 'c' and n.nspname = 'recsys')
              and not a.attisdropped and c.relname <> 'alembic_version'
              and col_description(a.attrelid, a.attnum) is null
            union all
            select c.oid::regclass::text from pg_class c
            join pg_namespace n on n.oid = c.relnamespace
            where n.nspname in {SCHEMAS} and c.relkind in ('r', 'v', 'm')
              and c.relname <> 'alembic_version' and obj_description(c.oid, 'pg_class') is null
        """).scalars()
        assert list(bare) == []


def test_bi_views_hold_no_vectors(engine: Engine) -> None:
    with engine.connect() as connection:
        vectors = connection.exec_driver_sql("""
            select column_name from information_schema.columns
            where table_schema = 'recsys_bi' and udt_name in ('vector', 'halfvec', 'sparsevec')
        """).all()
    assert vectors == []


def test_what_is_installed_is_what_sql_says(engine: Engine) -> None:
    """A function changed by hand is found by installing afresh and comparing."""
    with engine.connect() as connection:
        installed = definitions(connection)
        install.drop_views(connection)
        install.install_sql(connection)
        assert definitions(connection) == installed
        connection.rollback()
        connection.exec_driver_sql(
            "create or replace function recsys_internal.check_k(k integer) returns void "
            "language sql as ''"
        )
        assert definitions(connection) != installed


def test_another_stamp_is_out_of_date(engine: Engine) -> None:
    with engine.connect() as connection:
        assert schema_stamp(connection) == expected_stamp()
        connection.exec_driver_sql("comment on schema recsys is 'older [stamp 0123abcd]'")
        with pytest.raises(DatabaseOutOfDate, match="recsys db upgrade"):
            require_current(connection)


def test_a_broken_file_rolls_the_migration_back(
    server_url: URL, copies: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_database(server_url, copies("template0"))
    for path in sql_folder().rglob("*.sql"):
        copy = tmp_path / path.relative_to(sql_folder())
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    (tmp_path / "functions" / "zz_broken.sql").write_text("create functoin recsys.oops()")
    monkeypatch.setattr(install, "sql_folder", lambda: tmp_path)
    with pytest.raises(Exception, match="functoin"):
        migrations.upgrade(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select to_regclass('recsys.movies')").scalar() is None


def test_somebodys_view_in_the_way_is_named(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "create view public.my_films as select title from recsys_bi.movies"
        )
    assert migrations.upgrade(engine) is False  # nothing to change, so nothing in the way
    with engine.begin() as connection:
        connection.exec_driver_sql("comment on schema recsys is 'older [stamp 0123abcd]'")
    with pytest.raises(DatabaseError, match="my_films"):
        migrations.upgrade(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from public.my_films").scalar() == 0


def test_an_upgrade_keeps_who_may_read_a_view(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("grant select on recsys_bi.movies to pg_monitor")
        connection.exec_driver_sql("comment on schema recsys is 'older [stamp 0123abcd]'")
    assert migrations.upgrade(engine) is True
    with engine.connect() as connection:
        assert connection.exec_driver_sql(
            "select has_table_privilege('pg_monitor', 'recsys_bi.movies', 'select')"
        ).scalar()


def test_a_newer_schema_is_not_taken_for_an_older_one(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("update recsys.alembic_version set version_num = '9999'")
        connection.exec_driver_sql("comment on schema recsys is 'newer [stamp 0123abcd]'")
    with pytest.raises(DatabaseOutOfDate, match="newer"):
        migrations.upgrade(engine)


def test_dump_and_restore(server_url: URL, sample_name: str, copies: Callable[[str], str]) -> None:
    target = copies("template0")
    urls = [libpq_url(server_url.set(database=name)) for name in (sample_name, target)]
    dump = subprocess.run([binaries() / "pg_dump", urls[0]], check=True, capture_output=True)
    subprocess.run(
        [binaries() / "psql", urls[1], "-q", "-v", "ON_ERROR_STOP=1"],
        input=dump.stdout,
        check=True,
        capture_output=True,
    )
    answers = []
    for name in (sample_name, target):
        with open_database(server_url, name).connect() as connection:
            require_current(connection)
            answers.append(connection.exec_driver_sql("select * from recsys.recommend(1)").all())
    assert answers[0] == answers[1]
