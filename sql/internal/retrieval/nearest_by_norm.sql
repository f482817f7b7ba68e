-- Vectors and query have length 1, so that the inner product is the cosine; it is quicker.
create or replace function recsys_internal.nearest_by_norm(
    model recsys.models,
    query vector,
    n integer,
    barred bigint[],
    filters recsys_internal.filters,
    least_norm real,
    below_norm real default null,  -- null: however long
    most_distance double precision default 2
)
returns table (movie_id bigint, distance double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    below real := coalesce(below_norm, 'infinity');
    unit vector := l2_normalize(query);
begin
    if not filters.active then
        return query
        select near.movie_id, near.distance
        from (
            select v.movie_id, 1 + (v.embedding <#> unit) as distance
            from recsys.movie_vectors v
            where v.model_id = model.model_id and v.norm >= least_norm and v.norm < below
            offset 0
        ) near
        -- The others need be neither looked up nor sorted.
        where near.distance <= most_distance
          and near.movie_id not in (select b from unnest(barred) b)
        order by near.distance, near.movie_id
        limit n;
        return;
    end if;
    -- It is quicker to look each up, nearest first, until n have passed.
    return query
    select c.movie_id, c.distance
    from (
        select near.movie_id, near.distance
        from (
            select v.movie_id, 1 + (v.embedding <#> unit) as distance
            from recsys.movie_vectors v
            where v.model_id = model.model_id and v.norm >= least_norm and v.norm < below
            offset 0
        ) near
        where near.distance <= most_distance
          and near.movie_id not in (select b from unnest(barred) b)
        order by near.distance, near.movie_id
        offset 0
    ) c
    where case when filters.only_genres and not filters.predicted then (
            select true from recsys.movie_genres g
            where g.genre_id = any (filters.genre_ids) and g.movie_id = c.movie_id limit 1)
        else (
            select true from recsys_internal.filtered_movies(
                filters.genre_ids, filters.excluded_genre_ids, filters.year_from,
                filters.year_to, filters.min_ratings, filters.predicted,
                filters.include_adult) f
            where f.movie_id = c.movie_id limit 1)
        end
    order by c.distance, c.movie_id
    limit n;
end
$$;

comment on function recsys_internal.nearest_by_norm is
    'The n films with the best scores among those with a norm in a range and at most a distance, '
    'which pass the filters and are not barred: exact.';
