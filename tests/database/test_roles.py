"""The roles recsys_reader and recsys_app: what each may do, and what it may not."""

from __future__ import annotations

import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import errors as pg
from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError

from recsys.cli import db
from recsys.database import install, migrations
from recsys.database.engine import libpq_url
from recsys.database.schema import is_simulated, sql_folder
from recsys.errors import DatabaseError
from recsys.models.experiments import Variant, start_experiment
from recsys.server.cluster import binaries
from recsys.serving.recommender import Recommender
from recsys.settings import Settings
from tests.helpers.calls import CALLS
from tests.helpers.databases import open_database

WRITERS = {
    "merge_movies": "select recsys.merge_movies(1, 2)",
    "refresh_content": "select recsys.refresh_content()",
    "refresh_popularity": "select recsys.refresh_popularity()",
    "log_shown": "select recsys.log_shown(1, '{1,2}')",
    "withdraw_movie": "select recsys.withdraw_movie(1)",
    "restore_movie": "select recsys.restore_movie(1)",
}
APPLICATION = {"log_shown", "withdraw_movie", "restore_movie"}  # what recsys_app may call of them
WRITABLE = {
    "recsys_reader": set(),
    "recsys_app": {"ratings", "users", "tags", "feedback", "impressions"},
}
HIDDEN = {
    "recsys_reader": {"users", "load_runs", "load_rejects", "evaluations", "trials"},
    "recsys_app": {"load_runs", "load_rejects", "evaluations", "trials"},
}


