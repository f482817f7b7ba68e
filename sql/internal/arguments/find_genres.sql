create or replace function recsys_internal.find_genres(names text[])
returns bigint[]
language plpgsql stable
as $$
declare
    unknown text;
begin
    if names is null then
        return null;
    end if;
    select wanted.name into unknown
    from unnest(names) as wanted (name)
    left join recsys.genres g on lower(g.name) = lower(wanted.name)
    where g.genre_id is null
    limit 1;
    if found then
        raise exception 'unknown genre: %', coalesce(quote_literal(unknown), 'null')
            using errcode = '22023', hint = (
                select coalesce(
                    'The genres are ' || string_agg(name, ', ' order by name) || '.',
                    'No film has a genre yet.')
                from recsys.genres
            );
    end if;
    return array(
        select g.genre_id from recsys.genres g
        where lower(g.name) in (select lower(wanted.name) from unnest(names) as wanted (name))
    );
end
$$;

comment on function recsys_internal.find_genres is
    'Ids of the named genres, whatever their capitals; refuses an unknown name.';
