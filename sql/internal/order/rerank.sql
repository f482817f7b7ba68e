-- A fixed number is put in order, so that longer lists begin as shorter ones do. What comes after
-- keeps retrieval's order, with scores that go on below: by a hair, since of equal ones the film's id
-- would decide, and a longer list begin otherwise.
create or replace function recsys_internal.rerank(
    model recsys.models,
    taste recsys_internal.taste,
    chosen recsys.orders,
    ordering recsys_internal.ordering,
    movie_ids bigint[],
    scores double precision[],
    barred bigint[],
    filters recsys_internal.filters,
    explained integer  -- so many of the best candidates get a reason
)
returns table (movie_id bigint, score double precision, because bigint)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    ids bigint[] := movie_ids[: chosen.candidates];
    retrieval double precision[] := scores[: chosen.candidates];
    popular_ids bigint[];
    popular_scores double precision[];
begin
    select array_agg(p.movie_id), array_agg(v.score)
    into popular_ids, popular_scores
    from recsys_internal.popular_movies(chosen.popular_candidates, barred, filters) p
    cross join lateral (
        select -(v.embedding <#> taste.ranking) * model.item_norm as score
        from recsys.movie_vectors v
        where v.model_id = model.model_id and v.movie_id = p.movie_id
        limit 1  -- a look-up a film, not a join of all films
    ) v
    where p.movie_id <> all (ids);
    return query
    with head as materialized (
        select o.movie_id, o.score, o.because
        from recsys_internal.order_scores(
            chosen, ordering, ids || popular_ids, retrieval || popular_scores, explained) o
    )
    select * from head
    union all
    select t.movie_id, t.score - max(t.score) over ()
        + (select min(h.score) - 1e-9 * (1 + abs(min(h.score))) from head h), null
    from unnest(movie_ids[chosen.candidates + 1 :], scores[chosen.candidates + 1 :])
        as t (movie_id, score)
    where t.movie_id not in (select h.movie_id from head h);
end
$$;

comment on function recsys_internal.rerank is
    'Retrieved films and popular ones by the score of a model''s order, the best with their reasons, '
    'then the rest of the retrieved.';
