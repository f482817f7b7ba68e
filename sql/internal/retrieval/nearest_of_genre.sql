-- A genre's films are listed with their norms, the longest vector first. No cosine exceeds the norm
-- (Cauchy-Schwarz): of the list, so much is read as can hold one of the n best.
create or replace function recsys_internal.nearest_of_genre(
    model recsys.models,
    query vector,
    n integer,
    barred bigint[],
    genre_id bigint,
    most_read integer,
    out ids bigint[],  -- null if more than most_read would have to be read
    out distances double precision[]
)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    rounding constant double precision := 1e-5;  -- no norm and score of a film differ by more
    head constant bigint := greatest(256, 2::bigint * n);  -- read first
    unit vector := l2_normalize(query);
    listed bigint[];
    least_norm real;
    bound real := 0;
begin
    select array_agg(l.movie_id), min(l.norm)
    into listed, least_norm
    from (
        select g.movie_id, g.norm
        from recsys.genre_norms g
        where g.model_id = model.model_id and g.genre_id = nearest_of_genre.genre_id
          and g.movie_id not in (select b from unnest(barred) b)
        order by g.norm desc
        limit head
    ) l;
    select coalesce(array_agg(f.movie_id order by f.place), '{}'),
        array_agg(f.distance order by f.place)
    into ids, distances
    from recsys_internal.nearest_of(model, unit, n, listed)
        with ordinality as f (movie_id, distance, place);
    if cardinality(distances) = n then
        bound := 1 - rounding - distances[n];
    end if;
    if cardinality(listed) < head or bound > least_norm then
        return;
    end if;
    listed := array(
        select g.movie_id
        from recsys.genre_norms g
        where g.model_id = model.model_id and g.genre_id = nearest_of_genre.genre_id
          and g.norm >= bound and g.movie_id not in (select b from unnest(barred) b)
        order by g.norm desc
        offset head
        limit most_read + 1);
    if cardinality(listed) > most_read then
        ids := null;
        return;
    end if;
    select array_agg(f.movie_id), array_agg(f.distance)
    into ids, distances
    from (
        select *
        from (
            select * from unnest(ids, distances)
            union all
            select * from recsys_internal.nearest_of(model, unit, n, listed)
        ) f (movie_id, distance)
        order by f.distance, f.movie_id
        limit n
    ) f;
end
$$;

comment on function recsys_internal.nearest_of_genre is
    'The n films of a genre that are nearest to a vector by score, and not barred: exact.';

create or replace function recsys_internal.nearest_of(
    model recsys.models,
    unit vector,
    n integer,
    movie_ids bigint[]
)
returns table (movie_id bigint, distance double precision)
language plpgsql stable
as $$
#variable_conflict use_column
begin
    return query
    select v.movie_id, 1 + (v.embedding <#> unit) as distance
    from recsys.movie_vectors v
    where v.model_id = model.model_id and v.movie_id = any (movie_ids)
    order by distance, v.movie_id
    limit n;
end
$$;

comment on function recsys_internal.nearest_of is
    'The n films listed whose vectors make the smallest angle with a vector of length 1.';
