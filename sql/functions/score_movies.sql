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
    rated recsys_internal.rated := recsys_internal.find_rated(score_movies.user_id);
    taste recsys_internal.taste := recsys_internal.find_taste(
        score_movies.user_id, model, rated);
    wanted bigint[] := array(select distinct m from unnest(movie_ids) m);
    ranker recsys.rankers := recsys_internal.find_ranker(model.model_id);
begin
    if movie_ids is null then
        raise exception 'movie_ids is null: name the films' using errcode = '22023';
    end if;
    perform recsys_internal.check_movies(movie_ids);
    return query
    select m.movie_id, coalesce(p.score, m.popularity), given.stars,
        case when p.score is null then 'popular' when p.content then 'content'
            else taste.source end
    from unnest(wanted, recsys_internal.predict_stars(
        ranker, recsys_internal.find_rater(score_movies.user_id, ranker, rated), wanted)
    ) as given (movie_id, stars)
    join recsys.movies m on m.movie_id = given.movie_id
    left join lateral (
        select -(v.embedding <#> taste.ranking) * model.item_norm as score, v.content
        from recsys.movie_vectors v
        where v.model_id = model.model_id and v.movie_id = m.movie_id
    ) p on true
    order by p.score is null, coalesce(p.score, m.popularity) desc,
        case when p.score is null then m.liked_count end desc, m.movie_id;
end
$$;

comment on column recsys.scored_movie.movie_id is 'Id of the film.';
comment on column recsys.scored_movie.score is
    'Higher is better; comparable among rows of one source and user alone.';
comment on column recsys.scored_movie.predicted_rating is
    'Stars that the user would give it; null without a ranker.';
comment on column recsys.scored_movie.source is
    'What the score is made from: personal, live, content or popular.';

comment on function recsys.score_movies is
    'The score of each given film for a user, rated or not, best first: personal ones as '
    'recsys.recommend gives them with rerank off, then films without a vector by their '
    'popularity; and the stars that the user would give each.';
