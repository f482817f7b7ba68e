create or replace function recsys.users_for(
    movie_id bigint,
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
    model recsys.models := recsys_internal.find_model(users_for.model_id);
    film vector := (
        select v.embedding from recsys.movie_vectors v
        where v.model_id = model.model_id and v.movie_id = users_for.movie_id and v.norm > 0);
begin
    perform recsys_internal.check_k(k);
    perform recsys_internal.check_movies(array[users_for.movie_id]);
    return query
    select u.place::integer, u.user_id, u.match * model.item_norm
    from recsys_internal.nearest_users(model, film, 'score', k, film_id => users_for.movie_id)
        with ordinality as u (user_id, match, place)
    order by u.place;
end
$$;

comment on column recsys.ranked_user.rank is 'Place in the list; 1 is the best.';
comment on column recsys.ranked_user.user_id is 'Id of the user.';
comment on column recsys.ranked_user.score is
    'Higher is better: of users_for, the model''s score of the film for the user; of '
    'similar_users, the cosine of the two users'' vectors.';

comment on function recsys.users_for is
    'The k users with the highest model''s scores of a film that they have not rated, as '
    'recsys.score_movies gives them. No rows for a film without a vector. Users that no training '
    'has seen are left out.';
