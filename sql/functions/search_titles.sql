create or replace function recsys.search_titles(query text, k integer default 10)
returns setof recsys.title_match
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
    wanted text := public.unaccent(btrim(query));
begin
    perform recsys_internal.check_k(k);
    if wanted is null or wanted = '' then
        raise exception 'the title to search for is empty' using errcode = '22023';
    end if;
    return query
    with scored as (
        -- Trigrams forgive typos and word order. A title that only begins or ends like the
        -- query counts a little less than one that is like it as a whole.
        select m.movie_id, m.title, m.year, m.liked_count,
            greatest(
                similarity(wanted, public.unaccent(m.title)),
                similarity(wanted, public.unaccent(m.title) || coalesce(' ' || m.year, '')),
                0.9 * word_similarity(wanted, public.unaccent(m.title))
            )::double precision as score
        from recsys.movies m
    )
    select row_number() over best::integer, s.movie_id, s.title, s.year, s.score
    from scored s
    where s.score > 0
    window best as (order by s.score desc, s.liked_count desc, s.movie_id)
    order by row_number() over best
    limit k;
end
$$;

comment on function recsys.search_titles is
    'The k films whose titles are most like the query: typos, accents and word order forgiven.';
