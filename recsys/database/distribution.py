"""Divides what belongs to users over the workers of Citus, and brings it back.

The tables of `DISTRIBUTED` are divided by ``user_id``: all rows of one user are on one worker.
Films, texts and models stay on the coordinator, with their triggers and rights. A foreign key
cannot lead from a divided table to one that is not. So for each table that some lead to, there is a
table of its keys alone on every node, such as ``recsys_internal.movies_ids`` for ``recsys.movies``.
Triggers keep it up to date, and the foreign keys lead to it, under their own names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from recsys.database.install import drop_views, install_sql, sql_files
from recsys.database.locks import Lock, take
from recsys.errors import DatabaseError
from recsys.progress import Progress, silent

DISTRIBUTED = (  # the first is the largest: the others lie beside it
    "ratings",
    "users",
    "user_vectors",
    "ranker_users",
    "recommendations",
    "feedback",
    "impressions",
)
SHIPPED = (  # functions that statements over divided tables call: workers have them, too
    "like_hash(bigint)",
    "rating_hash(bigint, real)",
    "like_weight(double precision, double precision)",
    "user_match(text, vector, vector)",
    "watched(text)",
    "away(text, timestamptz)",
)
LEAST_CITUS = 13
CITUS = "select extversion from pg_extension where extname = 'citus'"
NODES = """
    select nodename || ':' || nodeport from pg_dist_node
    where noderole = 'primary' and isactive and shouldhaveshards order by 1
"""
UNFIT = """
    select n.nodename || ':' || n.nodeport || ' ' || case
        when not c.success then 'does not answer: ' || c.result
        else 'does not have pgvector ' || e.extversion end
    from run_command_on_workers($$
        select max(version) from pg_available_extension_versions where name = 'vector'
            and version = $$ || quote_literal((
                select extversion from pg_extension where extname = 'vector'))) c
    join pg_dist_node n on (n.nodename, n.nodeport) = (c.nodename, c.nodeport)
    cross join pg_extension e
    where e.extname = 'vector' and (not c.success or c.result = '')
"""
DIVIDED = """
    select c.relname from pg_dist_partition p join pg_class c on c.oid = p.logicalrelid
    where c.relnamespace = to_regnamespace('recsys') and p.partmethod = 'h'
"""
# Foreign keys from the divided tables to others.
FOREIGN_KEYS = """
    select k.conrelid::regclass::text as "table", k.conname as name,
        pg_get_constraintdef(k.oid) as definition, t.relname as target, a.attname as key
    from pg_constraint k
    join pg_class c on c.oid = k.conrelid
    join pg_class t on t.oid = k.confrelid
    join pg_attribute a on a.attrelid = t.oid and a.attnum = k.confkey[1]
    where k.contype = 'f' and c.relnamespace = to_regnamespace('recsys')
      and c.relname = any (%(tables)s) and t.relname <> all (%(tables)s)
    order by 1, 2
"""
COMMENTS = """
    select format('comment on %%s is %%L', case d.objsubid
        when 0 then format('table %%s', d.objoid::regclass)
        else format('column %%s.%%I', d.objoid::regclass, a.attname) end, d.description)
    from pg_description d
    left join pg_attribute a on a.attrelid = d.objoid and a.attnum = d.objsubid
    where d.classoid = 'pg_class'::regclass and d.objoid = any (%(tables)s::regclass[])
"""
SIZES = """
    select nodename || ':' || nodeport as node, count(*) as shards, sum(shard_size)::bigint as bytes
    from citus_shards
    where table_name::text like 'recsys.%%' and citus_table_type = 'distributed'
    group by 1 order by 1
"""
FOLLOW = """
create or replace function recsys_internal.keys_follow() returns trigger
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
    ids bigint[];
