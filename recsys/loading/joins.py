"""Rows of other catalogues to the films here: by ids, or title and year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Row

from recsys.loading.staging import run

# Every name of a film, without articles: a plain title has bars between names, and articles behind
# commas, as in 'wages of fear,the|salaire de la peur,le'. `numbers` tells the parts of a series.
NAMES = r"""
create temp table stage_names on commit drop as
select distinct m.movie_id, m.year, m.imdb_id, m.tmdb_id, recsys_internal.main_title(part) as name,
    part as whole,
    array(select found[1] from regexp_matches(
        recsys_internal.main_title(part), '\m(\d+|[ivx]+|one|two|three|four|five|part)\M', 'g')
        as found) as numbers
from recsys.movies m
cross join lateral regexp_split_to_table(m.plain_title, '[|]') as part;
create index on stage_names (name);
create index on stage_names (year, length(name));
analyze stage_names
"""
# The rows that are still without a film; each title in all its readings.
WANTED = r"""
create temp table if not exists stage_wanted (file text, line bigint, imdb_id text, tmdb_id bigint,
    year integer, name text, whole text, numbers text[]) on commit drop;
truncate stage_wanted;
insert into stage_wanted
select s.file, s.line, s.imdb_id, s.tmdb_id, s.year, recsys_internal.main_title(part), part,
    array(select found[1] from regexp_matches(
        recsys_internal.main_title(part), '\m(\d+|[ivx]+|one|two|three|four|five|part)\M', 'g')
        as found)
from {stage} s
cross join lateral regexp_split_to_table(recsys_internal.plain_title(s.title), '[|]') as part
where s.joined_by is null and s.title <> '';
analyze stage_wanted
"""
# A row finds its film by the first of these that leads to exactly one, and by a title only a film
# that has no other id than the row.
IDS: dict[str, str] = {
    "imdb_id": "m.imdb_id = s.imdb_id",
    "tmdb_id": "m.tmdb_id = s.tmdb_id",
    "movie_id": """m.movie_id = s.movie_id and coalesce(m.imdb_id = s.imdb_id, true)
        and coalesce(m.tmdb_id = s.tmdb_id, true)""",
}
TITLE_AND_YEAR = "title and year"
TITLE = "title alone"
NEAR_YEAR = "title and a year beside it"
NEAR_TITLE = "title with other letters"
TITLES: dict[str, str] = {
    TITLE_AND_YEAR: "m.name = s.name and m.year = s.year",
    NEAR_YEAR: "m.name = s.name and m.year between s.year - 1 and s.year + 1",
    # One letter of five, two of twelve; the number of a part never.
    NEAR_TITLE: """m.year between s.year - 1 and s.year + 1
        and length(s.name) >= 5 and length(m.name) between length(s.name) - 2
            and length(s.name) + 2
        and m.numbers = s.numbers
        and levenshtein_less_equal(m.name, s.name, 2) <= least(2, 1 + length(s.name) / 12)""",
    TITLE: "m.name = s.name and s.year is null",
}
JOIN_BY_ID = """
update {stage} t set movie_id = found.movie_id, joined_by = '{key}'
from (
    select s.file, s.line, min(m.movie_id) as movie_id
    from {stage} s join recsys.movies m on {meets}
    where s.joined_by is null
    group by s.file, s.line having count(distinct m.movie_id) = 1
) found
where found.file = t.file and found.line = t.line
"""
# Of Heat and The Heat, it is the one with the row's own article.
JOIN_BY_TITLE = """
with fitting as (
    select s.file, s.line, array_agg(distinct m.movie_id order by m.movie_id) as alike,
        coalesce(array_agg(distinct m.movie_id) filter (where m.whole = s.whole), '{{}}') as same
    from stage_wanted s join stage_names m on {meets}
      and coalesce(m.imdb_id = s.imdb_id, true) and coalesce(m.tmdb_id = s.tmdb_id, true)
    group by s.file, s.line
), found as (
    select file, line, case when cardinality(same) = 1 then same else alike end as movie_ids
    from fitting
), gone as (
    delete from stage_wanted w using found where w.file = found.file and w.line = found.line
)
update {stage} t set joined_by = '{key}',
    movie_id = case when cardinality(movie_ids) = 1 then movie_ids[1] end,
    fitting = case when cardinality(movie_ids) > 1 then movie_ids[: 5] end
from found
where found.file = t.file and found.line = t.line
"""
UNJOINED = """
with gone as (delete from {stage} where movie_id is null returning *)
select g.*, (
    select string_agg(
        m.movie_id || ' ' || m.title || coalesce(' (' || m.year || ')', ''), ', '
        order by m.movie_id)
    from recsys.movies m where m.movie_id = any (g.fitting)) as fits
from gone g order by g.file, g.line
"""
NONE_FITS = "no film here has its IMDb id, TMDB id, or title and year"
MANY_FIT = "several films here fit, and nothing tells which: {}"


def join_films(
    connection: Connection, stage: str, keys: Mapping[str, str]
) -> tuple[dict[str, int], Sequence[Row[tuple[object, ...]]]]:
    """Find the film of each staged row; return how many by which key, and the rows without.

    Parameters
    ----------
    keys
        Those of `IDS` and `TITLES` that are tried, in order.
    """
    run(
        connection,
        f"alter table {stage} add column if not exists joined_by text,"
        " add column if not exists fitting bigint[]",
    )
    if "movie_id" not in keys:
        run(connection, f"update {stage} set movie_id = null")
    run(connection, f"analyze {stage}")
    joined: dict[str, int] = {}
    for key, meets in keys.items():
        if key in IDS:
            joined[key] = run(connection, JOIN_BY_ID.format(stage=stage, key=key, meets=meets))
    run(connection, f"update {stage} set movie_id = null where joined_by is null")
    run(connection, NAMES)
    run(connection, WANTED.format(stage=stage))
    for key, meets in keys.items():
        if key in TITLES:
            run(connection, JOIN_BY_TITLE.format(stage=stage, key=key, meets=meets))
            joined[key] = connection.exec_driver_sql(
                f"select count(*) from {stage} where joined_by = %s and movie_id is not null",
                (key,),
            ).scalar_one()
    without = connection.exec_driver_sql(
        UNJOINED.format(stage=stage), execution_options={"no_parameters": True}
    ).all()
    run(connection, "drop table stage_names")
    return joined, without


def why_unjoined(row: Row[tuple[object, ...]]) -> str:
    """Return why a row has no film."""
    return MANY_FIT.format(row.fits) if row.fits else NONE_FITS
