"""The temporary tables of a load, and the SQL that checks, thins and merges them.

Each kind of batch has a staging table that vanishes with the transaction. Rules of the merge:
a row of a later line wins over an earlier one, a newer rating over an older one.
"""

from __future__ import annotations

from typing import Any, LiteralString

import numpy as np
import psycopg
from sqlalchemy import Connection

from recsys.binary_copy import write_columns
from recsys.sources.batches import COLUMNS, Batch

RejectRow = tuple[str, int | None, str, str]

MERGED_TABLES = (
    "recsys.movies",
    "recsys.genres",
    "recsys.movie_genres",
    "recsys.ratings",
    "recsys.tags",
    "recsys.movie_texts",
    "recsys.people",
    "recsys.movie_people",
)

CREATE = """
create temp table stage_movies (file text, line bigint, movie_id bigint, title text, year integer)
    on commit drop;
create temp table stage_links (file text, line bigint, movie_id bigint, imdb_id text,
    tmdb_id bigint) on commit drop;
create temp table stage_ratings (file text, line bigint, user_id bigint, movie_id bigint,
    rating real, rated_at double precision) on commit drop;
create temp table stage_tags (file text, line bigint, user_id bigint, movie_id bigint, tag text,
    rated_at double precision) on commit drop;
create temp table stage_movie_genres (file text, line bigint, movie_id bigint, genre text)
    on commit drop;
create temp table stage_movie_people (file text, line bigint, movie_id bigint, name text,
    role text) on commit drop;
create temp table stage_movie_texts (file text, line bigint, movie_id bigint, kind text,
    text text) on commit drop;
create temp table stage_rejects (file text, line bigint, reason text, raw text) on commit drop;
"""

# Kind -> (columns of a rejected row, when it is refused and why). First match counts.
CHECKS: dict[str, tuple[str, str]] = {
    "movies": (
        "movie_id, title",
        """case when coalesce(btrim(title), '') = '' then 'the title is empty' end""",
    ),
    "links": ("movie_id, imdb_id, tmdb_id", "case when {no_film} then 'no such film' end"),
    "ratings": (
        "user_id, movie_id, rating, rated_at",
        """case when not rating between 0.5 and 5 then 'the rating is not from 0.5 to 5'
                when {no_film} then 'no such film' end""",
    ),
    "tags": (
        "user_id, movie_id, tag, rated_at",
        """case when coalesce(btrim(tag), '') = '' then 'the tag is empty'
                when {no_film} then 'no such film' end""",
    ),
}
NO_FILM = "not exists (select from {films} f where f.movie_id = s.movie_id)"

# Kind -> (key, which of several rows with that key stays).
KEYS: dict[str, tuple[str, str]] = {
    "movies": ("movie_id", "line desc"),
    "links": ("movie_id", "line desc"),
    "ratings": ("user_id, movie_id", "nullif(rated_at, 'NaN') desc nulls last, line desc"),
    "tags": ("user_id, movie_id, tag", "nullif(rated_at, 'NaN') desc nulls last, line desc"),
}

# Every statement returns whether each row that it wrote was new (xmax is 0 then).
MERGES: dict[str, str] = {
    "movies": """
        insert into recsys.movies as m (movie_id, title, year)
        select movie_id, btrim(title), case when year between 1870 and 2100 then year end
        from stage_movies order by movie_id
        on conflict (movie_id) do update set title = excluded.title, year = excluded.year
        where (m.title, m.year) is distinct from (excluded.title, excluded.year)
        returning xmax = 0 as is_new""",
    "links": """
        update recsys.movies m set imdb_id = s.imdb_id, tmdb_id = s.tmdb_id
        from stage_links s
        join recsys.movies before on before.movie_id = s.movie_id
        where m.movie_id = s.movie_id
          and (m.imdb_id, m.tmdb_id) is distinct from (s.imdb_id, s.tmdb_id)
        returning before.imdb_id is null and before.tmdb_id is null as is_new""",
    "ratings": """
        insert into recsys.ratings as r (user_id, movie_id, rating, rated_at)
        select user_id, movie_id, rating,
            coalesce(to_timestamp(nullif(rated_at, 'NaN')), transaction_timestamp())
        from stage_ratings order by user_id, movie_id
        on conflict (user_id, movie_id) do update
            set rating = excluded.rating, rated_at = excluded.rated_at
        where excluded.rating <> r.rating and excluded.rated_at >= r.rated_at
           or excluded.rated_at > r.rated_at and excluded.rated_at < transaction_timestamp()
        returning xmax = 0 as is_new""",
    "tags": """
        insert into recsys.tags as t (user_id, movie_id, tag, tagged_at)
        select user_id, movie_id, tag,
            coalesce(to_timestamp(nullif(rated_at, 'NaN')), transaction_timestamp())
        from stage_tags
        on conflict (user_id, movie_id, tag) do update set tagged_at = excluded.tagged_at
        where excluded.tagged_at > t.tagged_at and excluded.tagged_at < transaction_timestamp()
        returning xmax = 0 as is_new""",
}

