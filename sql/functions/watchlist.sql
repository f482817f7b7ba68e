create or replace function recsys.watchlist(
    user_id bigint,
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
    filters recsys_internal.filters := recsys_internal.find_filters(
        genres, exclude_genres, year_from, year_to, min_ratings, include_predicted_genres,
        include_adult);
    marks recsys_internal.marks := recsys_internal.find_marks(watchlist.user_id);
begin
    perform recsys_internal.check_k(k);
    return query select * from recsys_internal.recommend_among(
        watchlist.user_id, k, recsys_internal.find_model(watchlist.model_id),
        recsys_internal.limited_to(filters, marks.watchlist),
        recsys_internal.present(exclude_movies) || filters.hidden || marks.hidden,
        recsys_internal.find_rated(watchlist.user_id), marks,
        diversity => 0, rerank => true);
end
$$;

comment on function recsys.watchlist is
    'The k best films of a user''s watchlist (recsys.feedback), in the order of recsys.recommend, '
    'whether or not they have rated or seen them; without those that they hid or that are not on '
    'offer.';
