create or replace function recsys.score_movies(
    user_id bigint,
    movie_ids bigint[],
    model_id bigint default null
)
returns setof recsys.scored_movie
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
    model recsys.models := recsys_internal.find_model(score_movies.model_id);
    taste recsys_internal.taste := recsys_internal.find_taste(score_movies.user_id, model);
begin
    if movie_ids is null then
        raise exception 'movie_ids is null: name the films' using errcode = '22023';
    end if;
    perform recsys_internal.check_movies(movie_ids);
    return query
    select m.movie_id, coalesce(p.score, m.liked_count), null::real,
        case when p.score is null then 'popular' when p.content then 'content'
            else taste.source end
    from recsys.movies m
    left join lateral (
        select -(v.embedding <#> taste.ranking) * model.item_norm as score, v.content
        from recsys.movie_vectors v
        where v.model_id = model.model_id and v.movie_id = m.movie_id
    ) p on true
    where m.movie_id = any (movie_ids)
    order by p.score is null, coalesce(p.score, m.liked_count) desc, m.movie_id;
end
$$;

comment on function recsys.score_movies is
    'The score of each given film for a user, rated or not, best first: personal ones as '
    'recsys.recommend gives them, then those that only popularity speaks for.';
