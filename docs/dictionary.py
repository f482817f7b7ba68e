"""Writes `data-dictionary.md` from the comments in the database; `make docs` runs it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection

from recsys.database.engine import open_engine
from recsys.evaluation.scratch import scratch_database
from recsys.settings import Settings

PAGE = Path(__file__).with_name("data-dictionary.md")
HEAD = """\
# Data dictionary

What the database itself says of its tables, views and functions: `\\d+ recsys.movies` shows the
same in psql. This page is written by `make docs`; the comments it is made from are in
`alembic/versions/` (tables) and `sql/` (views and functions).
"""
RELATIONS = """
    select c.relname, obj_description(c.oid, 'pg_class')
    from pg_class c
    where c.relnamespace = to_regnamespace(%s) and c.relkind = %s and c.relname <> 'alembic_version'
    order by c.relname
"""
COLUMNS = """
    select '`' || a.attname || '`', format_type(a.atttypid, a.atttypmod),
        case when a.attnotnull then 'no' else 'yes' end, col_description(a.attrelid, a.attnum)
    from pg_attribute a
    where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""
# Defaults without casts and in small letters: null instead of NULL::bigint.
ARGUMENTS = """
    select '`' || coalesce(p.proargnames[n], '') || '`', format_type(p.proargtypes[n - 1], null),
        coalesce(lower(regexp_replace(
            pg_get_function_arg_default(p.oid, n), '::[a-z ]+(\\[\\])?$', '')), 'required')
    from pg_proc p
    cross join generate_series(1, p.pronargs) as n
    where p.oid = %s
    order by n
"""
FUNCTIONS = """
    select p.oid::bigint, p.proname, obj_description(p.oid, 'pg_proc'),
        case when p.proretset then 'Rows of ' else 'Returns ' end,
        format_type(p.prorettype, null), t.typrelid::bigint
    from pg_proc p
    join pg_type t on t.oid = p.prorettype
    where p.pronamespace = to_regnamespace('recsys')
    order by p.proname
"""
RESULT = """
    select '`' || a.attname || '`', format_type(a.atttypid, a.atttypmod),
        col_description(a.attrelid, a.attnum)
    from pg_attribute a
    where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""


def dictionary(connection: Connection) -> str:
    """Return the page: every table, view and public function, with columns and comments."""
    parts = [HEAD, "## Tables\n"]
    for name, comment in connection.exec_driver_sql(RELATIONS, ("recsys", "r")):
        columns = connection.exec_driver_sql(COLUMNS, (f"recsys.{name}",))
        parts += [
            f"### recsys.{name}\n\n{comment}\n",
            table(("column", "type", "null", "what it is"), columns),
        ]
    parts.append("## Views for BI tools\n")
    for name, comment in connection.exec_driver_sql(RELATIONS, ("recsys_bi", "v")):
        columns = connection.exec_driver_sql(COLUMNS, (f"recsys_bi.{name}",))
        parts += [
            f"### recsys_bi.{name}\n\n{comment}\n",
            # PostgreSQL does not know which columns of a view are never null.
            table(("column", "type", "what it is"), ((c[0], c[1], c[3]) for c in columns)),
        ]
    parts.append("## Functions\n")
    for oid, name, comment, returns, kind, relation in connection.exec_driver_sql(FUNCTIONS):
        parts.append(f"### recsys.{name}\n\n{comment}\n")
        arguments = connection.exec_driver_sql(ARGUMENTS, (oid,)).all()
        if arguments:
            parts.append(table(("argument", "type", "default"), arguments))
        if relation:
            parts += [
                f"{returns}`{kind}`:\n",
                table(
                    ("column", "type", "what it is"),
                    connection.exec_driver_sql(RESULT, (relation,)),
                ),
            ]
        elif kind != "void":
            parts.append(f"{returns}`{kind}`.\n")
    return "\n".join(parts)


def table(head: Iterable[str], rows: Iterable[Iterable[str | None]]) -> str:
    """Return a table in Markdown."""
    lines = [list(head)]
    lines.append(["---"] * len(lines[0]))
    lines += [[(cell or "").replace("|", "\\|") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Write the page from a scratch database."""
    with (
        scratch_database(open_engine(Settings.from_environment())) as engine,
        engine.connect() as connection,
    ):
        PAGE.write_text(dictionary(connection), encoding="utf-8")


if __name__ == "__main__":
    main()
