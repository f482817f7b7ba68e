"""What people rated or watched, to ratings and feedback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Row

from recsys.loading.films import TOUCHED
from recsys.loading.joins import IDS, NEAR_TITLE, NEAR_YEAR, TITLE, TITLE_AND_YEAR, TITLES
from recsys.loading.ratings import NEWEST, WRITE

KEYS = IDS | {key: TITLES[key] for key in (TITLE_AND_YEAR, NEAR_YEAR, NEAR_TITLE, TITLE)}
LOOKED_FOR = 200  # titles without a film, so that a list of a million does not take hours
WRITE_RATINGS = f"""
create temp table stage_rated on commit drop as
select user_id, movie_id, rating,
    coalesce(to_timestamp(nullif(rated_at, 'NaN')), transaction_timestamp()) as rated_at
from stage_entries where status = 'rated' order by line;

with newest as materialized ({NEWEST.format(table="stage_rated")}),
written as (
    {WRITE}
    returning movie_id, xmax = 0 as is_new
)
insert into stage_touched select movie_id, is_new from written;
drop table stage_rated;
"""
WRITE_FEEDBACK = """
with given as materialized (
    select user_id, movie_id, status as kind,
        coalesce(to_timestamp(nullif(rated_at, 'NaN')), transaction_timestamp()) as at
    from stage_entries where status <> 'rated'
),
written as (
    insert into recsys.feedback as f (user_id, movie_id, kind, at)
    select s.user_id, s.movie_id, s.kind, s.at
    from given s
    left join recsys.feedback f
        on f.user_id = s.user_id and f.movie_id = s.movie_id and f.kind = s.kind
    where f.user_id is null or s.at > f.at and s.at < transaction_timestamp()
    order by s.user_id, s.movie_id, s.kind
    on conflict (user_id, movie_id, kind) do update set at = excluded.at
    where excluded.at > f.at
    returning movie_id, xmax = 0 as is_new
)
insert into stage_touched select movie_id, is_new from written;
"""
MERGE = (TOUCHED, WRITE_RATINGS, WRITE_FEEDBACK, "select is_new from stage_touched")
# "14 Alpha (1999)", the nearest first.
NEAREST = """
select n, array(
    select t.movie_id || ' ' || t.title || coalesce(' (' || t.year || ')', '')
    from recsys.search_titles(u.title || coalesce(' ' || u.year, ''), 3) t
    where t.score > 0.51 order by t.rank)
from unnest(%(titles)s::text[], %(years)s::integer[]) with ordinality as u (title, year, n)
order by n
"""


@dataclass(frozen=True)
class Unmatched:
    """An entry without a film here.

    Attributes
    ----------
    nearest
        The films whose titles are most alike, at most three.
    """

    user_id: int
    title: str | None
    year: int | None
    status: str
    rating: float | None
    rated_at: datetime | None
    imdb_id: str | None
    tmdb_id: int | None
    nearest: Sequence[str]


def with_nearest(
    connection: Connection, rows: Sequence[Row[tuple[object, ...]]]
) -> list[Unmatched]:
    """Return entries without a film, with the films that they may be."""
    titles = list(dict.fromkeys((row.title, row.year) for row in rows if row.title))[:LOOKED_FOR]
    found = connection.exec_driver_sql(
        NEAREST,
        {"titles": [title for title, _ in titles], "years": [year for _, year in titles]},
    ).all()
    nearest = {titles[n - 1]: films for n, films in found}
    return [
        Unmatched(
            row.user_id,
            row.title,
            row.year,
            row.status,
            row.rating,
            None if row.rated_at is None else datetime.fromtimestamp(row.rated_at, UTC),
            row.imdb_id,
            row.tmdb_id,
            nearest.get((row.title, row.year), []),
        )
        for row in rows
    ]
