create or replace function recsys.more_like(
    liked bigint[],
    disliked bigint[] default '{}',
    k integer default 10,
    genres text[] default null,
    exclude_genres text[] default null,
    year_from integer default null,
    year_to integer default null,
    min_ratings integer default null,
    exclude_movies bigint[] default null,
    model_id bigint default null,
    include_predicted_genres boolean default false,
    include_adult boolean default false
)
returns setof recsys.similar_movie
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    model recsys.models := recsys_internal.find_model(more_like.model_id);
    filters recsys_internal.filters := recsys_internal.find_filters(
        genres, exclude_genres, year_from, year_to, min_ratings, include_predicted_genres,
        include_adult);
    barred bigint[];
    towards vector;
    away vector;
    ids bigint[];
    scores double precision[];
    sources text[];
begin
    perform recsys_internal.check_k(k);
    if coalesce(cardinality(liked), 0) = 0 then
        raise exception 'liked is %: name at least one film', coalesce(quote_literal(liked), 'null')
            using errcode = '22023';
    end if;
    perform recsys_internal.check_movies(liked), recsys_internal.check_movies(disliked);
    towards := l2_normalize(recsys_internal.factors_of(model, liked));
    away := l2_normalize(recsys_internal.factors_of(model, disliked));
    if away is not null then
        towards := towards - recsys_internal.scaled(away, 0.5);
    end if;
    barred := recsys_internal.present(liked) || recsys_internal.present(disliked)
        || recsys_internal.present(exclude_movies) || filters.hidden;
    select array_agg(n.movie_id order by n.place), array_agg(1 - n.distance order by n.place),
        array_agg('personal'::text)
    into ids, scores, sources
    from recsys_internal.nearest_movies(model, towards, 'likeness', k, barred, filters)
        with ordinality as n (movie_id, distance, place);
    return query select * from recsys_internal.complete_similar(
        model, ids, scores, sources, k, barred, filters);
end
$$;

comment on function recsys.more_like is
    'The k films most like the liked ones and least like the disliked ones: by the angle to the '
    'mean of the liked minus half the mean of the disliked (Rocchio 1971); popular ones if '
    'the model knows none of the liked.';
