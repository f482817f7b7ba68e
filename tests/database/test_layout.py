"""Nothing in the schema or in `sql/` stands in the way of Citus; `make citus` tries it there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from recsys.database.distribution import DISTRIBUTED
from recsys.database.install import FUNCTION_FOLDERS, sql_files
from tests.helpers.layout import layout_faults

ROOT = Path(__file__).parents[2]
# Tables with a user_id in their key that stay on the coordinator.
STAY = {
    "tags",  # what is known of films is read with them
    "user_keys",  # its other key is unique, which no divided table can see to
}
TABLE = rf"recsys\.({'|'.join(DISTRIBUTED)})\b"


def test_functions_plan_over_divided_tables() -> None:
    files = [path for folder in FUNCTION_FOLDERS for path in sql_files(folder)]
    assert len(files) > 100
    faults = [fault for path in files for fault in layout_faults(path, path.read_text())]
    assert faults == []


FUNCTION = """
create or replace function recsys.f(user_id bigint, ids bigint[])
returns bigint[]
language plpgsql stable
set plan_cache_mode = force_generic_plan
as $$
declare
    film vector;
    found bigint[];
begin
    {}
    return found;
end
$$;
"""


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (
            "select array_agg(r.movie_id) into found from recsys.ratings r"
            " where r.user_id = any (ids);",
            "f: reads ['ratings'] of many users, or in a subquery, under a generic plan",
        ),
        (
            "select array_agg(x.movie_id) into found from"
            " (select r.movie_id from recsys.ratings r where r.user_id = f.user_id) x;",
            "f: reads ['ratings'] of many users, or in a subquery, under a generic plan",
        ),
        (
            "found := array(select r.movie_id from recsys.ratings r where r.user_id = f.user_id);",
            "f: reads ['ratings'] in an expression: select it into a variable",
        ),
        (
            "if exists (select from recsys.feedback x where x.user_id = f.user_id)"
            " then return null; end if;",
            "f: reads ['feedback'] in an expression: select it into a variable",
        ),
        (
            "select array_agg(m.movie_id) into found from recsys.ratings r"
            " join recsys.movies m using (movie_id) where r.user_id = f.user_id;",
            "f: joins ['ratings'] with ['movies']: read them alone, into arrays",
        ),
        (
            "select array_agg(u) into found from unnest(ids) u"
            " where exists (select from recsys.ratings r where r.user_id = u);",
            "f: joins ['ratings'] with a function: read them alone, into arrays",
        ),
        (
            "select array_agg(recsys_internal.title_key(r.movie_id)) into found"
            " from recsys.ratings r where r.user_id = f.user_id;",
            "f: calls ['title_key'], which workers do not have, over ['ratings']",
        ),
        (
            "insert into recsys.feedback values (f.user_id, 1, 'seen')"
            " on conflict (user_id, movie_id, kind) do update set at = now();",
            "f: has the time of the transaction in the upsert of ['feedback']",
        ),
    ],
)
def test_a_planted_fault_is_found(body: str, fault: str) -> None:
    assert fault in layout_faults(Path("functions/f.sql"), FUNCTION.format(body))


def test_what_plans_is_no_fault() -> None:
    body = (
        "select array_agg(r.movie_id), sum(r.rating) into found from recsys.ratings r"
        " where r.user_id = f.user_id and r.rating >= 4;"
        " select array_agg(m.movie_id) into found from recsys.movies m"
        " join unnest(found) u on m.movie_id = u;"
    )
    assert layout_faults(Path("functions/f.sql"), FUNCTION.format(body)) == []


def test_a_function_that_may_be_inlined_is_found() -> None:
    text = """
        create function recsys_internal.rated(user_id bigint) returns setof bigint
        language sql stable
        as $$ select r.movie_id from recsys.ratings r where r.user_id = rated.user_id $$;
    """
    fault = "rated: is a SQL function over tables of users, which may be inlined"
    assert layout_faults(Path("internal/rated.sql"), text) == [fault]


def test_keys_begin_with_the_user(engine: Engine) -> None:
    with engine.connect() as connection:
        keys = connection.exec_driver_sql("""
            select t.relname, i.indisprimary, array(
                select a.attname::text from unnest(i.indkey) with ordinality k (attnum, place)
                join pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum
                order by k.place)
            from pg_index i join pg_class t on t.oid = i.indrelid
            where t.relnamespace = 'recsys'::regnamespace and i.indisunique
        """).all()
    of_users = {name for name, primary, columns in keys if primary and "user_id" in columns}
    assert of_users == {*DISTRIBUTED, *STAY}
    for name, primary, columns in keys:
        if name in DISTRIBUTED:
            assert "user_id" in columns, name
            assert columns[0] == "user_id" or not primary, name


def test_nothing_else_depends_on_them(engine: Engine) -> None:
    """No foreign key leads to them, none of several columns from them, and none has a trigger."""
    with engine.connect() as connection:
        tables = {"tables": [f"recsys.{name}" for name in DISTRIBUTED]}
        led_to = connection.exec_driver_sql(
            """
            select conname from pg_constraint
            where contype = 'f' and (confrelid = any (%(tables)s::regclass[])
                or conrelid = any (%(tables)s::regclass[]) and cardinality(conkey) > 1)
            """,
            tables,
        ).all()
        triggers = connection.exec_driver_sql(
            "select tgname from pg_trigger"
            " where not tgisinternal and tgrelid = any (%(tables)s::regclass[])",
            tables,
        ).all()
    assert (led_to, triggers) == ([], [])


def statements() -> Iterator[str]:
    """The texts in the package's code that name a table of users."""
    for path in sorted((ROOT / "recsys").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value for part in node.values if isinstance(part, ast.Constant)]
                yield "?".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_statements_of_the_package_plan_too() -> None:
    found = [text for text in statements() if re.search(TABLE, text)]
    assert len(found) > 20
    for text in found:
        assert not re.search(rf"select from {TABLE}", text), text
        for upsert in re.findall(
            rf"insert into {TABLE}.*?on conflict(.*?)(?:\n\)|;|$)", text, re.S
        ):
            assert not re.search(r"timestamp\(\)|now\(\)", upsert[1]), text
