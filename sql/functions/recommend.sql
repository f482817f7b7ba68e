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
    diversity real default 0,
    rerank boolean default true,  -- by the order of a model that has one
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
    model recsys.models := recsys_internal.find_model(recommend.model_id);
    filters recsys_internal.filters := recsys_internal.find_filters(
        genres, exclude_genres, year_from, year_to, min_ratings, include_predicted_genres,
        include_adult);
    taste recsys_internal.taste := recsys_internal.find_taste(recommend.user_id, model);
    ranker recsys.rankers := recsys_internal.find_ranker(model.model_id);
    rater recsys_internal.rater := recsys_internal.find_rater(recommend.user_id, ranker);
    chosen recsys.orders := recsys_internal.find_order(model.model_id);
    ordering recsys_internal.ordering;
    reranked boolean := coalesce(rerank, false) and chosen.name <> 'retrieval';
    barred bigint[] := recsys_internal.present(exclude_movies) || filters.hidden;
    ids bigint[];
    scores double precision[];
    because bigint[];
begin
    perform recsys_internal.check_k(k);
    perform recsys_internal.check_diversity(diversity);
    if not coalesce(include_rated, false) then
        barred := barred || recsys_internal.known_movies(recommend.user_id);
    end if;
    if reranked and chosen.name = 'popular' and diversity = 0 then
        taste := null;  -- the list is that of all users, which popular films fill
    elsif reranked then
        ordering := recsys_internal.find_ordering(recommend.user_id, model, chosen);
        reranked := ordering.weights is not null;
    end if;
    if not reranked then
        ordering := recsys_internal.even_ordering(taste.film_ids);
    end if;
    select array_agg(n.movie_id order by n.place), array_agg(
        (1 - n.distance) * vector_norm(taste.ranking) * model.item_norm order by n.place)
    into ids, scores
    from recsys_internal.nearest_movies(
        model, taste.ranking, 'score', recsys_internal.pool_size(
            k, diversity, case when reranked then chosen.candidates end), barred, filters)
        with ordinality as n (movie_id, distance, place);
    if reranked then
        select array_agg(r.movie_id), array_agg(r.score), array_agg(r.because)
        into ids, scores, because
        from (
            select * from recsys_internal.rerank(
                model, taste, chosen, ordering, ids, scores, barred, filters, k)
            where taste.ranking is not null
            order by score desc, movie_id
        ) r;
    end if;
    if diversity > 0 then
        select array_agg(ids[d.place] order by d.rank), array_agg(scores[d.place] order by d.rank)
        into ids, scores
        from recsys_internal.diversify(model, ids, scores, k, diversity)
            with ordinality as d (place, rank);
    else
        ids := ids[: k];
        scores := scores[: k];
        because := because[: k];
    end if;
    if not reranked or diversity > 0 or k > chosen.candidates then  -- some have none yet
        because := recsys_internal.find_reasons(chosen, ordering, ids);
    end if;
    return query select * from recsys_internal.complete_recommendations(
        model, taste.source, ids, scores, recsys_internal.predict_stars(ranker, rater, ids),
        because, k, barred, filters, ranker, array[rater]);
end
$$;

comment on column recsys.recommendation.rank is 'Place in the list; 1 is the best.';
comment on column recsys.recommendation.movie_id is 'Id of the film.';
comment on column recsys.recommendation.title is 'Title of the film.';
comment on column recsys.recommendation.year is 'Its year of release.';
comment on column recsys.recommendation.genres is 'Names of its genres.';
comment on column recsys.recommendation.score is
    'Higher is better; comparable among rows of one source and user alone.';
comment on column recsys.recommendation.predicted_rating is
    'Stars that the user would give it; null without a ranker.';
comment on column recsys.recommendation.source is
    'Where the row came from: personal, live, content or popular.';
comment on column recsys.recommendation.because_movie_id is
    'The liked film that adds most to the score; null where none adds anything.';
comment on column recsys.recommendation.because_title is 'Its title.';
comment on column recsys.recommendation.model_id is
    'Id of the model that answered; null for popular films.';

comment on function recsys.recommend is
    'The k best films for a user that they have neither rated nor seen: personal ones by the model''s score, '
    'then popular ones, which a user without known likes gets alone. Ratings count '
    'from the next statement on; because_title is the liked film that adds most to the score. With '
    'rerank, the best of retrieval and films that are popular now are put in order by what the '
    'model has learned; diversity (0 to 1) makes the films less alike.';