begin
    if tg_op = 'INSERT' then
        execute format('select array_agg(%I) from came', tg_argv[1]) into ids;
    elsif tg_op = 'DELETE' then
        execute format('select array_agg(%I) from went', tg_argv[1]) into ids;
    elsif tg_op = 'UPDATE' then
        execute format('select array[$1.%1$I, $2.%1$I]', tg_argv[1]) into ids using old, new;
    end if;
    if tg_op in ('INSERT', 'UPDATE') and ids is not null then
        execute format('insert into recsys_internal.%I select unnest($1) on conflict do nothing',
            tg_argv[0]) using case tg_op when 'UPDATE' then ids[2:] else ids end;
    end if;
    if tg_op in ('DELETE', 'UPDATE') and ids is not null then
        execute format('delete from recsys_internal.%I where %I = any ($1)', tg_argv[0], tg_argv[1])
            using case tg_op when 'UPDATE' then ids[:1] else ids end;
    elsif tg_op = 'TRUNCATE' then
        execute format('delete from recsys_internal.%I', tg_argv[0]);
    end if;
    return null;
end
$$;
comment on function recsys_internal.keys_follow is
    'Trigger: the keys of a table that every node of Citus has follow the table.';
"""
# The keys of a table, on every node; {keys} is the table of them.
KEYS = """
create table recsys_internal.{keys} ({key} bigint constraint pk_{keys} primary key);
comment on table recsys_internal.{keys} is
    'The keys of recsys.{table}, on every node of Citus: foreign keys of divided tables lead here.';
