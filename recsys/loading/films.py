"""Staged films into the catalogue, and descriptions to their films."""

from __future__ import annotations

from recsys.loading.joins import IDS, TITLE, TITLE_AND_YEAR, TITLES

# How a description finds its film.
KEYS = {
    "imdb_id": IDS["imdb_id"],
    "tmdb_id": IDS["tmdb_id"],
    TITLE_AND_YEAR: TITLES[TITLE_AND_YEAR],
    TITLE: TITLES[TITLE],
}
# The films that a merge changes. A film counts as new if it is, as updated if anything of it was
# changed. What was added to a film counts as new where a description brought it.
TOUCHED = """
create temp table if not exists stage_touched (movie_id bigint, is_new boolean,
    is_film boolean default false) on commit drop;
truncate stage_touched
"""
COUNT = """
select t.is_new from stage_movies
join (select movie_id, {is_new} as is_new from stage_touched group by movie_id) t
    using (movie_id)
"""

WRITE_FILMS = """
with written as (
    insert into recsys.movies as m (
        movie_id, title, source_title, year, imdb_id, tmdb_id, poster_path, adult)
    select s.movie_id, n.title, nullif(s.title, n.title), s.year, s.imdb_id, s.tmdb_id,
        s.poster_path, coalesce(s.adult, here.adult, false)
    from stage_movies s
    cross join lateral recsys_internal.natural_title(s.title) as n (title)
    left join recsys.movies here using (movie_id)
    order by s.movie_id
    on conflict (movie_id) do update set title = excluded.title,
        source_title = excluded.source_title, year = excluded.year,
        imdb_id = coalesce(excluded.imdb_id, m.imdb_id),
        tmdb_id = coalesce(excluded.tmdb_id, m.tmdb_id),
        poster_path = coalesce(excluded.poster_path, m.poster_path), adult = excluded.adult
    where (m.title, m.source_title, m.year, m.imdb_id, m.tmdb_id, m.poster_path, m.adult)
        is distinct from (excluded.title, excluded.source_title, excluded.year,
            coalesce(excluded.imdb_id, m.imdb_id), coalesce(excluded.tmdb_id, m.tmdb_id),
            coalesce(excluded.poster_path, m.poster_path), excluded.adult)
    returning movie_id, xmax = 0 as is_new
)
insert into stage_touched select movie_id, is_new, true from written
"""

# Apart from texts and people, a description brings what the film lacks.
FILL_FILMS = """
with written as (
    update recsys.movies m set imdb_id = coalesce(m.imdb_id, s.imdb_id),
        tmdb_id = coalesce(m.tmdb_id, s.tmdb_id),
        poster_path = coalesce(m.poster_path, s.poster_path), adult = m.adult or s.adult
    from (select movie_id, max(imdb_id) as imdb_id, max(tmdb_id) as tmdb_id,
            max(poster_path) as poster_path, coalesce(bool_or(adult), false) as adult
        from stage_movies group by movie_id) s
    where m.movie_id = s.movie_id
      and (m.imdb_id is null and s.imdb_id is not null
        or m.tmdb_id is null and s.tmdb_id is not null
        or m.poster_path is null and s.poster_path is not null
        or s.adult and not m.adult)
    returning m.movie_id
)
insert into stage_touched select movie_id, true from written;
"""

# A catalogue's genres take the place of those that its films had.
WRITE_GENRES = """
insert into recsys.genres (name)
select distinct s.genre
from stage_movie_genres s join stage_movies f using (file, line)
order by 1
on conflict (name) do nothing;

create temp table stage_genre_pairs on commit drop as
select distinct f.movie_id, g.genre_id
from stage_movie_genres s
join stage_movies f using (file, line)
join recsys.genres g on g.name = s.genre;

with written as (
    delete from recsys.movie_genres mg using stage_movies f
    where exists (select from stage_movie_genres) and f.movie_id = mg.movie_id
      and not exists (select from stage_genre_pairs p
        where p.movie_id = mg.movie_id and p.genre_id = mg.genre_id)
    returning mg.movie_id
)
insert into stage_touched select movie_id, false from written;

with written as (
    insert into recsys.movie_genres (movie_id, genre_id)
    select movie_id, genre_id from stage_genre_pairs order by 1, 2
    on conflict do nothing
    returning movie_id
)
insert into stage_touched select movie_id, false from written;
drop table stage_genre_pairs;
"""

# People are added, a text takes the place of one of its kind.
ADD_PARTS = """
insert into recsys.people (name)
select distinct s.name
from stage_movie_people s join stage_movies f using (file, line)
where not exists (select from recsys.people p where p.name = s.name)
order by 1;

with written as (
    insert into recsys.movie_people as mp (movie_id, person_id, role, position)
    select f.movie_id, p.person_id, s.role, min(s.position)
    from stage_movie_people s
    join stage_movies f using (file, line)
    join (select name, min(person_id) as person_id from recsys.people group by name) p
        on p.name = s.name
    group by f.movie_id, p.person_id, s.role
    on conflict (movie_id, person_id, role) do update set position = excluded.position
    where mp.position is distinct from excluded.position
    returning movie_id, xmax = 0 as is_new
)
insert into stage_touched select movie_id, is_new from written;

with written as (
    insert into recsys.movie_keywords (movie_id, keyword)
    select distinct f.movie_id, s.keyword
    from stage_movie_keywords s join stage_movies f using (file, line)
    on conflict do nothing
    returning movie_id
)
insert into stage_touched select movie_id, true from written;

with written as (
    insert into recsys.movie_texts as t (movie_id, kind, text)
    select distinct on (f.movie_id, s.kind) f.movie_id, s.kind, s.text
    from stage_movie_texts s join stage_movies f using (file, line)
    order by f.movie_id, s.kind, s.file desc, s.line desc
    on conflict (movie_id, kind) do update set text = excluded.text where t.text <> excluded.text
    returning movie_id, xmax = 0 as is_new
)
insert into stage_touched select movie_id, is_new from written;
"""

MERGE_MOVIES = (
    *(TOUCHED, WRITE_FILMS, WRITE_GENRES, ADD_PARTS),
    COUNT.format(is_new="bool_or(is_new and is_film)"),
)
MERGE_DESCRIPTIONS = (TOUCHED, FILL_FILMS, ADD_PARTS, COUNT.format(is_new="bool_and(is_new)"))
