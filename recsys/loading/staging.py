"""The temporary tables of a load, how they are filled and thinned, and how simple kinds merge.

Each kind of batch has a staging table that vanishes with the transaction. A later row of the
source wins over an earlier one, a newer rating or tag over an older one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from sqlalchemy import Connection

from recsys.sources.batches import COLUMNS, Batch, Reject

MERGED_TABLES = (
    "recsys.movies",
    "recsys.genres",
    "recsys.movie_genres",
    "recsys.ratings",
    "recsys.tags",
    "recsys.users",
    "recsys.movie_texts",
    "recsys.movie_keywords",
    "recsys.people",
    "recsys.movie_people",
)

CREATE = """
create temp table stage_films (file text, line bigint, movie_id bigint, title text, year integer,
    imdb_id text, tmdb_id bigint, poster_path text, raw text, joined_by text) on commit drop;
create temp table stage_links (file text, line bigint, movie_id bigint, imdb_id text,
    tmdb_id bigint) on commit drop;
create temp table stage_users (file text, line bigint, user_id bigint, gender text, age integer,
    occupation text, postal_code text) on commit drop;
create temp table stage_tags (file text, line bigint, user_id bigint, movie_id bigint, tag text,
    rated_at double precision) on commit drop;
create temp table stage_movie_genres (file text, line bigint, genre text) on commit drop;
create temp table stage_movie_people (file text, line bigint, name text, role text,
    position integer) on commit drop;
create temp table stage_movie_texts (file text, line bigint, kind text, text text) on commit drop;
create temp table stage_movie_keywords (file text, line bigint, keyword text) on commit drop;
create temp table stage_touched (movie_id bigint, is_new boolean,
    is_film boolean default false) on commit drop;
"""

# Kind -> (staging table, key, which of several rows with that key stays).
KEYS: dict[str, tuple[str, str, str]] = {
    "movies": ("stage_films", "movie_id", "file desc, line desc"),
    # One film may be described by several files, in different respects.
    "descriptions": (
        "stage_films",
        "file, movie_id",
        "array_position(array['imdb_id', 'tmdb_id', 'title and year'], joined_by), line desc",
    ),
    "links": ("stage_links", "movie_id", "file desc, line desc"),
    "users": ("stage_users", "user_id", "file desc, line desc"),
    "tags": (
        "stage_tags",
        "user_id, movie_id, tag",
        "nullif(rated_at, 'NaN') desc nulls last, file desc, line desc",
    ),
}

# Every statement returns whether each row that it wrote was new (xmax is 0 then).
MERGES: dict[str, str] = {
    "links": """
        update recsys.movies m set imdb_id = coalesce(s.imdb_id, m.imdb_id),
            tmdb_id = coalesce(s.tmdb_id, m.tmdb_id)
        from stage_links s
        join recsys.movies before on before.movie_id = s.movie_id
        where m.movie_id = s.movie_id
          and (m.imdb_id, m.tmdb_id) is distinct from
            (coalesce(s.imdb_id, m.imdb_id), coalesce(s.tmdb_id, m.tmdb_id))
        returning before.imdb_id is null and before.tmdb_id is null as is_new""",
    "users": """
        insert into recsys.users as u (user_id, gender, age, occupation, postal_code)
        select user_id, gender, age, occupation, postal_code from stage_users order by user_id
        on conflict (user_id) do update set gender = excluded.gender, age = excluded.age,
            occupation = excluded.occupation, postal_code = excluded.postal_code
        where (u.gender, u.age, u.occupation, u.postal_code) is distinct from
            (excluded.gender, excluded.age, excluded.occupation, excluded.postal_code)
        returning xmax = 0 as is_new""",
    "tags": """
        insert into recsys.tags as t (user_id, movie_id, tag, tagged_at)
        select user_id, movie_id, tag,
            coalesce(to_timestamp(nullif(rated_at, 'NaN')), transaction_timestamp())
        from stage_tags order by user_id, movie_id, tag
        on conflict (user_id, movie_id, tag) do update set tagged_at = excluded.tagged_at
        where excluded.tagged_at > t.tagged_at and excluded.tagged_at < transaction_timestamp()
        returning xmax = 0 as is_new""",
}


def create(connection: Connection) -> None:
    """Make the staging tables; they vanish with the transaction."""
    run(connection, CREATE)


def copy_batch(connection: Connection, batch: Batch) -> None:
    """COPY one batch of anything but ratings."""
    table = "films" if batch.kind in ("movies", "descriptions") else batch.kind
    frame = batch.rows.reindex(columns=list(COLUMNS[batch.kind])).astype(object)
    rows = frame.where(frame.notna(), None).itertuples(index=False)
    columns = ", ".join(COLUMNS[batch.kind])
    copy_rows(connection, f"stage_{table} (file, {columns})", ((batch.file, *row) for row in rows))


def drop_duplicates(connection: Connection, kind: str) -> int:
    """Keep one row a key; return how many went."""
    table, key, order = KEYS[kind]
    return run(
        connection,
        f"""
        delete from {table} s using (
            select ctid as place, row_number() over (partition by {key} order by {order}) as n
            from {table}
        ) d where d.place = s.ctid and d.n > 1
    """,
    )


def merge(connection: Connection, kind: str) -> tuple[int, int]:
    """Write the staged rows of one kind; return how many were new and how many changed."""
    run(connection, f"analyze stage_{kind}")
    counted = connection.exec_driver_sql(
        f"with written as ({MERGES[kind]})"
        " select count(*) filter (where is_new), count(*) filter (where not is_new) from written",
        execution_options={"no_parameters": True},
    ).one()
    run(connection, f"truncate stage_{kind}")
    return int(counted[0]), int(counted[1])


def write_rejects(connection: Connection, run_id: int, rejects: list[Reject]) -> None:
    """Keep the refused rows of a load."""
    copy_rows(
        connection,
        "recsys.load_rejects (run_id, file, line, reason, raw)",
        ((run_id, r.file, r.line, r.reason, r.raw) for r in rejects),
    )


def copy_rows(connection: Connection, target: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """COPY rows of any types into a table and columns, trusted."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor().copy(f"copy {target} from stdin".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def run(connection: Connection, sql: str) -> int:
    """Run SQL as it stands; return how many rows the statement wrote."""
    return connection.exec_driver_sql(sql, execution_options={"no_parameters": True}).rowcount
