-- Two cheap looks at the catalogue, so that few films need be compared with care. The first
-- finds titles of about the query's length that few edits turn into it: two edits leave a third
-- of a long title as it is, and of short ones there are fewer. The second finds those that contain
-- a piece of it anywhere: parts of titles, other orders.
-- A plan made without the query's pieces takes them for common ones and, on some ten thousand
-- films, may read them all, which takes three times as long: hence no sequential scan.
create or replace function recsys_internal.title_candidates(
    reading text,
    n integer,
    include_adult boolean
)
returns setof bigint
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    most_compared constant integer := 400;  -- by their trigrams
    main constant text := recsys_internal.main_title(reading);
    thirds constant text[] := recsys_internal.title_thirds(main);
    pieces text[] := recsys_internal.title_pieces(reading);
begin
    if pieces = '{}' and main ~ '^[^\W_]+( [^\W_]+)*$' then
        pieces := array[main || ' %'];  -- "e t" is short of pieces, but may begin a title
    end if;
    return query
    select near.movie_id from (
        select alike.movie_id
        from (
            select m.movie_id, m.plain_title, m.liked_count
            from recsys_internal.offered_movies(include_adult) m
            where thirds is null
              and length(recsys_internal.main_title(m.plain_title))
                between length(main) - 2 and length(main) + 2
            union all
            select m.movie_id, m.plain_title, m.liked_count
            from recsys_internal.offered_movies(include_adult) m
            where m.plain_title like any (thirds)
              and length(recsys_internal.main_title(m.plain_title))
                between length(main) - 2 and length(main) + 2
        ) alike
        order by levenshtein_less_equal(
            recsys_internal.main_title(alike.plain_title), main, 2, 2, 3, 8),
            alike.liked_count desc
        limit n
    ) near
    union
    select holding.movie_id from (
        select held.movie_id
        from (
            select m.movie_id, m.plain_title, m.liked_count
            from recsys_internal.offered_movies(include_adult) m
            where m.plain_title like any (pieces)
            order by (m.plain_title like pieces[1])::integer
                + coalesce((m.plain_title like pieces[2])::integer, 0)
                + coalesce((m.plain_title like pieces[3])::integer, 0)
                + coalesce((m.plain_title like pieces[4])::integer, 0) desc,
                abs(length(m.plain_title) - length(reading)), m.movie_id
            limit greatest(most_compared, n)
        ) held
        order by similarity(held.plain_title, reading) desc, held.liked_count desc
        limit n
    ) holding;
end
$$;

comment on function recsys_internal.title_candidates is
    'Films whose titles may be the plain title that was read from a query: n of each of two kinds.';
