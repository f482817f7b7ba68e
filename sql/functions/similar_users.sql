create or replace function recsys.similar_users(
    user_id bigint,
    k integer default 10,
    model_id bigint default null
)
returns setof recsys.ranked_user
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
    model recsys.models := recsys_internal.find_model(similar_users.model_id);
    taste recsys_internal.taste := recsys_internal.find_taste(
        similar_users.user_id, model, recsys_internal.find_rated(similar_users.user_id));
begin
    perform recsys_internal.check_k(k);
    return query
    select u.place::integer, u.user_id, u.match
    from recsys_internal.nearest_users(
        model, taste.embedding, 'likeness', k, barred => similar_users.user_id)
        with ordinality as u (user_id, match, place)
    order by u.place;
end
$$;

comment on function recsys.similar_users is
    'The k users whose vectors are nearest to a user''s, by the angle; the user''s own is as of '
    'this statement. No rows for a user without known likes. Users that no training has seen are '
    'not found.';
