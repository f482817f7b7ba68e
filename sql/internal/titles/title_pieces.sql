-- The longest words, cut in two where there are but one or two: a typo spoils one piece.
create or replace function recsys_internal.title_pieces(reading text)
returns text[]
language sql immutable
as $$
    select array(
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
        where piece <> 'the')
$$;

comment on function recsys_internal.title_pieces is
    'Patterns of pieces of a plain title, four at most; none without a word of three letters.';

create or replace function recsys_internal.title_thirds(main text)
returns text[]
language sql immutable
as $$
    select case when length(main) >= 9 then array[
        left(plain, third) || '%',
        '%' || substr(plain, third + 1, length(plain) - 2 * third) || '%',
        '%' || right(plain, third) || '%'] end
    from translate(main, '\%', '__') as plain
    cross join lateral (select length(main) / 3 as third) t
$$;

comment on function recsys_internal.title_thirds is
    'Patterns of the beginning, the middle and the end of a main title; null if it is short.';