# What belongs to a film's row, of those rows that were taken: its genres are replaced by the
# source's, people are added, a text takes the place of one of its kind.
FILM_PARTS = """
insert into recsys.genres (name)
select distinct btrim(s.genre)
from stage_movie_genres s join stage_movies m using (movie_id, line)
where btrim(s.genre) <> '' order by 1
on conflict (name) do nothing;

create temp table stage_genre_pairs on commit drop as
select distinct s.movie_id, g.genre_id
from stage_movie_genres s
join stage_movies m using (movie_id, line)
join recsys.genres g on g.name = btrim(s.genre);

delete from recsys.movie_genres mg using stage_movies m
where m.movie_id = mg.movie_id and not exists (
    select from stage_genre_pairs p where p.movie_id = mg.movie_id and p.genre_id = mg.genre_id);

insert into recsys.movie_genres (movie_id, genre_id)
select movie_id, genre_id from stage_genre_pairs order by 1, 2
on conflict do nothing;

insert into recsys.people (name)
select distinct btrim(s.name)
from stage_movie_people s join stage_movies m using (movie_id, line)
where btrim(s.name) <> '' and not exists (
    select from recsys.people p where p.name = btrim(s.name))
order by 1;

insert into recsys.movie_people (movie_id, person_id, role)
select distinct s.movie_id, p.person_id, s.role
from stage_movie_people s
join (select name, min(person_id) as person_id from recsys.people group by name) p
    on p.name = btrim(s.name)
join stage_movies m using (movie_id, line)
on conflict do nothing;

insert into recsys.movie_texts as t (movie_id, kind, text)
select distinct on (s.movie_id, s.kind) s.movie_id, s.kind, s.text
from stage_movie_texts s join stage_movies m using (movie_id, line)
where btrim(s.text) <> ''
order by s.movie_id, s.kind
on conflict (movie_id, kind) do update set text = excluded.text where t.text <> excluded.text;
"""


def create(connection: Connection) -> None:
    """Make the staging tables; they vanish with the transaction."""
    _run(connection, CREATE)


def analyze(connection: Connection) -> None:
    """Tell the planner how much was staged."""
    _run(connection, ";".join(f"analyze stage_{kind}" for kind in COLUMNS))


def copy_batch(connection: Connection, batch: Batch) -> None:
    """COPY one batch, and the rows of it that could not be read."""
    columns = COLUMNS[batch.kind]
    if batch.kind == "ratings":  # by far the largest: all numbers, so no loop over rows
        file = psycopg.sql.Literal(batch.file).as_string()
        _run(connection, f"alter table stage_ratings alter column file set default {file}")
        write_columns(
            connection,
            "stage_ratings",
            {
                "line": batch.rows["line"].to_numpy(np.int64),
                "user_id": batch.rows["user_id"].to_numpy(np.int64),
                "movie_id": batch.rows["movie_id"].to_numpy(np.int64),
                "rating": batch.rows["rating"].to_numpy(np.float32),
                "rated_at": batch.rows["rated_at"].to_numpy(np.float64),
            },
        )
    else:
        frame = batch.rows[list(columns)].astype(object)
        rows = frame.where(frame.notna(), None).itertuples(index=False)
        _copy(
            connection,
            f"stage_{batch.kind} (file, {', '.join(columns)})",
            ((batch.file, *row) for row in rows),
        )
    _copy(
        connection,
        "stage_rejects (file, line, reason, raw)",
        ((r.file, r.line, r.reason, _clean(r.raw)) for r in batch.rejects),
    )


def reject_and_count(connection: Connection, kind: str) -> int:
    """Move rows that the tables would refuse to the rejects; return how many are left."""
    columns, reason = CHECKS[kind]
    no_film = NO_FILM.format(films="recsys.movies")
    _run(
        connection,
        f"""
        with checked as (
            select s.ctid as place, {reason.format(no_film=no_film)} as reason
            from stage_{kind} s
        ), refused as (
            delete from stage_{kind} s using checked c
            where s.ctid = c.place and c.reason is not null
            returning s.*, c.reason
        )
        insert into stage_rejects (file, line, reason, raw)
        select file, line, reason, left(concat_ws(',', {columns}), 1000) from refused
    """,
    )
    return _count(connection, f"select count(*) from stage_{kind}")


def drop_duplicates(connection: Connection, kind: str) -> int:
    """Keep one row a key; return how many are left."""
    key, order = KEYS[kind]
    _run(
        connection,
        f"""
        delete from stage_{kind} s using (
            select ctid as place, row_number() over (partition by {key} order by {order}) as n
            from stage_{kind}
        ) d where d.place = s.ctid and d.n > 1
    """,
    )
    return _count(connection, f"select count(*) from stage_{kind}")


def merge(connection: Connection, kind: str) -> tuple[int, int]:
    """Write the staged rows of one kind; return how many were new and how many changed."""
    counted = connection.exec_driver_sql(
        f"with written as ({MERGES[kind]})"
        " select count(*) filter (where is_new), count(*) filter (where not is_new) from written",
        execution_options={"no_parameters": True},
    ).one()
    if kind == "movies":
        _run(connection, FILM_PARTS)
    return int(counted[0]), int(counted[1])


def read_rejects(connection: Connection) -> list[RejectRow]:
    """Return the refused rows, in the order of the files."""
    found = connection.exec_driver_sql(
        "select file, line, reason, raw from stage_rejects order by file, line"
    )
    return [(row[0], row[1], row[2], row[3]) for row in found]


def write_rejects(connection: Connection, run_id: int, rejects: list[RejectRow]) -> None:
    """Keep the refused rows of a load."""
    _copy(
        connection,
        "recsys.load_rejects (run_id, file, line, reason, raw)",
        ((run_id, *row) for row in rejects),
    )


def _clean(raw: str) -> str:
    return raw.replace("\0", "\\0")[:1000]


def _copy(connection: Connection, target: str, rows: Any) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor().copy(f"copy {target} from stdin".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _run(connection: Connection, sql: str) -> None:
    connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


def _count(connection: Connection, sql: LiteralString | str) -> int:
    return int(connection.exec_driver_sql(sql).scalar_one())
