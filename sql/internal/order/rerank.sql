-- A fixed number is put in order, so that longer lists begin as shorter ones do. What comes after
-- keeps retrieval's order, with scores that go on below: films beyond that number, and those with a
-- vector from what they are, of which the order has learned nothing.
create or replace function recsys_internal.rerank(
    model recsys.models,
    taste recsys_internal.taste,
    chosen recsys.orders,
    ordering recsys_internal.ordering,
    movie_ids bigint[],
    scores double precision[],
    barred bigint[],
    filters recsys_internal.filters
)
returns table (movie_id bigint, score double precision)
language sql stable
as $$
    with retrieved as materialized (
        select r.movie_id, r.score, r.place <= (chosen).candidates and not v.content as ordered
        from unnest(movie_ids, scores) with ordinality as r (movie_id, score, place)
        join recsys.movie_vectors v
            on v.model_id = (model).model_id and v.movie_id = r.movie_id
    ),
    head as materialized (
        select o.movie_id, o.score
        from (
            select array_agg(c.movie_id) as ids, array_agg(c.score) as scores
            from (
                select r.movie_id, r.score from retrieved r where r.ordered
                union all
                select p.movie_id, -(v.embedding operator(public.<#>) taste.ranking)
                    * (model).item_norm
                from recsys_internal.popular_movies(
                    (chosen).popular_candidates, barred, filters) p
                join recsys.movie_vectors v
                    on v.model_id = (model).model_id and v.movie_id = p.movie_id
                where not v.content
                  and p.movie_id not in (select r.movie_id from retrieved r where r.ordered)
            ) c
        ) c
        cross join lateral recsys_internal.order_scores(chosen, ordering, c.ids, c.scores) o
    )
    select h.movie_id, h.score from head h
    union all
    select t.movie_id, t.score - max(t.score) over ()
        + coalesce((select min(h.score) from head h), 0)
    from retrieved t
    where not t.ordered and t.movie_id not in (select h.movie_id from head h)
    order by 2 desc, 1
$$;

comment on function recsys_internal.rerank is
    'Retrieved films and popular ones by the score of a model''s order, then the rest of the '
    'retrieved.';