@pytest.fixture(params=install.ROLES)
def role(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def login(
    role: str, settings: Settings, server_url: URL, learned_engine: Engine
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection of the role's own to a copy of the sample.

    The embedded server's socket lets it in without a password; another server may not, so that
    a member with a password of this run's stands in for it there.
    """
    with learned_engine.begin() as connection:
        start_experiment(connection, "e", [Variant("a"), Variant("b")])
    url = server_url.set(database=learned_engine.url.database, username=role, password=None)
    member = f"member_{uuid.uuid4().hex[:8]}"
    if settings.database_url is not None:
        password = uuid.uuid4().hex
        with learned_engine.begin() as connection:
            connection.exec_driver_sql(
                f"create role {member} login password '{password}' in role {role}"
            )
        url = url.set(username=member, password=password)
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        yield connection
    if settings.database_url is not None:
        with learned_engine.begin() as opened:
            opened.exec_driver_sql(f"drop role {member}")


def refused(connection: psycopg.Connection[tuple[object, ...]], *statements: str) -> None:
    for statement in statements:
        with pytest.raises(pg.InsufficientPrivilege):
            connection.execute(statement)


def tables(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    found = connection.execute(
        "select relname from pg_class where relnamespace = 'recsys'::regnamespace"
        " and relkind = 'r' order by 1"
    )
    return [str(row[0]) for row in found]


def test_every_view_and_every_function_answers(
    login: psycopg.Connection[tuple[object, ...]], learned_engine: Engine
) -> None:
    with learned_engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.feedback (user_id, movie_id, kind) values (1, 1, 'watchlist')"
        )
    for path in install.sql_files("views"):
        login.execute(f"select * from recsys_bi.{path.stem}")
    functions = {path.stem for path in install.sql_files("functions")}
    assert functions == CALLS.keys() | WRITERS.keys()
    for calls in CALLS.values():
        for call in calls:
            for retrieval in ("auto", "exact", "index"):
                login.execute(f"set recsys.retrieval = {retrieval}")
                assert login.execute(f"select * from {call}").fetchall()


def test_the_views_need_no_right_on_anything_else(learned_engine: Engine) -> None:
    with learned_engine.connect() as connection:
        run = connection.exec_driver_sql
        run("create role viewer")
        run("grant usage on schema recsys_bi to viewer")
        run("grant select on all tables in schema recsys_bi to viewer")
        run("set local role viewer")
        for path in install.sql_files("views"):
            run(f"select * from recsys_bi.{path.stem}").all()


def test_what_may_be_read_and_written(
    login: psycopg.Connection[tuple[object, ...]], role: str
) -> None:
    rights = login.execute("""
        select c.relname, has_table_privilege(c.oid, 'select'),
            has_table_privilege(c.oid, 'insert') and has_table_privilege(c.oid, 'update')
                and has_table_privilege(c.oid, 'delete'),
            has_table_privilege(c.oid, 'insert, update, delete, truncate, references, trigger'),
            has_table_privilege(c.oid, 'truncate, references, trigger')
        from pg_class c
        where c.relnamespace in ('recsys'::regnamespace, 'recsys_bi'::regnamespace,
            'recsys_internal'::regnamespace) and c.relkind in ('r', 'v', 'm')
    """).fetchall()
    hidden = {name for name, select, *_ in rights if not select and not str(name).startswith("bi_")}
    assert hidden == HIDDEN[role] | {"alembic_version", "recommendations"}
    assert {name for name, _, write, *_ in rights if write} == WRITABLE[role]
    assert {name for name, _, _, any_write, _ in rights if any_write} == WRITABLE[role]
    assert not any(more for *_, more in rights)


def test_what_is_refused(login: psycopg.Connection[tuple[object, ...]], role: str) -> None:
    for table in tables(login):
        refused(login, f"truncate recsys.{table}", f"drop table recsys.{table}")
        if table not in WRITABLE[role]:
            refused(
                login, f"delete from recsys.{table}", f"insert into recsys.{table} default values"
            )
    refused(
        login,
        *(
            call
            for name, call in WRITERS.items()
            if role == "recsys_reader" or name not in APPLICATION
        ),
        "update recsys.movies set title = 'x'",
        "select * from recsys.load_rejects",
        "copy recsys.ratings to program 'cat'",
        "refresh materialized view recsys_internal.bi_user_activity",
        "select recsys_internal.refresh_movie_counts()",
        "select recsys_internal.index_model(1, true)",
        "create schema mine",
        "create or replace function recsys.explain(user_id bigint, movie_id bigint, "
        "k integer default 3, model_id bigint default null) returns setof recsys.explanation "
        "language sql as 'select null'",
        "alter function recsys.user_vector(bigint, bigint) security definer",
        "drop view recsys_bi.movies",
        "create role other",
        "alter role recsys_reader superuser",
        *(
            f"create function {schema}.f() returns int language sql as 'select 1'"
            for schema in ("recsys", "recsys_internal", "recsys_bi", "public")
        ),
    )


ESCAPES = (
    "set role postgres",
    "set session authorization postgres",
    "alter system set work_mem = '1GB'",
    "alter database postgres set work_mem = '1GB'",
    "create database other",
    "create tablespace other location '/tmp'",
    "create extension dblink",
    "create event trigger mine on ddl_command_end execute function pg_temp.f()",
    "create trigger mine before insert on recsys.ratings execute function pg_temp.f()",
    "create rule mine as on insert to recsys.ratings do nothing",
    "create policy mine on recsys.ratings using (false)",
    "create index mine on recsys.ratings (rating)",
    "create statistics mine on user_id, movie_id from recsys.ratings",
    "create publication mine for all tables",
    "create cast (text as vector) with inout as implicit",
    "create type recsys.mine as (a int)",
    "create temp table mine (like recsys.load_rejects)",
    "create operator public.=== (leftarg = int, rightarg = int, function = int4eq)",
    "copy (select 1) to '/tmp/mine'",
    "copy (select 1) to program 'cat'",
    "select lo_import('/etc/hostname')",
    "select lo_export(1, '/tmp/mine')",
    "select pg_read_file('/etc/hostname')",
    "select pg_ls_dir('.')",
    "grant select on recsys.load_rejects to recsys_reader",
    "comment on table recsys.ratings is 'mine'",
    "explain analyze select * from recsys.load_rejects",
    "select * from pg_temp.hidden",
    "declare mine cursor with hold for select * from recsys.load_rejects",
)


def test_no_role_escapes(
    login: psycopg.Connection[tuple[object, ...]], learned_engine: Engine
) -> None:
    """Each try ends in an error; what a session makes of its own changes no answer of its own."""
    calls = [f"select * from {call}" for some in CALLS.values() for call in some]
    straight = [login.execute(call).fetchall() for call in calls]
    login.execute(
        "create function pg_temp.f() returns trigger language plpgsql security definer"
        " as $$ begin return null; end $$"
    )
    login.execute("create temp view hidden as select * from recsys.load_rejects")
    with learned_engine.connect() as owner:
        pid = owner.exec_driver_sql("select pg_backend_pid()").scalar_one()
        refused(login, *ESCAPES, f"select pg_terminate_backend({pid})")
        assert owner.exec_driver_sql("select 1").scalar() == 1
    for table in ("movies", "ratings", "models", "movie_vectors", "user_vectors", "genres"):
        login.execute(f"create temp table {table} ()")
    for name in ("lower", "ln", "l2_normalize", "vector_norm"):
        kind = "vector" if "_" in name else "text" if name == "lower" else "double precision"
        login.execute(
            f"create function pg_temp.{name}({kind}) returns {kind} language plpgsql"
            " as $$ begin raise exception 'tricked'; end $$"
        )
    login.execute("set search_path = pg_temp, recsys_internal, recsys, public")
    assert [login.execute(call).fetchall() for call in calls] == straight


@pytest.mark.usefixtures("template")  # which makes the roles
def test_a_large_object_of_a_reader_stops_no_backup(owner_url: URL, server_url: URL) -> None:
    migrations.upgrade(open_database(owner_url, str(owner_url.database)))
    with open_database(server_url, str(owner_url.database)).begin() as connection:
        connection.exec_driver_sql("set local role recsys_reader")
        connection.exec_driver_sql("select lo_from_bytea(0, 'mine')")
    dump = [str(binaries() / "pg_dump"), libpq_url(owner_url)]
    assert b"large object" in subprocess.run(dump, capture_output=True, check=False).stderr
    subprocess.run([*dump, "--no-large-objects"], capture_output=True, check=True)


def test_no_other_schema_is_reached(
    login: psycopg.Connection[tuple[object, ...]], learned_engine: Engine
) -> None:
    with learned_engine.begin() as connection:
        connection.exec_driver_sql("create schema payroll create table salaries (euros int)")
    refused(login, "select * from payroll.salaries", "create table payroll.mine ()")


def test_an_application_rates_and_the_next_statement_knows(
    login: psycopg.Connection[tuple[object, ...]], role: str
) -> None:
    if role == "recsys_reader":
        refused(login, "insert into recsys.ratings (user_id, movie_id, rating) values (-7, 1, 5)")
        return
    login.execute("insert into recsys.users (user_id, name) values (-7, 'new')")
    login.execute("insert into recsys.ratings (user_id, movie_id, rating) values (-7, 1, 5)")
    login.execute("insert into recsys.tags (user_id, movie_id, tag) values (-7, 1, 'fine')")
    login.execute("insert into recsys.feedback (user_id, movie_id, kind) values (-7, 2, 'seen')")
    login.execute("insert into recsys.impressions (user_id, movie_id, rank) values (-7, 3, 1)")
    sources = login.execute("select distinct source from recsys.recommend(-7)").fetchall()
    assert ("live",) in sources
    for table in WRITABLE[role]:
        assert login.execute(f"delete from recsys.{table} where user_id = -7").rowcount == 1


def test_an_application_withdraws_films(
    login: psycopg.Connection[tuple[object, ...]], role: str
) -> None:
    if role == "recsys_reader":
        return  # refused, as all that writes
    first = "select movie_id from recsys.popular(1)"
    best = login.execute(first).fetchone()
    login.execute("select recsys.withdraw_movie(%s)", best)
    assert login.execute(first).fetchone() != best
    login.execute("select recsys.restore_movie(%s)", best)
    assert login.execute(first).fetchone() == best


def test_the_python_face_works_as_a_reader(
    settings: Settings, server_url: URL, sample_name: str
) -> None:
    if settings.database_url is not None:
        pytest.skip("the role has no password on a server of one's own")
    url = server_url.set(database=sample_name, username="recsys_reader")
    with Recommender(libpq_url(url)) as recommender:
        assert len(recommender.recommend(1)) == 10
        assert recommender.movie(1).people["director"] == ["Andrew Stanton"]
        assert recommender.ratings(1, 1)
        assert recommender.models()[0].figures
        with pytest.raises(DatabaseError, match="permission denied"):
            recommender.unrate(1, 1)
    with open_database(url, sample_name).connect() as connection:
        assert is_simulated(connection)  # as `recsys recommend` asks after its answer


def test_an_upgrade_by_a_reader_says_what_is_missing(
    settings: Settings, server_url: URL, sample_name: str
) -> None:
    if settings.database_url is not None:
        pytest.skip("the role has no password on a server of one's own")
    engine = open_database(server_url.set(username="recsys_reader"), sample_name)
    with pytest.raises(DatabaseError, match="permission denied"):
        migrations.upgrade(engine)


def test_the_roles_have_no_password(settings: Settings, sample_engine: Engine) -> None:
    if settings.database_url is not None:
        pytest.skip("an administrator may have given them one")
    with sample_engine.connect() as connection:
        found = connection.exec_driver_sql(
            "select rolname, rolpassword, rolcanlogin, rolsuper or rolcreaterole or rolcreatedb"
            " from pg_authid where rolname like 'recsys_%%' order by 1 desc"
        ).all()
    assert found == [(name, None, True, False) for name in install.ROLES]
    for path in sql_folder().rglob("*.sql"):
        assert not re.search(r"\bpassword\s+'", path.read_text(), re.IGNORECASE)


SHADOWS = """
    select format('create function evil.%I(%s) returns %s language plpgsql as '
        '$f$ begin raise exception ''tricked by %s''; end $f$',
        p.proname, pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid),
        p.proname)
    from pg_proc p
    where p.pronamespace in ('pg_catalog'::regnamespace, 'public'::regnamespace)
      and p.prokind = 'f'
      and exists (
        select from pg_proc ours
        where ours.pronamespace in ('recsys'::regnamespace, 'recsys_internal'::regnamespace)
          and ours.prosrc ~ ('\\m' || p.proname || '\\('))
"""
OPERATORS = """
    select format('create operator evil.%s (leftarg = %s, rightarg = %s, function = evil.%I)',
        o.oprname, o.oprleft::regtype, o.oprright::regtype, 'op' || o.oid)
    from pg_operator o
    where o.oprkind = 'b' and o.oprleft in ('vector'::regtype, 'sparsevec'::regtype)
      and o.oprright = o.oprleft
"""


def test_no_search_path_tricks_a_function(learned_engine: Engine) -> None:
    """Functions, operators and tables of the same names, before all others, are never taken.

    What is inserted by an owner whose path is another's goes the same way: the trigger on films
    runs with its maker's rights.
    """
    calls = [call for some in CALLS.values() for call in some]
    with learned_engine.connect() as connection:
        run = partial(connection.exec_driver_sql, execution_options={"no_parameters": True})
        start_experiment(connection, "e", [Variant("a"), Variant("b")])
        straight = [run(f"select * from {call}").all() for call in calls]
        run("create schema evil")
        made = 0
        for statement in run(SHADOWS).scalars().all():
            # Some are of types that no function may be written for.
            with suppress(DBAPIError), connection.begin_nested():
                run(statement)
                made += 1
        assert made > 40
        operators = run(OPERATORS).scalars().all()
        assert len(operators) > 10
        for statement in operators:
            name = re.findall(r"op\d+", statement)[0]
            kind = re.findall(r"leftarg = ([a-z.]+)", statement)[0]
            run(
                f"create function evil.{name}({kind}, {kind}) returns double precision "
                "language plpgsql as $$ begin raise exception 'tricked by an operator'; end $$"
            )
            run(statement)
        for table in ("movies", "ratings", "models", "movie_vectors", "user_vectors"):
            run(f"create table evil.{table} ()")
            run(f"create temp table {table} ()")
        run("set local search_path = evil, pg_temp, pg_catalog, public")
        with pytest.raises(DBAPIError, match="tricked"), connection.begin_nested():
            run("select '[1,2]'::vector <=> '[1,2]'::vector")
        assert [run(f"select * from {call}").all() for call in calls] == straight
        run("insert into recsys.movies (movie_id, title, year) values (-9, 'The Trick', 2001)")
        run("insert into recsys.movie_texts values (-9, 'overview', 'A robot looks for love.')")
        run("insert into recsys.movie_genres select -9, genre_id from recsys.genres limit 1")
        run("update recsys.movies set title = 'The Other Trick' where movie_id = -9")
        run("delete from recsys.movies where movie_id = -9")


def test_no_operator_of_another_schema_enters_a_view(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "create function public.evil(real, integer) returns boolean language sql as 'select true'"
        )
        connection.exec_driver_sql(
            "create operator public.>= (leftarg = real, rightarg = integer, function = public.evil)"
        )
        connection.exec_driver_sql(
            "comment on materialized view recsys_internal.bi_user_activity is 'of another file'"
        )
        install.install_sql(connection, install.drop_views(connection))
        taken = connection.exec_driver_sql(
            "select pg_describe_object(classid, objid, objsubid) from pg_depend"
            " where refobjid in (select oid from pg_operator where oprcode = 'public.evil'::regproc)"
        )
        assert taken.scalars().all() == []


@pytest.fixture
def own_roles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server_url: URL, owner_url: URL
) -> Iterator[tuple[str, str]]:
    """Roles of other names, which the server does not have yet, in the place of the usual ones."""
    names = (f"reader_{uuid.uuid4().hex[:8]}", f"app_{uuid.uuid4().hex[:8]}")
    folder = tmp_path / "sql"
    shutil.copytree(sql_folder(), folder)
    grants = (folder / "grants.sql").read_text()
    for usual, name in zip(install.ROLES, names, strict=True):
        grants = grants.replace(usual, name)
    (folder / "grants.sql").write_text(grants)
    monkeypatch.setattr(install, "sql_folder", lambda: folder)
    monkeypatch.setattr(install, "ROLES", names)
    yield names
    with open_database(server_url, str(owner_url.database)).begin() as connection:
        for name in names:
            connection.exec_driver_sql(f"drop owned by {name}")
            connection.exec_driver_sql(f"drop role {name}")


def may_read(engine: Engine, name: str, relation: str, right: str = "select") -> bool:
    with engine.connect() as connection:
        return bool(
            connection.exec_driver_sql(
                f"select has_table_privilege('{name}', '{relation}', '{right}')"
            ).scalar()
        )


def test_a_role_that_may_not_make_roles_is_told_to_ask_an_administrator(
    owner_url: URL,
    server_url: URL,
    own_roles: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    reader, application = own_roles
    engine = open_database(owner_url, str(owner_url.database))
    assert migrations.upgrade(engine) is True
    db.say_who_is_missing(engine)
    line = f"create role {reader} login; create role {application} login"
    assert line in capsys.readouterr().err
    with open_database(server_url, "postgres").begin() as connection:  # the administrator does
        connection.exec_driver_sql(line)
    assert migrations.upgrade(engine) is False
    db.say_who_is_missing(engine)
    assert capsys.readouterr().err == ""
    assert may_read(engine, reader, "recsys_bi.movies")
    assert not may_read(engine, reader, "recsys.ratings", "insert")
    assert may_read(engine, application, "recsys.ratings", "insert")
    migrations.downgrade(engine, "base")
    with engine.connect() as connection:
        assert install.missing_roles(connection) == []


def test_who_may_make_roles_makes_them(
    owner_url: URL, server_url: URL, own_roles: tuple[str, str]
) -> None:
    with open_database(server_url, "postgres").begin() as connection:
        connection.exec_driver_sql(f"alter role {owner_url.username} createrole")
    engine = open_database(owner_url, str(owner_url.database))
    migrations.upgrade(engine)
    with engine.connect() as connection:
        assert install.missing_roles(connection) == []
    assert may_read(engine, own_roles[0], "recsys_bi.user_activity")
    migrations.downgrade(engine, "base")


def test_another_users_view_stops_no_upgrade(owner_url: URL, server_url: URL) -> None:
    engine = open_database(owner_url, str(owner_url.database))
    migrations.upgrade(engine)
    with open_database(server_url, str(owner_url.database)).begin() as connection:
        connection.exec_driver_sql("create view recsys_bi.theirs as select 1 as one")
    assert migrations.upgrade(engine) is False
    assert not may_read(engine, "recsys_reader", "recsys_bi.theirs")
    with open_database(server_url, str(owner_url.database)).begin() as connection:
        connection.exec_driver_sql("drop view recsys_bi.theirs")
