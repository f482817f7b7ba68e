create or replace function recsys_internal.nearest_by_norm(
    model recsys.models,
    query vector,
    n integer,
    barred bigint[],
    filters recsys_internal.filters,
    allowed bigint[],
    least_norm real,
    most_distance double precision default 2,
    most_read bigint default null
)
returns table (movie_id bigint, distance double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    only_genres constant boolean := num_nonnulls(
        filters.excluded_genre_ids, filters.year_from, filters.year_to, filters.min_ratings) = 0
        and not filters.predicted;
begin
    if not filters.active or allowed is not null then
        return query
        select near.movie_id, near.distance
        from (
            select v.movie_id, v.embedding <=> query as distance, v.norm
            from recsys.movie_vectors v
            where v.model_id = model.model_id and v.norm >= least_norm
              and (allowed is null or v.movie_id in (select a from unnest(allowed) a))
              and v.movie_id not in (select b from unnest(barred) b)
            order by v.norm desc
            limit most_read
        ) near
        where near.distance <= most_distance  -- the others need not be sorted
        order by near.distance, near.movie_id
        limit n;
        return;
    end if;
    -- Where many pass, it is quicker to look each up, nearest first, until n have.
    return query
    select c.movie_id, c.distance
    from (
        select near.movie_id, near.distance
        from (
            select v.movie_id, v.embedding <=> query as distance, v.norm
            from recsys.movie_vectors v
            where v.model_id = model.model_id and v.norm >= least_norm
              and v.movie_id not in (select b from unnest(barred) b)
            order by v.norm desc
            limit most_read
        ) near
        where near.distance <= most_distance
        order by near.distance, near.movie_id
        offset 0
    ) c
    where case when only_genres then (
            select true from recsys.movie_genres g
            where g.genre_id = any (filters.genre_ids) and g.movie_id = c.movie_id limit 1)
        else (
            select true from recsys_internal.filtered_movies(
                filters.genre_ids, filters.excluded_genre_ids, filters.year_from,
                filters.year_to, filters.min_ratings, filters.predicted) f
            where f.movie_id = c.movie_id limit 1)
        end
    order by c.distance, c.movie_id
    limit n;
end
$$;

comment on function recsys_internal.nearest_by_norm is
    'The n films with the best scores among those with at least a norm and at most a distance, '
    'which pass the filters (or, if there is a list, are on it) and are not barred: exact.';
