create or replace function recsys.user_vector(user_id bigint, model_id bigint default null)
returns vector
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
begin
    return (recsys_internal.find_taste(
        user_vector.user_id, recsys_internal.find_model(user_vector.model_id),
        recsys_internal.find_rated(user_vector.user_id))).embedding;
end
$$;

comment on function recsys.user_vector is
    'The user''s learned factors as of this statement, then a zero, as in recsys.user_vectors; '
    'null for a user who likes no film that the model knows.';