comment on column recsys_internal.{keys}.{key} is 'As in recsys.{table}.';
insert into recsys_internal.{keys} select {key} from recsys.{table};
select create_reference_table('recsys_internal.{keys}');
create trigger keys_came after insert on recsys.{table} referencing new table as came
for each statement execute function recsys_internal.keys_follow('{keys}', '{key}');
create trigger keys_went after delete on recsys.{table} referencing old table as went
for each statement execute function recsys_internal.keys_follow('{keys}', '{key}');
create trigger keys_changed after update of {key} on recsys.{table}
for each row when (old.{key} <> new.{key})
execute function recsys_internal.keys_follow('{keys}', '{key}');
create trigger keys_emptied after truncate on recsys.{table}
for each statement execute function recsys_internal.keys_follow('{keys}', '{key}');
"""
NO_KEYS = """
drop trigger keys_came on recsys.{table};
drop trigger keys_went on recsys.{table};
drop trigger keys_changed on recsys.{table};
drop trigger keys_emptied on recsys.{table};
drop table recsys_internal.{keys};
"""
# Of a transaction that changes keys and then what is divided, Citus asks for one shard at a time.
SEQUENTIAL = "set local citus.multi_shard_modify_mode = 'sequential'"


@dataclass(frozen=True)
class Share:
    """What one node holds of the divided tables."""

    node: str
    shards: int
    bytes: int


def divided_tables(connection: Connection) -> list[str]:
    """Return the names of the divided tables, none on a plain server."""
    if connection.exec_driver_sql(CITUS).scalar() is None:
        return []
    found = set(connection.exec_driver_sql(DIVIDED).scalars())
    return [name for name in DISTRIBUTED if name in found]


def shares(connection: Connection) -> list[Share]:
    """Return what each node holds."""
    return [Share(*row) for row in connection.exec_driver_sql(SIZES)]


def workers(connection: Connection) -> list[str]:
    """Return the nodes that the tables can be divided over.

    Raises
    ------
    DatabaseError
        Citus is missing or too old, no worker is there, or one does not answer or lacks pgvector;
        or the tables are divided already.
    """
    version = connection.exec_driver_sql(CITUS).scalar()
    if version is None:
        raise DatabaseError(
            "this database has no Citus: on each node, put citus into shared_preload_libraries and "
            "run `create extension citus` in a database of this name (docs/citus.md)"
        )
    if int(str(version).partition(".")[0]) < LEAST_CITUS:
        raise DatabaseError(f"this is Citus {version}: {LEAST_CITUS} or later is needed")
    found = list(connection.exec_driver_sql(NODES).scalars())
    if not found:
        raise DatabaseError(
            "no worker is known: run `select citus_set_coordinator_host(HOST, PORT)`, then "
            "`select citus_add_node(HOST, PORT)` for each"
        )
    for unfit in connection.exec_driver_sql(UNFIT).scalars():
        raise DatabaseError(f"worker {unfit}")
    if divided_tables(connection):
        raise DatabaseError("the tables are divided already: `recsys db status` shows how")
    return found


def distribute(connection: Connection, shards: int, progress: Progress = silent) -> None:
    """Divide the tables of users over the `workers`, as the owner and in one transaction.

    Parameters
    ----------
    connection
        An open transaction.
    shards
        In how many parts; a worker holds several, so that some can move to a new one later.
    progress
        Told of each table.
    """
    take(connection, Lock.UPGRADE)
    take(connection, Lock.LOAD)
    before = _foreign_keys(connection)
    connection.exec_driver_sql(SEQUENTIAL)
    connection.exec_driver_sql(FOLLOW, execution_options={"no_parameters": True})
    for target, key in sorted({(found["target"], found["key"]) for found in before}):
        connection.exec_driver_sql(KEYS.format(table=target, keys=f"{target}_ids", key=key))
    for found in before:
        connection.exec_driver_sql(f"alter table {found['table']} drop constraint {found['name']}")
    for place, name in enumerate(DISTRIBUTED):
        progress("distributing", place, len(DISTRIBUTED), f"recsys.{name}")
        how = f"colocate_with => 'recsys.{DISTRIBUTED[0]}'"
        if place == 0:
            how = f"colocate_with => 'none', shard_count => {shards}"
        connection.exec_driver_sql(
            f"select create_distributed_table('recsys.{name}', 'user_id', {how})"
        )
    for found in before:
        aside = f"REFERENCES recsys_internal.{found['target']}_ids"
        definition = found["definition"].replace(f"REFERENCES recsys.{found['target']}", aside)
        _add(connection, found, definition)
    for name in SHIPPED:
        connection.exec_driver_sql(
            "select create_distributed_function(%s)", (f"recsys_internal.{name}",)
        )
    progress("distributing", len(DISTRIBUTED), len(DISTRIBUTED))
    database = connection.exec_driver_sql("select quote_ident(current_database())").scalar_one()
    connection.exec_driver_sql(
        f"alter database {database} set citus.multi_shard_modify_mode = 'sequential'"
    )


def forget_local_rows(connection: Connection) -> None:
    """Free what the coordinator still holds of the divided tables, after the commit."""
    for name in divided_tables(connection):
        connection.exec_driver_sql(
            "select truncate_local_data_after_distributing_table(%s)", (f"recsys.{name}",)
        )


def undistribute(connection: Connection, tables: list[str], progress: Progress = silent) -> None:
    """Bring the divided tables back to the coordinator, in one transaction.

    Citus makes them anew without their comments, and what stands on them without its indexes: so
    comments are written again, and our views go first and come last.
    """
    take(connection, Lock.UPGRADE)
    take(connection, Lock.LOAD)
    grants = drop_views(connection)
    for path in sql_files("materialized"):
        connection.exec_driver_sql(f"drop materialized view recsys_internal.{path.stem}")
    connection.exec_driver_sql(SEQUENTIAL)
    before = _foreign_keys(connection)
    names = {"tables": [f"recsys.{name}" for name in tables]}
    comments = list(connection.exec_driver_sql(COMMENTS, names).scalars())
    for found in before:
        connection.exec_driver_sql(f"alter table {found['table']} drop constraint {found['name']}")
    for place, name in enumerate(tables):
        progress("bringing back", place, len(tables), f"recsys.{name}")
        connection.exec_driver_sql("select undistribute_table(%s)", (f"recsys.{name}",))
    for found in before:
        aside = f"REFERENCES recsys_internal.{found['target']}"
        target = found["target"].removesuffix("_ids")
        _add(connection, found, found["definition"].replace(aside, f"REFERENCES recsys.{target}"))
    for keys, key in sorted({(found["target"], found["key"]) for found in before}):
        connection.exec_driver_sql(
            NO_KEYS.format(table=keys.removesuffix("_ids"), keys=keys, key=key)
        )
    connection.exec_driver_sql("drop function recsys_internal.keys_follow()")
    for comment in comments:
        connection.exec_driver_sql(comment, execution_options={"no_parameters": True})
    install_sql(connection, grants)
    progress("bringing back", len(tables), len(tables))


def _foreign_keys(connection: Connection) -> list[dict[str, Any]]:
    rows = connection.exec_driver_sql(FOREIGN_KEYS, {"tables": list(DISTRIBUTED)}).mappings()
    return [dict(row) for row in rows]


def _add(connection: Connection, found: dict[str, Any], definition: str) -> None:
    connection.exec_driver_sql(
        f"alter table {found['table']} add constraint {found['name']} {definition}"
    )
