create or replace function recsys.similar_movies(
    movie_id bigint,
    k integer default 10,
    genres text[] default null,
    exclude_genres text[] default null,
    year_from integer default null,
    year_to integer default null,
    min_ratings integer default null,
    exclude_movies bigint[] default null,
    model_id bigint default null
)
returns setof recsys.similar_movie
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
    model recsys.models := recsys_internal.find_model(similar_movies.model_id);
    wanted bigint[] := recsys_internal.find_genres(similar_movies.genres);
    unwanted bigint[] := recsys_internal.find_genres(similar_movies.exclude_genres);
    filtered boolean := num_nonnulls(
        genres, exclude_genres, year_from, year_to, min_ratings, exclude_movies) > 0;
    -- Likeness is the angle between the learned factors: the last coordinate, there for the
    -- sake of the dot product, would pull unpopular films together.
    likeness vector := (
        select subvector(v.embedding, 1, model.factors) from recsys.movie_vectors v
        where v.movie_id = similar_movies.movie_id and v.model_id = model.model_id
    );
begin
    perform recsys_internal.check_k(k);
    perform recsys_internal.check_movie(similar_movies.movie_id);
    return query
    with allowed as materialized (
        select f.movie_id from recsys_internal.filtered_movies(
            wanted, unwanted, year_from, year_to, min_ratings, exclude_movies) f
    ),
    near as materialized (
        select v.movie_id, subvector(v.embedding, 1, model.factors) <=> likeness as distance
        from recsys.movie_vectors v
        where v.model_id = model.model_id
          and likeness is not null
          and v.movie_id <> similar_movies.movie_id
          and (not filtered or v.movie_id in (select a.movie_id from allowed a))
        order by distance, v.movie_id
        limit k
    ),
    popular as (
        select m.movie_id, m.liked_count
        from recsys.movies m
        where m.movie_id <> similar_movies.movie_id
          and m.movie_id not in (select n.movie_id from near n)
          and (not filtered or m.movie_id in (select a.movie_id from allowed a))
        order by m.liked_count desc, m.movie_id
        limit k - (select count(*) from near)
    ),
    answer as (
        select row_number() over (order by n.distance, n.movie_id) as rank, n.movie_id,
            1 - n.distance as score, 'personal' as source, model.model_id
        from near n
        union all
        select (select count(*) from near) + row_number() over (
                order by p.liked_count desc, p.movie_id),
            p.movie_id, p.liked_count, 'popular', null
        from popular p
        limit k
    )
    select a.rank::integer, a.movie_id, d.title, d.year, d.genres, a.score, a.source, a.model_id
    from answer a
    cross join lateral recsys_internal.describe_movie(a.movie_id) d
    order by a.rank;
end
$$;

comment on function recsys.similar_movies is
    'The k films that the same people like most, by the angle between learned vectors; '
    'popular ones where the model does not know the film.';
