create or replace function recsys.search_titles(
    query text,
    k integer default 10,
    include_adult boolean default false
)
returns setof recsys.title_match
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    wanted text := left(btrim(query), 255);  -- as long as titles are compared
begin
    perform recsys_internal.check_k(k);
    if wanted is null or wanted = '' then
        raise exception 'the title to search for is empty' using errcode = '22023';
    end if;
    return query
    with readings as materialized (
        select r.reading, r.year, r.weight from recsys_internal.title_readings(wanted) r
    ),
    candidates as materialized (
        select distinct c.movie_id
        from readings r
        cross join lateral recsys_internal.title_candidates(
            r.reading, greatest(k, 20), coalesce(include_adult, false))
            as c (movie_id)
    ),
    scored as (
        select m.movie_id, m.title, m.year, m.liked_count, max(
            recsys_internal.title_likeness(r.reading, m.plain_title) * r.weight * case
                when r.year is null or r.year = m.year then 1
                when abs(r.year - m.year) = 1 then 0.95
                else 0.85
            end) as score
        from candidates c
        -- The limit makes this a look-up a film, not a join of all films.
        cross join lateral (select * from recsys.movies m where m.movie_id = c.movie_id limit 1) m
        cross join readings r
        group by m.movie_id, m.title, m.year, m.liked_count
    )
    select row_number() over best::integer, s.movie_id, s.title, s.year, s.score
    from scored s
    where s.score >= 0.3  -- below it nothing but chance is alike
    window best as (order by s.score desc, s.liked_count desc, s.movie_id)
    order by row_number() over best
    limit k;
end
$$;

comment on column recsys.title_match.rank is 'Place in the list; 1 is the most alike.';
comment on column recsys.title_match.movie_id is 'Id of the film.';
comment on column recsys.title_match.title is 'Title of the film.';
comment on column recsys.title_match.year is 'Its year of release.';
comment on column recsys.title_match.score is 'How alike its title is to the query, 0 to 1.';

comment on function recsys.search_titles is
    'The k films whose titles are most like the query: typos, accents and word order forgiven; '
    'a year at the end is preferred.';
