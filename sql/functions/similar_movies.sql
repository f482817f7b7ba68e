create or replace function recsys.similar_movies(
    movie_id bigint,
    k integer default 10,
    genres text[] default null,
    exclude_genres text[] default null,
    year_from integer default null,
    year_to integer default null,
    min_ratings integer default null,
    exclude_movies bigint[] default null,
    model_id bigint default null,
    include_predicted_genres boolean default false
)
returns setof recsys.similar_movie
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    model recsys.models := recsys_internal.find_model(similar_movies.model_id);
begin
    perform recsys_internal.check_k(k);
    perform recsys_internal.check_movies(array[movie_id]);
    return query select * from recsys_internal.complete_similar(
        model, recsys_internal.factors_of(model, array[movie_id]), k,
        movie_id || recsys_internal.present(exclude_movies),
        recsys_internal.find_filters(
            genres, exclude_genres, year_from, year_to, min_ratings, include_predicted_genres));
end
$$;

comment on function recsys.similar_movies is
    'The k films that the same people like most, by the angle between learned vectors; '
    'popular ones where the model does not know the film.';
