-- What everybody thinks of a film, the retrieval knows already: only what is the user's own counts.
create or replace function recsys_internal.rerank(
    ranker recsys.rankers,
    rater recsys_internal.rater,
    movie_ids bigint[],
    scores double precision[]
)
returns table (movie_id bigint, score double precision, stars real)
language sql stable
as $$
    select c.movie_id, c.score + (ranker).weight * best.score * (c.stars - (ranker).mean - (
        coalesce(f.features, recsys_internal.ranker_features(ranker, c.movie_id))::real[]
    )[public.vector_dims((ranker).ridge)]), c.stars
    from unnest(movie_ids, scores, recsys_internal.predict_stars(ranker, rater, movie_ids))
        as c (movie_id, score, stars)
    left join recsys.ranker_films f
        on f.model_id = (ranker).model_id and f.movie_id = c.movie_id
    cross join (select max(abs(s)) from unnest(scores) s) best (score)
    order by 2 desc, 1
$$;

comment on function recsys_internal.rerank is
    'Retrieved films by their score and the predicted stars: a star more than the film is given on '
    'average (mean and bias) counts as the ranker''s weight times the best score. With the stars.';
