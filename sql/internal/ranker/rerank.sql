-- Retrieval knows already how much a film is liked on average: only the user's own part is added.
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
    'Retrieved films with their predicted stars, by a score that the stars count in: one star more '
    'than the film''s average (mean and bias) adds the ranker''s weight times the best score.';
