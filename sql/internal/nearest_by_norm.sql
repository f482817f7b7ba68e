-- No cosine exceeds the norm (Cauchy-Schwarz): once some films have been looked at, those with a
-- smaller norm than the n-th best of them cannot be among the n best.
create or replace function recsys_internal.score_bound(
    model recsys.models,
    query vector,
    n integer,
    barred bigint[],
    filters recsys_internal.filters
)
returns real
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    -- That of the 256th film, and further down for those who have rated many of the first.
    longest constant real := coalesce(
        model.norms[9 + floor(log(2, 1 + coalesce(cardinality(barred), 0) / 128.0))::integer], 0);
begin
    return (
        select 1 - 1e-5 - h.distance  -- the slack is for rounding
        from (
            select v.movie_id, v.embedding <=> query as distance
            from recsys.movie_vectors v
            where v.model_id = model.model_id and v.norm >= longest
              and v.movie_id not in (select b from unnest(barred) b)
            order by distance
            limit case when not filters.active then n end
        ) h
        where not filters.active or (
            select true from recsys_internal.filtered_movies(
                filters.genre_ids, filters.excluded_genre_ids, filters.year_from,
                filters.year_to, filters.min_ratings) f
            where f.movie_id = h.movie_id limit 1)
        order by h.distance
        limit 1 offset n - 1
    );
end
$$;
comment on function recsys_internal.score_bound is
    'The n-th best cosine among the longest film vectors, where most that is liked is found; '
    'null where fewer than n of them pass.';

create or replace function recsys_internal.nearest_by_norm(
    model recsys.models,
    query vector,
    n integer,
    barred bigint[],
    filters recsys_internal.filters,
    bound real
)
returns table (movie_id bigint, distance double precision)
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select c.movie_id, c.distance
    from (
        select v.movie_id, v.embedding <=> query as distance
        from recsys.movie_vectors v
        where v.model_id = model.model_id and v.norm >= bound
          and v.movie_id not in (select b from unnest(barred) b)
        order by distance, v.movie_id
        limit case when not filters.active then n end
    ) c
    -- Where many pass, it is quicker to look each up, nearest first, until n have.
    where not filters.active or (
        select true from recsys_internal.filtered_movies(
            filters.genre_ids, filters.excluded_genre_ids, filters.year_from,
            filters.year_to, filters.min_ratings) f
        where f.movie_id = c.movie_id limit 1)
    order by c.distance, c.movie_id
    limit n;
end
$$;
comment on function recsys_internal.nearest_by_norm is
    'The films with the best scores among those whose norm is at least the bound: exact.';
