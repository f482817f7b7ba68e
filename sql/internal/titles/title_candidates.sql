-- Two cheap looks at the catalogue, so that few films need be compared with care. The first
-- finds titles of about the query's length that few edits turn into it, however short they are;
-- the second, those that contain a piece of it anywhere: parts of titles, other orders.
-- A plan made without the query's pieces takes them for common ones and, on some ten thousand
-- films, may read them all, which takes three times as long: hence no sequential scan.
create or replace function recsys_internal.title_candidates(reading text, n integer)
returns setof bigint
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    main text := recsys_internal.main_title(reading);
    -- The longest words, cut in two where there are but one or two: a typo spoils one piece.
    pieces text[] := array(
        select distinct '%' || piece || '%'
        from (
            select word, count(*) over () as words
            from regexp_matches(reading, '[^\W_]{3,}', 'g') as found (word)
            where word <> '{the}' and word <> '{and}'
            order by length(word[1]) desc
            limit 4
        ) longest
        cross join lateral (values
            (case when words > 2 or length(word[1]) < 6 then word[1]
                else left(word[1], length(word[1]) / 2) end),
            (case when words > 2 or length(word[1]) < 6 then word[1]
                else substr(word[1], length(word[1]) / 2 + 1) end)
        ) halves (piece)
    );
begin
    if pieces = '{}' and main ~ '^[^\W_]+( [^\W_]+)*$' then
        pieces := array[main || ' %'];  -- "e t" is short of pieces, but may begin a title
    end if;
    return query
    select near.movie_id from (
        select m.movie_id
        from recsys.movies m
        where length(recsys_internal.main_title(m.plain_title))
            between length(main) - 2 and length(main) + 2
        order by levenshtein_less_equal(
            recsys_internal.main_title(m.plain_title), main, 2, 2, 3, 8), m.liked_count desc
        limit n
    ) near
    union
    select holding.movie_id from (
        select m.movie_id
        from recsys.movies m
        where m.plain_title like any (pieces)
        order by similarity(m.plain_title, reading) desc, m.liked_count desc
        limit n
    ) holding;
end
$$;

comment on function recsys_internal.title_candidates is
    'Films whose titles may be the plain title that was read from a query: n of each of two kinds.';
