create or replace function recsys_internal.title_readings(query text)
returns table (reading text, year integer, weight double precision)
language sql stable
as $$
    with written as (
        select recsys_internal.plain_title(query) as reading, null::integer as year
        union all
        -- "heat 1995" may be a title and its year, "blade runner 2049" is a title alone.
        select recsys_internal.plain_title(found[1]), found[2]::integer
        from regexp_match(query, '^(.*\w.*?)[\s(]+((?:18|19|20)\d\d)\W*$') as found
        where found is not null
    )
    select w.reading, w.year, 1.0 from written w
    union all
    -- A mistyped article was not recognised as one.
    select substr(w.reading, length(first.word) + 2), w.year, 0.9
    from written w, substring(w.reading from '^(\S{2,4}) ') as first (word)
    where public.levenshtein(first.word, 'the') <= 2
    union all
    select regexp_replace(w.reading, '^([^|]+) \S+', '\1'), w.year, 0.9
    from written w, substring(w.reading from '^[^|]+ (\S{2,4})(?:\||$)') as last (word)
    where public.levenshtein(last.word, 'the') <= 2
$$;
comment on function recsys_internal.title_readings is
    'What a query may mean: a plain title, the year that it asks for, and how likely that is.';
