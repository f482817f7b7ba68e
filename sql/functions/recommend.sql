create or replace function recsys.recommend(
    user_id bigint,
    k integer default 10,
    genres text[] default null,
    exclude_genres text[] default null,
    year_from integer default null,
    year_to integer default null,
    min_ratings integer default null,
    exclude_movies bigint[] default null,
    include_rated boolean default false,
    model_id bigint default null
)
returns setof recsys.recommendation
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
    model recsys.models := recsys_internal.find_model(recommend.model_id);
    wanted bigint[] := recsys_internal.find_genres(recommend.genres);
    unwanted bigint[] := recsys_internal.find_genres(recommend.exclude_genres);
    filtered boolean := num_nonnulls(
        genres, exclude_genres, year_from, year_to, min_ratings, exclude_movies) > 0;
    long real := coalesce((
        select v.norm from recsys.movie_vectors v
        where v.model_id = model.model_id
        order by v.norm desc
        limit 1 offset 300
    ), 0);
    taste vector := (
        select u.embedding from recsys.user_vectors u
        where u.user_id = recommend.user_id and u.model_id = model.model_id
    );
begin
    perform recsys_internal.check_k(k);
    return query
    with rated as materialized (
        select r.movie_id from recsys.ratings r
        where r.user_id = recommend.user_id and not coalesce(include_rated, false)
    ),
    allowed as materialized (
        select f.movie_id from recsys_internal.filtered_movies(
            wanted, unwanted, year_from, year_to, min_ratings, exclude_movies) f
    ),
    bound as materialized (
        -- The k-th best cosine among the longest vectors, where most that is liked is found.
        -- No cosine exceeds the norm (Cauchy-Schwarz), so no film with a smaller norm can be
        -- among the k best. The slack is for rounding.
        select 1 - 1e-5 - h.distance as norm
        from (
            select v.movie_id, v.embedding <=> taste as distance
            from recsys.movie_vectors v
            where v.model_id = model.model_id and v.norm >= long and taste is not null
              and v.movie_id not in (select r.movie_id from rated r)
            order by distance
            limit case when not filtered then k end
        ) h
        where not filtered or (
            select true from recsys_internal.filtered_movies(
                wanted, unwanted, year_from, year_to, min_ratings, exclude_movies) f
            where f.movie_id = h.movie_id limit 1)
        order by h.distance
        limit 1 offset k - 1
    ),
    personal as materialized (
        select n.movie_id, n.distance
        from (
            select v.movie_id, v.embedding <=> taste as distance
            from recsys.movie_vectors v
            where v.model_id = model.model_id
              and v.norm >= coalesce((select b.norm from bound b), 0)
              -- Ordering by the distance to no vector at all would pick films at random.
              and taste is not null
              and v.movie_id not in (select r.movie_id from rated r)
              -- Where few films pass the filters, as a missing bound tells, those that do are
              -- listed; where many do, it is quicker to look each up, nearest first, until k have.
              and (not filtered or exists (select from bound)
                or v.movie_id in (select a.movie_id from allowed a))
            order by distance, v.movie_id
            limit case when not filtered then k end
        ) n
        where not filtered or not exists (select from bound) or (
            select true from recsys_internal.filtered_movies(
                wanted, unwanted, year_from, year_to, min_ratings, exclude_movies) f
            where f.movie_id = n.movie_id limit 1)
        order by n.distance, n.movie_id
        limit k
    ),
    popular as (
        select m.movie_id, m.liked_count
        from recsys.movies m
        where m.movie_id not in (select r.movie_id from rated r)
          and m.movie_id not in (select p.movie_id from personal p)
          and (not filtered or m.movie_id in (select a.movie_id from allowed a))
        order by m.liked_count desc, m.movie_id
        limit k - (select count(*) from personal)
    ),
    answer as (
        select row_number() over (order by p.distance, p.movie_id) as rank, p.movie_id,
            (1 - p.distance) * vector_norm(taste) * model.item_norm as score,
            'personal' as source, model.model_id
        from personal p
        union all
        select (select count(*) from personal) + row_number() over (
                order by p.liked_count desc, p.movie_id),
            p.movie_id, p.liked_count, 'popular', null
        from popular p
        limit k
    )
    select a.rank::integer, a.movie_id, d.title, d.year, d.genres, a.score, null::real, a.source,
        null::bigint, null::text, a.model_id
    from answer a
    cross join lateral recsys_internal.describe_movie(a.movie_id) d
    order by a.rank;
end
$$;

comment on function recsys.recommend is
    'The k best films for a user that they have not rated: personal ones by the model''s score, '
    'then popular ones, which also answer for a user that the model does not know.';
