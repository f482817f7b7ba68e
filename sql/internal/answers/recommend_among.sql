create or replace function recsys_internal.recommend_among(
    user_id bigint,
    k integer,
    model recsys.models,
    filters recsys_internal.filters,
    barred bigint[],
    rated recsys_internal.rated,
    marks recsys_internal.marks,
    diversity real,
    rerank boolean,
    shown recsys_internal.shown default null,
    variant text default null
)
returns setof recsys.recommendation
language plpgsql stable
as $$
#variable_conflict use_column
declare
    taste recsys_internal.taste := recsys_internal.find_taste(
        recommend_among.user_id, model, rated);
    ranker recsys.rankers := recsys_internal.find_ranker(model.model_id);
    rater recsys_internal.rater := recsys_internal.find_rater(
        recommend_among.user_id, ranker, rated);
    chosen recsys.orders := recsys_internal.find_order(model.model_id);
    ordering recsys_internal.ordering;
    reranked boolean := coalesce(rerank, false) and chosen.name <> 'retrieval';
    wanted constant integer := recsys_internal.reach(k, shown);
    ids bigint[];
    scores double precision[];
    because bigint[];
begin
    if reranked and chosen.name = 'popular' and diversity = 0 then
        taste := null;  -- the list is that of all users, which popular films fill
    elsif reranked then
        ordering := recsys_internal.find_ordering(model, chosen, rated, marks);
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
            wanted, diversity, case when reranked then chosen.candidates end), barred, filters)
        with ordinality as n (movie_id, distance, place);
    if reranked then
        select array_agg(r.movie_id), array_agg(r.score), array_agg(r.because)
        into ids, scores, because
        from (
            select * from recsys_internal.rerank(
                model, taste, chosen, ordering, ids, scores, barred, filters, wanted)
            where taste.ranking is not null
            order by score desc, movie_id
        ) r;
    end if;
    if diversity > 0 then
        select array_agg(ids[d.place] order by d.rank), array_agg(scores[d.place] order by d.rank)
        into ids, scores
        from recsys_internal.diversify(model, ids, scores, wanted, diversity)
            with ordinality as d (place, rank);
    else
        ids := ids[: wanted];
        scores := scores[: wanted];
        because := because[: wanted];
    end if;
    if shown.movie_ids is not null then
        select array_agg(ids[s.place] order by s.rank), array_agg(scores[s.place] order by s.rank),
            array_agg(because[s.place] order by s.rank)
        into ids, scores, because
        from recsys_internal.step_back(ids, shown, k) with ordinality as s (place, rank);
    end if;
    if not reranked or diversity > 0 or wanted > chosen.candidates then  -- some have none yet
        because := recsys_internal.find_reasons(chosen, ordering, ids);
    end if;
    return query select * from recsys_internal.complete_recommendations(
        model, taste.source, ids, scores, recsys_internal.predict_stars(ranker, rater, ids),
        because, k, barred, filters, ranker, array[rater], shown => shown, variant => variant);
end
$$;

comment on function recsys_internal.recommend_among is
    'The k best films for a user among those that pass the filters and are not barred: what '
    'recsys.recommend and recsys.watchlist have in common.';
