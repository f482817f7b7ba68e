create or replace function recsys_internal.genres_named(query text)
returns bigint[]
language sql stable
as $$
    select array(
        select g.genre_id
        from recsys.genres g
        cross join lateral tsvector_to_array(to_tsvector('pg_catalog.english', g.name)) as n (stems)
        where n.stems <> '{}'
          and n.stems <@ tsvector_to_array(to_tsvector('pg_catalog.english', left(query, 100000))))
$$;

comment on function recsys_internal.genres_named is 'Ids of the genres whose names a text contains.';
