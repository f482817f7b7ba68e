create or replace function recsys.recommend_for(
    liked bigint[],
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
returns setof recsys.recommendation
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
    model recsys.models := recsys_internal.find_model(recommend_for.model_id);
    filters recsys_internal.filters := recsys_internal.find_filters(
        genres, exclude_genres, year_from, year_to, min_ratings, include_predicted_genres,
        include_adult);
    barred bigint[] := recsys_internal.present(liked)
        || recsys_internal.present(exclude_movies) || filters.hidden;
    taste recsys_internal.taste;
    ids bigint[];
    scores double precision[];
begin
    perform recsys_internal.check_k(k);
    if coalesce(cardinality(liked), 0) = 0 then
        raise exception 'liked is %: name at least one film', coalesce(quote_literal(liked), 'null')
            using errcode = '22023';
    end if;
    perform recsys_internal.check_movies(liked);
    taste := recsys_internal.live_taste(model, array(select distinct l from unnest(liked) l));
    select array_agg(n.movie_id order by n.place), array_agg(
        (1 - n.distance) * vector_norm(taste.ranking) * model.item_norm order by n.place)
    into ids, scores
    from recsys_internal.nearest_movies(model, taste.ranking, 'score', k, barred, filters)
        with ordinality as n (movie_id, distance, place);
    return query select * from recsys_internal.complete_recommendations(
        model, taste.source, ids, scores, null, recsys_internal.find_reasons(
            recsys_internal.find_order(model.model_id),
            recsys_internal.even_ordering(taste.film_ids), ids),
        k, barred, filters, null, null);
end
$$;

comment on function recsys.recommend_for is
    'The k best films for those who like the given ones, and have no account: by the vector that '
    'the model''s own equation makes of these likes, as of a live user''s, in the order of '
    'retrieval; then popular ones, which fill the list where the model has no equation. Without '
    'stars: too little is known of how they rate.';
